//! The MySQL gateway, wired: its certificate, its listener, what it asks of the control plane.

pub mod certificates;
mod directory;
pub mod region;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use bough_api::OtherFigure;
use bough_control::ControlPlane;
use bough_control::connections::Client;
use bough_gateway::{Figures, Gateway, Named, ProxyProtocol, Settings, TlsConfig};
use bough_model::{Cidrs, Timestamp};
use bough_peers::{ClientPlace, Member, Neighbours};
use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;
use crate::datadir::DataDir;
use certificates::{Certificates, LOOK_EVERY_SECONDS, Source};
use directory::PlaneDirectory;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// Listens for MySQL clients, before anything is served.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// A gateway that serves.
pub struct Serving {
    gateway: Gateway,
    drain_limit: Duration,
}

impl Listening {
    /// Binds `address`, as it stands in the settings. With `share`, other gateway processes may do the same.
    pub fn bind(address: &str, share: bool) -> Result<Self> {
        let parsed: SocketAddr = address.parse().with_context(|| {
            format!("{address:?} is no address for MySQL clients to be listened for, such as 127.0.0.1:3316")
        })?;
        let socket = if parsed.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        if share {
            socket.set_reuseport(true)?;
        }
        socket.bind(parsed).with_context(|| {
            format!(
                "MySQL clients cannot be listened for on {parsed}; is another Bough or database there? Name another \
                 address with --mysql or [server] mysql"
            )
        })?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes clients from now on.
    pub async fn serve(
        self,
        dir: &DataDir,
        config: &Config,
        plane: &Arc<ControlPlane>,
        version: &str,
    ) -> Result<Serving> {
        let member = Arc::new(Member::join(&dir.run()).await?);
        let settings = settings(config, version, member.number())?;
        let source = source(dir, config)?;
        let certificates = Certificates::open(source.clone())?;
        let tls = TlsConfig::new(certificates.server_config()?);
        let directory = PlaneDirectory::new(Arc::clone(plane), Arc::clone(&member));
        let entropy = Arc::new(|bytes: &mut [u8]| bough_control::fill_random(bytes));
        let gateway = Gateway::new(directory, tls, settings, entropy);
        member.listen(gateway.clone())?;
        tokio::spawn(look_after_certificates(certificates));
        let serving = gateway.clone();
        tokio::spawn(async move { serving.serve(self.listener).await });
        Ok(Serving { gateway, drain_limit: Duration::from_millis(config.gateway.drain_limit_ms) })
    }
}

/// What `/metrics` tells of all gateway processes of this host. Asked for on a thread that may wait.
pub fn figures(run: &Path) -> bough_api::OtherFigures {
    let (neighbours, runtime) = (Neighbours::of(run), tokio::runtime::Handle::current());
    bough_api::OtherFigures::new(move || {
        let processes = runtime.block_on(neighbours.figures());
        let values = |name: &str| {
            let of = |figures: &[(String, u64)]| {
                figures.iter().find(|(told, _)| told == name).map(|(_, value)| *value)
            };
            processes.iter().filter_map(|(process, figures)| Some((*process, of(figures)?))).collect()
        };
        let known = Figures::default().named();
        let figure = |Named { name, grows, help, .. }: &Named| OtherFigure {
            name: format!("gateway_{name}"),
            grows: *grows,
            help,
            values: values(name),
        };
        known.iter().map(figure).collect()
    })
}

/// Has the control plane ask the gateway processes of this host where clients are and what they came with, on the
/// runtime that this is called on. It asks on a thread that may wait.
pub fn tell_clients(run: &Path, plane: &ControlPlane) {
    let (neighbours, runtime) = (Neighbours::of(run), tokio::runtime::Handle::current());
    plane.learn_clients_from(Box::new(move |branch| {
        let clients = runtime.block_on(neighbours.clients(branch));
        let told = |client: ClientPlace| {
            (client.thread.into(), Client { address: client.address, password: client.password })
        };
        clients.into_iter().map(told).collect()
    }));
}

impl Serving {
    /// Takes no more clients, lets those who are in the middle of something end it, for a while, and ends all
    /// others. Those are cut, too, when `at_once` resolves.
    pub async fn stop(self, at_once: impl Future<Output = ()>) {
        let open = self.gateway.sessions(None).len();
        if open > 0 {
            let sessions = if open == 1 { "1 session".to_owned() } else { format!("{open} sessions") };
            let limit = self.drain_limit.as_secs_f64();
            tracing::info!("waiting up to {limit} s for {sessions} of MySQL clients; once more cuts them");
        }
        self.gateway.drain(self.drain_limit, at_once).await;
    }
}

/// What clients are told to connect to.
pub fn public_address(config: &Config, bound: SocketAddr) -> String {
    if !config.gateway.public_address.is_empty() {
        return config.gateway.public_address.clone();
    }
    if !bound.ip().is_unspecified() {
        return bound.to_string();
    }
    // Bound everywhere: the host by which the pages are reached, else this machine.
    let url = config.server.public_url.split_once("://").map_or("", |(_, rest)| rest);
    let host = url.split(['/', ':']).next().unwrap_or_default();
    let host = if host.is_empty() { "localhost" } else { host };
    format!("{host}:{}", bound.port())
}

/// Makes what the local authority signs, where the operator has no certificate. Whoever holds the data
/// directory calls this, at the start and then and again.
pub fn make_certificates(dir: &DataDir, config: &Config, public_address: &str) -> Result<()> {
    if let Source::Local(folder) = source(dir, config)? {
        let names = certificates::names_for(public_address);
        certificates::make_local(&folder, &names, Timestamp::from_system(SystemTime::now()))?;
    }
    Ok(())
}

/// Makes another certificate before the one of the local authority ends, for as long as this is polled.
pub async fn renew_certificates(dir: DataDir, config: Arc<Config>, public_address: String) {
    let Ok(Source::Local(folder)) = source(&dir, &config) else { return };
    let mut every = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECONDS));
    loop {
        every.tick().await;
        if certificates::is_due(&folder)
            && let Err(error) = make_certificates(&dir, &config, &public_address)
        {
            tracing::warn!(error = %format!("{error:#}"), "another certificate could not be made; trying again");
        }
    }
}

/// Where the local authority's certificate lies, for clients to verify the gateway with; `None` where the
/// operator's own certificate is shown.
pub fn authority(dir: &DataDir, config: &Config) -> Option<PathBuf> {
    match source(dir, config) {
        Ok(Source::Local(folder)) => Some(certificates::authority_path(&folder)),
        _ => None,
    }
}

/// Where the certificate that clients are shown comes from.
pub fn source(dir: &DataDir, config: &Config) -> Result<Source> {
    let (certificate, key) = (&config.gateway.tls_certificate, &config.gateway.tls_key);
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(Source::Local(dir.root().join("tls"))),
        (false, false) => Ok(Source::Files { certificate: certificate.into(), key: key.into() }),
        _ => bail!("[gateway] tls_certificate and tls_key are set together, or neither is"),
    }
}

fn settings(config: &Config, version: &str, process: u8) -> Result<Settings> {
    let from = &config.gateway;
    let unlimited = |limit: usize| if limit == 0 { usize::MAX } else { limit };
    let proxies = Cidrs::parse(from.proxy_protocol_from.iter().map(String::as_str))
        .map_err(|why| anyhow::anyhow!("[gateway] proxy_protocol_from: {why}"))?;
    Ok(Settings {
        version: version.to_owned(),
        connections_max: unlimited(from.connections_max),
        connections_per_address: unlimited(from.connections_per_address),
        connections_per_password: unlimited(from.connections_per_password),
        login_limit: Duration::from_millis(from.login_limit_ms),
        plain_on_loopback: from.plain_text_from_loopback,
        local_infile: from.local_infile,
        proxy_protocol: if from.proxy_protocol_from.is_empty() {
            ProxyProtocol::Off
        } else {
            ProxyProtocol::From(proxies)
        },
        process,
        ..Settings::default()
    })
}

async fn look_after_certificates(certificates: Arc<Certificates>) {
    let mut every = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECONDS));
    loop {
        every.tick().await;
        match certificates.look_again() {
            Ok(false) => {}
            Ok(true) => tracing::info!("the gateway shows another certificate from now on"),
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "the certificate before goes on being shown");
            }
        }
    }
}
