//! `bough serve`: serves a data directory until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bough_api::{Options, Server};
use bough_control::ControlPlane;
use bough_engine::ManagedEngine;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Config;
use crate::datadir::DataDir;
use crate::gateway::{self, Listening};
use crate::{Place, logging, output};

/// Longest time for all branch servers to stop, in seconds.
const STOP_LIMIT_SECONDS: u64 = 60;
/// The part of the files that may be open which connections never get: one in so many.
const FILES_KEPT: u64 = 4;

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Where API and pages are served; port 0 takes any free one.
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// Where MySQL clients are listened for; port 0 takes any free one.
    #[arg(long, value_name = "ADDR")]
    pub mysql: Option<String>,
    /// What answers name for SQL over HTTP. Nothing listens there in this version.
    #[arg(long, value_name = "ADDR")]
    pub data_http: Option<String>,
    /// Stops the branch servers, too, when this ends.
    #[arg(long)]
    pub stop_branches: bool,
}

/// What runs, for whoever started it.
pub struct Running<'a> {
    pub plane: &'a Arc<ControlPlane>,
    pub engine: &'a Arc<ManagedEngine>,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::existing(&args.place.data_dir)?;
    serve(args, &dir, |_| Ok(()))
}

/// Serves; calls `started` once requests are answered.
pub fn serve(
    args: &Args,
    dir: &DataDir,
    started: impl FnOnce(&Running<'_>) -> Result<()> + Send + 'static,
) -> Result<()> {
    let mut config = Config::load(Some(dir.root()), args.place.config.as_deref())?;
    let flag = |to: &mut String, from: &Option<String>| {
        if let Some(from) = from {
            to.clone_from(from);
        }
    };
    flag(&mut config.server.http, &args.http);
    flag(&mut config.server.mysql, &args.mysql);
    flag(&mut config.server.data_http, &args.data_http);
    let config = Arc::new(config);
    let _held = dir.hold()?;
    logging::start(&config.log)?;
    raise_descriptors();
    let engine = dir.engine(&config)?;
    engine.sweep()?;
    let address: SocketAddr = config.server.http.parse().with_context(|| {
        format!("{:?} is no address to listen on, such as 127.0.0.1:8080", config.server.http)
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let signals = StopSignals::listen()?;
        let (stopping, stops) = watch::channel(false);
        let first = signals.told(1);
        let stopped = async move {
            first.await;
            tracing::info!("stopping");
            let _ = stopping.send(true);
        };
        let server = Server::bind(address).await?;
        let bound = server.address();
        let (listening, mysql) = match config.gateway.in_serve {
            true => {
                let listening = Listening::bind(&config.server.mysql, false)?;
                let address = listening.address();
                (Some(listening), address)
            }
            false => (None, config.server.mysql.parse().context("[server] mysql is no address")?),
        };
        let mysql_address = gateway::public_address(&config, mysql);
        gateway::make_certificates(dir, &config, &mysql_address)?;
        tokio::spawn(gateway::renew_certificates(dir.clone(), Arc::clone(&config), mysql_address.clone()));
        let authority = gateway::authority(dir, &config);
        let settings = config.settings(bound, mysql_address, authority.as_deref(), dir.root())?;
        let plane = dir.plane(settings, Some(Arc::clone(&engine)))?;
        let background = plane.start_background()?;
        gateway::region::listen(&dir.run(), Arc::clone(&plane))?;
        let listens = listening.is_some();
        let version = engine.flavor().greeting();
        gateway::tell_clients(&dir.run(), &plane);
        let clients = match listening {
            Some(listening) => Some(listening.serve(dir, &config, &plane, &version).await?),
            None => None,
        };
        dir.write_addresses(bound, listens.then_some(mysql))?;
        tracing::info!(http = %bound, mysql = listens.then_some(tracing::field::display(mysql)), data_dir = %dir.root().display(), flavor = %engine.flavor(), "serving");
        warn_of_orphans(&plane, &engine);
        let options = Options {
            rate_limit_per_minute: config.api.rate_limit_per_minute,
            connections_max: connections_max(config.server.connections_max),
            connections_per_address: config.server.connections_per_address,
            other_figures: gateway::figures(&dir.run()),
        };
        let pages = bough_dashboard::Options {
            openapi: bough_api::openapi(),
            stopping: stops,
            rate_limit_per_minute: config.api.rate_limit_per_minute,
        };
        let pages = bough_dashboard::router(Arc::clone(&plane), pages);
        let mut serving = tokio::spawn(server.serve(Arc::clone(&plane), options, pages, stopped));
        let (for_start, engine_for_start) = (Arc::clone(&plane), Arc::clone(&engine));
        let start = tokio::task::spawn_blocking(move || {
            started(&Running { plane: &for_start, engine: &engine_for_start })
        });
        // Whoever stops this does not wait for what is done at the start.
        let served = async {
            tokio::select! {
                done = start => {
                    if let Err(error) = done? {
                        output::complain(&error);
                    }
                    (&mut serving).await?;
                }
                ended = &mut serving => ended?,
            }
            anyhow::Ok(())
        };
        tokio::select! {
            ended = served => ended?,
            () = signals.told(2) => {}
        }
        if let Some(clients) = clients {
            clients.stop(signals.told(2)).await;
        }
        dir.remove_addresses();
        tokio::task::spawn_blocking(move || background.stop()).await?;
        Ok(())
    });
    runtime.shutdown_background();
    if args.stop_branches {
        let stopped = engine.stop_all(Duration::from_secs(STOP_LIMIT_SECONDS))?;
        tracing::info!(stopped, "branch servers stopped");
    }
    ended
}

/// How often this process has been told to stop, by SIGTERM or SIGINT.
pub struct StopSignals(watch::Receiver<u32>);

impl StopSignals {
    /// Counts from this call on, as long as the runtime does that this is called on.
    pub fn listen() -> Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
        let (count, counted) = watch::channel(0_u32);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|times| *times = times.saturating_add(1));
            }
        });
        Ok(Self(counted))
    }

    /// Resolves once it has been told so often.
    pub fn told(&self, times: u32) -> impl Future<Output = ()> + Send + use<> {
        let mut counted = self.0.clone();
        async move {
            // Whoever counts ends with the runtime.
            let _ = counted.wait_for(|told| *told >= times).await;
        }
    }
}

/// Each connection and each branch server's log takes a descriptor: as many as the system lets us have.
pub fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// As many connections as were asked for, if the system lets us have so many: the store and the branch
/// servers' logs must find descriptors when every connection has one.
fn connections_max(wanted: usize) -> usize {
    let Ok((files, _)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let room = usize::try_from(files - files / FILES_KEPT).unwrap_or(usize::MAX);
    if wanted > room {
        tracing::warn!(
            wanted,
            "at most {room} connections are held at once: this process may have {files} files open (LimitNOFILE, ulimit -n)"
        );
    }
    wanted.min(room)
}

/// Folders of branches that no record knows: after a restored backup of the store, say. They may hold
/// somebody's data, so they are left alone and said.
fn warn_of_orphans(plane: &ControlPlane, engine: &ManagedEngine) {
    for id in engine.list_places().unwrap_or_default() {
        if matches!(plane.is_branch_recorded(&id), Ok(false)) {
            tracing::warn!(
                branch = %id,
                folder = %engine.directory().join("branches").join(id.as_str()).display(),
                "there is a folder of a branch that no record knows; it is left alone"
            );
        }
    }
}
