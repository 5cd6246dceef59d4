//! What every command is given: the machine it runs on and the settings read from it.

use crate::settings::Settings;
use crate::world::World;

/// The world and the settings of one run.
#[derive(Clone, Copy)]
pub struct Context<'w> {
    pub world: &'w World,
    pub settings: &'w Settings,
}
