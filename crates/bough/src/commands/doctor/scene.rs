//! What every check needs to know first: which directory, whose, with which settings, and who asks.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bough_engine::EngineAccount;
use bough_engine::checkup::Checkup;
use nix::unistd::{Uid, User, geteuid};

use super::report::{Check, Level, Report, quoted};
use super::serving::Serving;
use crate::Place;
use crate::config::Config;
use crate::datadir::DataDir;

/// What is at the path of the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing yet.
    Absent,
    /// An empty folder, or one with nothing but settings.
    Empty,
    /// Something that is not Bough's.
    Foreign,
    /// It cannot be seen.
    Unseen,
    /// A data directory.
    Ours,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub uid: u32,
    pub gid: Option<u32>,
    pub name: String,
}

impl Who {
    pub fn of(uid: u32) -> Self {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        Self {
            uid,
            gid: user.as_ref().map(|user| user.gid.as_raw()),
            name: user.map_or_else(|| format!("user number {uid}"), |user| user.name),
        }
    }

    /// As `chown` takes it, with the account's own group.
    pub fn owner(&self) -> String {
        if self.gid.is_some() { format!("{}:", self.name) } else { format!("{0}:{0}", self.uid) }
    }
}

/// All of it.
pub struct Scene {
    pub dir: DataDir,
    pub kind: Kind,
    pub config: Config,
    pub serving: Serving,
    /// Who runs the Bough of this directory.
    pub runner: Who,
    /// Whether this process runs as that account itself.
    pub is_runner: bool,
    /// Whether this process may see all that the runner may.
    pub sees_all: bool,
    /// Who runs its branch servers, if that can be told.
    pub engine: Option<Checkup>,
}

impl Scene {
    /// Looks around, and reports what is wrong with that already.
    pub fn look(place: &Place, report: &mut Report) -> anyhow::Result<Self> {
        let dir = DataDir::at(&place.data_dir)?;
        let root = dir.root().to_owned();
        let kind = kind_of(&root, report);
        let config = settings(&root, place, report);
        let serving = if kind == Kind::Ours { Serving::of(&root) } else { Serving::Nobody };
        let own = geteuid().as_raw();
        let owner = fs::metadata(&root).ok().filter(|_| kind == Kind::Ours).map(|meta| meta.uid());
        // An ordinary account judges its own directory; of somebody else's it sees little.
        let runner = match (serving.process(), owner) {
            (Some(process), _) => process.uid,
            (None, Some(owner)) if own == 0 || owner != own => owner,
            _ => own,
        };
        let runner = Who::of(runner);
        let is_runner = own == runner.uid;
        let sees_all = own == 0 || is_runner;
        if !sees_all {
            let (me, whose) = (Who::of(own), &runner.name);
            let who = if runner.uid == 0 { "root".to_owned() } else { format!("root or as {whose}") };
            report.wrong(
                Check::Account,
                Level::Failure,
                format!(
                    "{} belongs to {whose}, and {} asks: most of it cannot be seen",
                    root.display(),
                    me.name
                ),
                format!(
                    "run this as {who}. If {} shall run Bough, as root: chown -R {} {}",
                    me.name,
                    me.owner(),
                    quoted(&root)
                ),
            );
        }
        let engine = account(&runner, &config, sees_all, report)
            .map(|account| Checkup::new(&root.join("engine"), account));
        Ok(Self { dir, kind, config, serving, runner, is_runner, sees_all, engine })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        self.dir.root()
    }

    /// The folder nearest to `path` that is there: itself, or one above.
    pub fn nearest(path: &Path) -> PathBuf {
        path.ancestors().find(|step| step.is_dir()).unwrap_or(Path::new("/")).to_owned()
    }
}

fn kind_of(root: &Path, report: &mut Report) -> Kind {
    let shown = root.display();
    let unseen = |report: &mut Report, error: &std::io::Error| {
        report.wrong(
            Check::DataDir,
            Level::Failure,
            format!("{shown} cannot be looked at: {error}"),
            "run this as root, or see what `reach` says",
        );
        Kind::Unseen
    };
    match fs::metadata(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            report.wrong(
                Check::DataDir,
                Level::Note,
                format!("{shown} is not there yet"),
                format!("bough setup --data-dir {} --organization NAME --email ADDR", quoted(root)),
            );
            return Kind::Absent;
        }
        Err(error) => return unseen(report, &error),
        Ok(meta) if !meta.is_dir() => {
            report.wrong(
                Check::DataDir,
                Level::Failure,
                format!("{shown} is not a folder"),
                "name another one with --data-dir, or move it away",
            );
            return Kind::Foreign;
        }
        Ok(_) => {}
    }
    let dir = match DataDir::existing(root) {
        Ok(_) => {
            report.ok(Check::DataDir, format!("{shown} is a data directory of Bough"));
            return Kind::Ours;
        }
        Err(error) => error,
    };
    let identity = root.join("identity");
    match fs::symlink_metadata(&identity) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return unseen(report, &error),
        Ok(_) => {
            report.wrong(
                Check::DataDir,
                Level::Failure,
                format!("{dir:#}"),
                "serve it with the Bough that made it, or put `identity` back from a backup",
            );
            return Kind::Ours;
        }
    }
    if root.join("store.sqlite").exists() || root.join("secrets/master-key").exists() {
        report.wrong(
            Check::DataDir,
            Level::Failure,
            format!("{} is missing, although there is a store", identity.display()),
            format!("printf '{}\\n' > {}", crate::datadir::IDENTITY.trim_end(), quoted(&identity)),
        );
        return Kind::Ours;
    }
    match fs::read_dir(root) {
        Err(error) => unseen(report, &error),
        Ok(entries) => {
            let theirs = entries.filter_map(Result::ok).map(|entry| entry.file_name());
            match theirs.into_iter().find(|name| name != "bough.toml" && name != "lost+found") {
                Some(name) => {
                    report.wrong(
                        Check::DataDir,
                        Level::Failure,
                        format!(
                            "{shown} is no data directory: it holds {}, which is not Bough's",
                            name.display()
                        ),
                        "name another folder with --data-dir",
                    );
                    Kind::Foreign
                }
                None => {
                    report.wrong(
                        Check::DataDir,
                        Level::Note,
                        format!("{shown} is empty yet"),
                        format!("bough setup --data-dir {} --organization NAME --email ADDR", quoted(root)),
                    );
                    Kind::Empty
                }
            }
        }
    }
}

fn settings(root: &Path, place: &Place, report: &mut Report) -> Config {
    let read = Config::load(Some(root), place.config.as_deref());
    // Whatever address: what is asked is whether the rest makes sense.
    let checked = read.and_then(|config| {
        config.settings_unserved()?;
        Ok(config)
    });
    match checked {
        Ok(config) => {
            report.ok(Check::Settings, "the settings can be used");
            config
        }
        Err(error) => {
            report.wrong(
                Check::Settings,
                Level::Failure,
                format!("{error:#}"),
                "correct it; every setting is in docs/operations.md. Until then the defaults are judged here",
            );
            Config::defaults()
        }
    }
}

fn account(runner: &Who, config: &Config, sees_all: bool, report: &mut Report) -> Option<EngineAccount> {
    let user = (!config.engine.user.is_empty()).then_some(config.engine.user.as_str());
    match EngineAccount::resolve_for(runner.uid, user) {
        Ok(account) => {
            if account.name == "nobody" {
                report.wrong(
                    Check::Account,
                    Level::Note,
                    "branch servers run as nobody, as other programs may",
                    "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin bough; a directory in use \
                     keeps its account: set [engine] user = \"nobody\" there",
                );
            } else if sees_all && account.name == account.own_name {
                report.ok(Check::Account, format!("Bough and its branch servers run as {}", account.name));
            } else if sees_all {
                report.ok(
                    Check::Account,
                    format!("Bough runs as {}, its branch servers as {}", account.own_name, account.name),
                );
            }
            Some(account)
        }
        Err(error) => {
            report.wrong(
                Check::Account,
                Level::Failure,
                error.to_string(),
                "see [engine] user in docs/operations.md",
            );
            None
        }
    }
}
