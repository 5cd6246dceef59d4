//! provisional
use crate::{
    cli::Scopes,
    error::{Error, Result},
    settings::Settings,
    world::World,
};
pub fn run(_: &World, _: &Settings, _: &Scopes) -> Result<u8> {
    Err(Error::other("not there yet"))
}
