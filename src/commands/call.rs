//! provisional
use crate::{
    cli::Call,
    error::{Error, Result},
    settings::Settings,
    world::World,
};
pub async fn run(_: &World, _: &Settings, _: &Call) -> Result<u8> {
    Err(Error::other("not there yet"))
}
