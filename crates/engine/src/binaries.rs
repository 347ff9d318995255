//! Finds the database server's programs and reads which version they are.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bough_model::{Flavor, Vendor};

use crate::EngineError;

/// Where to look besides `PATH`: an ordinary account's `PATH` has no `sbin`.
const OTHER_FOLDERS: &[&str] = &["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// The programs that a managed region uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The server.
    pub mariadbd: PathBuf,
    /// The installer of new data directories.
    pub install_db: PathBuf,
    /// The command-line client; only `shell` and upgrades need it.
    pub client: Option<PathBuf>,
    /// What upgrades the system tables of a branch.
    pub upgrade: Option<PathBuf>,
    /// What the server calls itself.
    pub flavor: Flavor,
    /// Where they were looked for.
    folders: Vec<PathBuf>,
    /// Tells whether the server's program is still the one that told its version.
    stamp: Stamp,
}

/// A file, told apart from what an upgrade puts in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed_ns: i64,
    changed_s: i64,
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let meta = path.metadata();
        meta.map_or(Self::default(), |meta| Self {
            inode: meta.ino(),
            bytes: meta.len(),
            changed_ns: meta.ctime_nsec(),
            changed_s: meta.ctime(),
        })
    }
}

impl Binaries {
    /// Finds the programs: in `folder` if one is configured, else in `PATH` and the usual folders.
    ///
    /// # Errors
    /// [`EngineError::MissingBinary`] naming the Debian package, or [`EngineError::UnusableBinary`].
    pub fn find(folder: Option<&Path>) -> Result<Self, EngineError> {
        let folders = folders(folder);
        let server = "mariadb-server-core";
        let mariadbd = search(&folders, "mariadbd", server)?;
        let install_db = search(&folders, "mariadb-install-db", server)?;
        let client = search(&folders, "mariadb", "mariadb-client-core").ok();
        let upgrade = search(&folders, "mariadb-upgrade", server).ok();
        let stamp = Stamp::of(&mariadbd);
        let flavor = version(&mariadbd)?;
        if flavor.vendor != Vendor::MariaDb {
            let why = format!("it calls itself {flavor}; this engine runs MariaDB");
            return Err(EngineError::UnusableBinary { path: mariadbd, why });
        }
        Ok(Self { mariadbd, install_db, client, upgrade, flavor, folders, stamp })
    }

    /// These, or what has been installed in their place meanwhile. While there is nothing usable, these:
    /// starting a server says what is wrong.
    pub(crate) fn refreshed(&self) -> Option<Self> {
        let stamp = Stamp::of(&self.mariadbd);
        if stamp == self.stamp {
            return None;
        }
        let flavor = version(&self.mariadbd).ok()?;
        Some(Self { flavor, stamp, ..self.clone() })
    }

    pub(crate) fn folder_names(&self) -> String {
        names(&self.folders)
    }
}

fn names(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Where programs are looked for: in `folder` alone if one is configured.
pub(crate) fn folders(folder: Option<&Path>) -> Vec<PathBuf> {
    if let Some(folder) = folder {
        return vec![folder.to_owned()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = OTHER_FOLDERS.iter().map(PathBuf::from);
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).chain(usual).collect()
}

pub(crate) fn search(
    folders: &[PathBuf],
    program: &'static str,
    package: &'static str,
) -> Result<PathBuf, EngineError> {
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    folders
        .iter()
        .map(|folder| folder.join(program))
        .find(is_program)
        .ok_or_else(|| EngineError::MissingBinary { program, looked_in: names(folders), package })
}

fn version(mariadbd: &Path) -> Result<Flavor, EngineError> {
    let unusable = |why: String| EngineError::UnusableBinary { path: mariadbd.to_owned(), why };
    let output = Command::new(mariadbd)
        .args(["--no-defaults", "--version"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| unusable(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The program's own path may hold digits; the version comes after "Ver".
    let told = text.split_once("Ver ").map_or(text.as_ref(), |(_, rest)| rest);
    Flavor::parse(told).ok_or_else(|| unusable("its --version tells no version".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_names_its_package() {
        let error = Binaries::find(Some(Path::new("/nonexistent"))).expect_err("nothing is there");
        let told = error.to_string();
        assert!(
            told.contains("/nonexistent") && told.contains("apt-get install mariadb-server-core"),
            "{told}"
        );
    }
}
