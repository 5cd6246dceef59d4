//! provisional
use crate::{
    error::{Error, Result},
    settings::Settings,
    world::World,
};
pub async fn run(_: &World, _: &Settings) -> Result<u8> {
    Err(Error::other("not there yet"))
}
