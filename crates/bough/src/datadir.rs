//! The data directory: what lies where, who may read it, and who holds it.
//!
//! ```text
//! DIR/                0711   identity        which installation this is
//!     store.sqlite    0600   metadata
//!     secrets/        0700   master-key      what audit and stored secrets are keyed with
//!     audit-heads     0600   heads of the audit chains, outside the store
//!     tls/            0711   the gateway's certificate and its authority
//!     run/            0711   lock, addresses.json, sockets of gateway processes
//!     engine/         0700   branch servers, owned by their account
//!     bough.toml             settings, if the operator wrote any
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bough_control::{ControlPlane, Keys, MASTER_KEY_LEN, Settings};
use bough_engine::{Binaries, EngineAccount, EngineConfig, ManagedEngine};
use bough_model::Secret;
use bough_store::Store;

use crate::config::Config;

pub const IDENTITY: &str = "bough data directory 1\n";

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// The right to run branch servers in a data directory; ends with the process.
#[derive(Debug)]
pub struct Held {
    _lock: File,
}

impl DataDir {
    /// A data directory that exists.
    pub fn existing(root: &Path) -> Result<Self> {
        let dir = Self::at(root)?;
        match fs::read_to_string(dir.root.join("identity")) {
            Ok(text) if text == IDENTITY => Ok(dir),
            Ok(_) => bail!("{} was made by another version of Bough; nothing was changed", root.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(
                    "{} is not a data directory of Bough; name yours with --data-dir, or make one with `bough setup`",
                    dir.root.display()
                )
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", root.display())),
        }
    }

    /// A data directory, made when it is not there. A folder with other things in it is left alone.
    pub fn create(root: &Path) -> Result<Self> {
        let dir = Self::at(root)?;
        let identity = dir.root.join("identity");
        if !identity.exists() {
            // Looked at before anything is changed: a mistyped folder keeps its mode.
            let foreign = fs::read_dir(&dir.root)
                .into_iter()
                .flatten()
                .filter_map(Result::ok)
                .map(|entry| entry.file_name())
                .find(|name| name != "bough.toml" && name != "lost+found");
            if let Some(name) = foreign {
                bail!(
                    "{} holds {}, which is not Bough's; name an empty folder, or one that does not exist",
                    root.display(),
                    name.display()
                );
            }
            make_dir(&dir.root, 0o711)?;
            write_new(&identity, IDENTITY.as_bytes(), 0o644)?;
        }
        make_dir(&dir.root.join("run"), 0o711)?;
        make_dir(&dir.root.join("secrets"), 0o700)?;
        let key = dir.key_path();
        if !key.exists() {
            write_new(&key, hex(Keys::new_master().expose()).as_bytes(), 0o600)?;
        }
        Self::existing(root)
    }

    /// Whatever is there: nothing of it is looked at.
    pub fn at(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).with_context(|| format!("{} is no path", root.display()))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What belongs to the processes that run.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    fn key_path(&self) -> PathBuf {
        self.root.join("secrets/master-key")
    }

    fn store_path(&self) -> PathBuf {
        self.root.join("store.sqlite")
    }

    /// The file of noted audit heads.
    pub fn audit_heads(&self) -> PathBuf {
        self.root.join("audit-heads")
    }

    /// The keys that lie beside the store.
    pub fn keys(&self) -> Result<Keys> {
        let path = self.key_path();
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "the master key {} cannot be read. Without it the audit log cannot be continued: restore it from a backup",
                path.display()
            )
        })?;
        let key =
            unhex(text.trim()).with_context(|| format!("{} does not hold a master key", path.display()))?;
        Ok(Keys::derive(&Secret::new(key)))
    }

    /// Opens the metadata database.
    pub fn store(&self) -> Result<Store> {
        let path = self.store_path();
        // An empty one in its place would let everything look lost.
        let in_use = self.audit_heads().exists();
        if !path.exists() {
            if in_use {
                bail!(
                    "the metadata database {} is missing, although this directory was in use: put it back, or restore \
                     a backup",
                    path.display()
                );
            }
            // Made here, so that nobody else can ever read it.
            write_new(&path, b"", 0o600)?;
        }
        Ok(if in_use { Store::open_in_use(&path)? } else { Store::open(&path)? })
    }

    /// Takes the directory for this process: at most one runs branch servers in it.
    pub fn hold(&self) -> Result<Held> {
        let path = self.root.join("run/lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Held { _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another Bough is serving {}; stop it first, or name another --data-dir",
                self.root.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }

    /// The engine of this directory.
    pub fn engine(&self, config: &Config) -> Result<Arc<ManagedEngine>> {
        let user = (!config.engine.user.is_empty()).then_some(config.engine.user.as_str());
        Ok(Arc::new(ManagedEngine::open(EngineConfig {
            dir: self.root.join("engine"),
            account: EngineAccount::resolve(user)?,
            binaries: Binaries::find(config.binaries().as_deref())?,
            starts_at_once: config.engine.starts_at_once.max(1),
            pool_max_bytes: config.largest_buffer_pool_bytes(),
            local_infile: config.gateway.local_infile,
            cgroup: (!config.engine.cgroup.is_empty()).then(|| PathBuf::from(&config.engine.cgroup)),
        })?))
    }

    /// The control plane over this directory.
    pub fn plane(&self, settings: Settings, engine: Option<Arc<ManagedEngine>>) -> Result<Arc<ControlPlane>> {
        Ok(ControlPlane::new(self.store()?, engine, settings, self.keys()?, self.audit_heads()))
    }

    /// Tells scripts where the listeners are.
    pub fn write_addresses(&self, http: SocketAddr, mysql: Option<SocketAddr>) -> Result<()> {
        let mut addresses = serde_json::json!({"http": http.to_string()});
        if let Some(mysql) = mysql {
            addresses["mysql"] = mysql.to_string().into();
        }
        let text = addresses.to_string() + "\n";
        let path = self.root.join("run/addresses.json");
        let half = self.root.join("run/addresses.json.new");
        let _ = fs::remove_file(&half);
        write_new(&half, text.as_bytes(), 0o644)?;
        fs::rename(&half, &path).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Takes the addresses back: nobody listens any more.
    pub fn remove_addresses(&self) {
        let _ = fs::remove_file(self.root.join("run/addresses.json"));
    }
}

fn make_dir(path: &Path, mode: u32) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.with_context(|| format!("{} cannot be made", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("the mode of {} cannot be set; is it yours?", path.display()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; MASTER_KEY_LEN]> {
    if text.len() != MASTER_KEY_LEN * 2 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; MASTER_KEY_LEN];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
