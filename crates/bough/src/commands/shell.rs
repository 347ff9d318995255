//! `bough shell`: the mariadb client on a branch of this machine.

use std::os::unix::process::CommandExt as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use bough_control::model::BranchState;

use super::operator;
use crate::Place;
use crate::config::Config;
use crate::datadir::DataDir;
use crate::gateway::region;

/// Longest wait for a branch that is being made: making one takes a fraction of that.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const READY_EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The organization; needed when there are several.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// The database.
    database: String,
    /// The branch; the default branch when it is left out.
    branch: Option<String>,
    /// Arguments for the client, after `--`, such as `-e "SHOW TABLES"`.
    #[arg(last = true)]
    client: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::existing(&args.place.data_dir)?;
    let config = Config::load(Some(dir.root()), args.place.config.as_deref())?;
    let engine = dir.engine(&config)?;
    let plane = dir.plane(config.settings_unserved()?, None)?;
    let caller = operator();
    let organization = match &args.organization {
        Some(name) => plane.organization_by_name(&caller, name)?,
        None => plane.only_organization(&caller)?,
    };
    let asked = Instant::now();
    let (branch, schema) = loop {
        let (branch, schema) =
            plane.branch_by_name(&caller, &organization, &args.database, args.branch.as_deref())?;
        if branch.state != BranchState::Pending {
            break (branch, schema);
        }
        if let Some(why) = branch.last_error {
            bail!("branch {} is not ready yet ({why})", branch.name);
        }
        if asked.elapsed() >= READY_LIMIT {
            bail!("branch {} is not ready yet; if no Bough serves the directory, start one", branch.name);
        }
        std::thread::sleep(READY_EVERY);
    };
    // One that sleeps is woken by whoever serves the directory.
    region::tell(&dir.run(), &plane)?;
    plane.open_branch(&branch.id).with_context(|| {
        format!("branch {} cannot be used; if no Bough serves the directory, start one", branch.name)
    })?;
    // The client says nothing before this has proven that it is the branch's own server that answers.
    drop(engine.connect(&branch.id)?);
    let mut command = engine.shell_command(&branch.id, &schema)?;
    command.args(&args.client);
    // Replaces this process: the client has the terminal, and its exit code is ours.
    Err(command.exec()).context("the mariadb client could not be started")
}
