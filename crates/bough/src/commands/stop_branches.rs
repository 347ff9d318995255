//! `bough stop-branches`: stops every branch server of a data directory.

use std::time::Duration;

use anyhow::Result;

use crate::config::Config;
use crate::datadir::DataDir;
use crate::{Place, output};

/// Longest time for all of them to stop, in seconds.
const LIMIT_SECONDS: u64 = 120;

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::existing(&args.place.data_dir)?;
    // A Bough that serves the directory would start them again.
    let _held = dir.hold()?;
    let config = Config::load(Some(dir.root()), args.place.config.as_deref())?;
    let stopped = dir.engine(&config)?.stop_all(Duration::from_secs(LIMIT_SECONDS))?;
    output::say(&format!("{stopped} branch servers stopped"));
    Ok(())
}
