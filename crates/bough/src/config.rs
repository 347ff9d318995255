//! The operator's settings: defaults compiled in, then a file, then the environment, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bough_control::branches::{SLEEP_AFTER_MAX_SECONDS, SLEEP_AFTER_MIN_SECONDS};
use bough_control::console::RUN_MAX_SECONDS;
use bough_control::{Addresses, Limits, OperatorCommand, SessionLimits, Settings};
use bough_model::{ClusterSize, ClusterSizeName, Region, RegionId, RegionSlug, TokenPrefix};
use serde::Deserialize;

const DEFAULTS: &str = include_str!("default.toml");
const MIB: u64 = 1024 * 1024;
/// Longest life of a session that can be set, in seconds: a year.
const SESSION_LIMIT_SECONDS: u64 = 366 * 24 * 3600;

/// All settings, as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub api: Api,
    pub gateway: Gateway,
    pub dashboard: Dashboard,
    tokens: Tokens,
    pub log: Log,
    pub engine: Engine,
    limits: LimitsSection,
    defaults: Defaults,
    region: Vec<RegionSection>,
    cluster_size: Vec<SizeSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub http: String,
    pub public_url: String,
    pub mysql: String,
    pub data_http: String,
    pub connections_max: usize,
    pub connections_per_address: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub rate_limit_per_minute: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "switches of an operator, each by itself")]
pub struct Gateway {
    pub in_serve: bool,
    pub public_address: String,
    pub tls_certificate: String,
    pub tls_key: String,
    pub plain_text_from_loopback: bool,
    pub proxy_protocol_from: Vec<String>,
    pub local_infile: bool,
    pub connections_max: usize,
    pub connections_per_address: usize,
    pub connections_per_password: usize,
    pub login_limit_ms: u64,
    pub drain_limit_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    session_idle_s: u64,
    session_max_s: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub format: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub user: String,
    pub binaries: String,
    pub starts_at_once: usize,
    restart_at: String,
    pub cgroup: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    development_branches: i64,
    branches_per_creator: i64,
    expiry_notice_s: u64,
    sleep_after_s: u64,
    console_run_s: u64,
    reconciled_at_once: usize,
    check_every_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    cluster_size: String,
    development_cluster_size: String,
    foreign_keys: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionSection {
    slug: String,
    display_name: String,
    location: String,
    provider: String,
    #[serde(default)]
    public_ip_addresses: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    current_default: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SizeSection {
    name: String,
    cpu: String,
    ram_mib: u64,
    buffer_pool_mib: u64,
    redo_log_mib: u64,
    max_connections: u32,
    #[serde(default = "yes")]
    development: bool,
    #[serde(default = "yes")]
    production: bool,
}

const fn yes() -> bool {
    true
}

/// The environment variable of every key that holds a single value: `api.rate_limit_per_minute` and
/// `BOUGH_API_RATE_LIMIT_PER_MINUTE`.
fn variables(defaults: &config::Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for section in ["server", "api", "gateway", "dashboard", "tokens", "log", "engine", "limits", "defaults"]
    {
        let Ok(table) = defaults.get_table(section) else { continue };
        for key in table.keys() {
            let name = format!("BOUGH_{section}_{key}").to_ascii_uppercase();
            found.push((format!("{section}.{key}"), name));
        }
    }
    found
}

impl Config {
    /// Reads the settings. `file` must exist when it is named; `DIR/bough.toml` need not.
    pub fn load(data_dir: Option<&Path>, file: Option<&Path>) -> Result<Self> {
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Toml);
        let known = config::Config::builder().add_source(defaults.clone()).build()?;
        let mut builder = config::Config::builder().add_source(defaults);
        let file = match (file, data_dir) {
            (Some(file), _) => Some((file.to_owned(), true)),
            (None, Some(dir)) => Some((dir.join("bough.toml"), false)),
            (None, None) => None,
        };
        let mut named = String::from("the settings");
        if let Some((path, required)) = file {
            named = format!("{} or the environment", path.display());
            builder = builder.add_source(
                config::File::from(path.as_path()).format(config::FileFormat::Toml).required(required),
            );
        }
        for (key, variable) in variables(&known) {
            if let Ok(value) = std::env::var(&variable) {
                builder = builder.set_override(key, value)?;
            }
        }
        let read = builder.build().and_then(config::Config::try_deserialize);
        read.with_context(|| format!("{named} cannot be used"))
    }

    /// The settings that are compiled in, where nothing else can be read.
    pub fn defaults() -> Self {
        let text = config::File::from_str(DEFAULTS, config::FileFormat::Toml);
        let read =
            config::Config::builder().add_source(text).build().and_then(config::Config::try_deserialize);
        read.expect("the defaults parse: a test sees to it")
    }

    /// The settings as the control plane wants them: with the address that was bound, and with the one that MySQL
    /// clients are told, the file that they verify it by, and the data directory.
    pub fn settings(
        &self,
        http: SocketAddr,
        mysql: String,
        mysql_ca: Option<&Path>,
        data_dir: &Path,
    ) -> Result<Settings> {
        let public_url = match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{http}"),
            url => url.to_owned(),
        };
        let regions = self.region.iter().map(RegionSection::read).collect::<Result<Vec<_>>>()?;
        if regions.iter().filter(|region| region.current_default).count() != 1 {
            bail!("exactly one [[region]] must have current_default = true");
        }
        let sizes = self.cluster_size.iter().map(SizeSection::read).collect::<Result<Vec<_>>>()?;
        let size = |key: &str, text: &str| -> Result<ClusterSizeName> {
            let name =
                ClusterSizeName::parse(text).filter(|name| sizes.iter().any(|size| size.name == *name));
            name.with_context(|| format!("[defaults] {key} = {text:?} is not among the [[cluster_size]]s"))
        };
        let prefix = &self.tokens.prefix;
        Ok(Settings {
            addresses: Addresses {
                public_url,
                mysql,
                mysql_ca: mysql_ca.map(|path| path.display().to_string()),
                data_http: self.server.data_http.clone(),
            },
            command: OperatorCommand {
                program: std::env::current_exe()
                    .map_or_else(|_| "bough".to_owned(), |path| path.display().to_string()),
                data_dir: data_dir.display().to_string(),
            },
            default_size: size("cluster_size", &self.defaults.cluster_size)?,
            default_development_size: size(
                "development_cluster_size",
                &self.defaults.development_cluster_size,
            )?,
            regions,
            sizes,
            token_prefix: TokenPrefix::parse(prefix).with_context(|| {
                format!("[tokens] prefix = {prefix:?} must have 1 to 32 letters, digits and underscores")
            })?,
            limits: Limits {
                development_branches: self.limits.development_branches,
                reconciled_at_once: self.limits.reconciled_at_once.max(1),
                check_every: Duration::from_millis(self.limits.check_every_ms.max(100)),
                branches_per_creator: self.limits.branches_per_creator.max(0),
                expiry_notice: Duration::from_secs(self.limits.expiry_notice_s),
                sleep_after: sleep_after(self.limits.sleep_after_s),
                console_run: Duration::from_secs(self.limits.console_run_s.clamp(1, RUN_MAX_SECONDS)),
                restart_at_minute: minute_of_day(&self.engine.restart_at)?,
            },
            sessions: self.dashboard.sessions()?,
            foreign_keys: self.defaults.foreign_keys,
        })
    }

    /// The settings where this process answers nobody: addresses stand in nothing that is used.
    pub fn settings_unserved(&self) -> Result<Settings> {
        self.settings(([127, 0, 0, 1], 0).into(), self.server.mysql.clone(), None, Path::new(""))
    }

    /// The buffer pool of the largest cluster size, in bytes.
    pub fn largest_buffer_pool_bytes(&self) -> u64 {
        self.cluster_size.iter().map(|size| size.buffer_pool_mib * MIB).max().unwrap_or(0)
    }

    /// The folder of the database server's programs, if one is set.
    pub fn binaries(&self) -> Option<PathBuf> {
        (!self.engine.binaries.is_empty()).then(|| PathBuf::from(&self.engine.binaries))
    }
}

impl Dashboard {
    fn sessions(&self) -> Result<SessionLimits> {
        for (key, seconds) in [("session_idle_s", self.session_idle_s), ("session_max_s", self.session_max_s)]
        {
            if !(1..=SESSION_LIMIT_SECONDS).contains(&seconds) {
                bail!("[dashboard] {key} = {seconds} must be between 1 and {SESSION_LIMIT_SECONDS} seconds");
            }
        }
        Ok(SessionLimits {
            idle: Duration::from_secs(self.session_idle_s),
            longest: Duration::from_secs(self.session_max_s),
        })
    }
}

/// Less than there can be counts as the least; 0 is never.
fn sleep_after(seconds: u64) -> Duration {
    let least = if seconds == 0 { 0 } else { SLEEP_AFTER_MIN_SECONDS };
    Duration::from_secs(seconds.clamp(least, SLEEP_AFTER_MAX_SECONDS))
}

/// `HH:MM` as minutes since midnight; nothing for nothing.
fn minute_of_day(text: &str) -> Result<Option<u32>> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let minute =
        read().with_context(|| format!("[engine] restart_at = {text:?} is no time such as 03:30"))?;
    Ok(Some(minute))
}

impl RegionSection {
    fn read(&self) -> Result<Region> {
        let slug = RegionSlug::parse(&self.slug)
            .with_context(|| format!("[[region]] slug = {:?} is not a slug such as us-east", self.slug))?;
        Ok(Region {
            id: region_id(&self.slug),
            slug,
            display_name: self.display_name.clone(),
            location: self.location.clone(),
            provider: self.provider.clone(),
            public_ip_addresses: self.public_ip_addresses.clone(),
            enabled: self.enabled,
            current_default: self.current_default,
        })
    }
}

/// A region's id follows from its slug, so that it stays the same without being written anywhere.
fn region_id(slug: &str) -> RegionId {
    let digest = bough_model::Digest::of(format!("bough region {slug}").as_bytes());
    let mut random = [0; 24];
    for (to, from) in random.iter_mut().zip(digest.as_bytes()) {
        *to = from % 252;
    }
    RegionId::from_random(&random).expect("all bytes are below 252")
}

impl SizeSection {
    fn read(&self) -> Result<ClusterSize> {
        let name = ClusterSizeName::parse(&self.name).with_context(|| {
            format!("[[cluster_size]] name = {:?} is not a name such as PS_10", self.name)
        })?;
        if self.buffer_pool_mib < 8 || self.redo_log_mib < 8 || self.max_connections < 10 {
            bail!(
                "[[cluster_size]] {}: a server needs 8 MiB of buffer pool and of redo log, and 10 connections",
                self.name
            );
        }
        Ok(ClusterSize {
            name,
            cpu: self.cpu.clone(),
            ram_bytes: self.ram_mib * MIB,
            buffer_pool_bytes: self.buffer_pool_mib * MIB,
            redo_log_bytes: self.redo_log_mib * MIB,
            max_connections: self.max_connections,
            development: self.development,
            production: self.production,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        let config = Config::load(None, None).expect("the defaults parse");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let settings =
            config.settings(address, String::new(), None, Path::new("DIR")).expect("and make sense");
        assert_eq!(settings.addresses.public_url, "http://127.0.0.1:8080");
        assert_eq!(settings.default_region().slug.as_str(), "local");
        assert_eq!(region_id("local"), region_id("local"));
    }

    #[test]
    fn times_of_day() {
        assert_eq!(minute_of_day("").expect("none"), None);
        assert_eq!(minute_of_day("03:30").expect("a time"), Some(210));
        for wrong in ["24:00", "3", "03:60", "x:y", "-1:00"] {
            assert!(minute_of_day(wrong).is_err(), "{wrong}");
        }
    }
}
