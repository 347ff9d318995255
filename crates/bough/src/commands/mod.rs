//! One file per command.

pub mod admin;
pub mod audit;
pub mod dev;
pub mod doctor;
pub mod gateway;
pub mod serve;
pub mod setup;
pub mod shell;
pub mod stop_branches;

use std::sync::Arc;

use anyhow::Result;
use bough_control::{Caller, ControlPlane};

use crate::Place;
use crate::config::Config;
use crate::datadir::DataDir;
use crate::output::os_user;

/// The control plane of a directory for a command that runs no branch servers.
fn plane_without_engine(place: &Place, dir: &DataDir) -> Result<Arc<ControlPlane>> {
    let config = Config::load(Some(dir.root()), place.config.as_deref())?;
    // Nothing is served, so nobody reads the address.
    dir.plane(config.settings_unserved()?, None)
}

/// The operator, as this process is one.
fn operator() -> Caller {
    Caller::operator(&os_user())
}
