//! `bough gateway`: takes MySQL clients in a process of its own, so that a restart of `bough serve` cuts nobody.

use anyhow::Result;

use crate::config::Config;
use crate::datadir::DataDir;
use crate::gateway::{Listening, region};
use crate::{Place, logging};

use super::serve::{StopSignals, raise_descriptors};

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Where MySQL clients are listened for; port 0 takes any free one.
    #[arg(long, value_name = "ADDR")]
    mysql: Option<String>,
    /// Lets other gateway processes listen on the same address: one is started before another is stopped, and no
    /// client is refused in between.
    #[arg(long)]
    share_port: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::existing(&args.place.data_dir)?;
    let mut config = Config::load(Some(dir.root()), args.place.config.as_deref())?;
    if let Some(address) = &args.mysql {
        config.server.mysql.clone_from(address);
    }
    logging::start(&config.log)?;
    raise_descriptors();
    let engine = dir.engine(&config)?;
    let version = engine.flavor().greeting();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let signals = StopSignals::listen()?;
        let listening = Listening::bind(&config.server.mysql, args.share_port)?;
        let bound = listening.address();
        let plane = dir.plane(config.settings_unserved()?, Some(engine))?;
        region::tell(&dir.run(), &plane)?;
        let background = plane.start_recorder()?;
        let serving = listening.serve(&dir, &config, &plane, &version).await?;
        tracing::info!(mysql = %bound, data_dir = %dir.root().display(), "taking MySQL clients");
        signals.told(1).await;
        tracing::info!("stopping");
        serving.stop(signals.told(2)).await;
        tokio::task::spawn_blocking(move || background.stop()).await?;
        Ok(())
    });
    runtime.shutdown_background();
    ended
}
