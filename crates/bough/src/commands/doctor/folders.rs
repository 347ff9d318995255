//! The data directory: whose, how open, whether it can be reached, and its key. What lies in the branches'
//! folders is `branches`' to look at.

use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bough_engine::checkup::{FolderFault, Wrong, blockers};
use nix::unistd::{Gid, getgrouplist};

use super::report::{Check, Level, Report, octal, quoted};
use super::scene::{Kind, Scene, Who};

/// How a file of Bough's own must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A folder that others pass through.
    Passable,
    /// A folder for nobody else.
    Shut,
    /// A file for nobody else.
    Secret,
    /// A file that others may read.
    Public,
    /// The operator's settings.
    Settings,
}

const FILES: &[(&str, Form)] = &[
    ("", Form::Passable),
    ("identity", Form::Public),
    ("bough.toml", Form::Settings),
    ("store.sqlite", Form::Secret),
    ("store.sqlite-wal", Form::Secret),
    ("store.sqlite-shm", Form::Secret),
    ("audit-heads", Form::Secret),
    ("secrets", Form::Shut),
    ("secrets/master-key", Form::Secret),
    ("run", Form::Passable),
    ("run/lock", Form::Secret),
    ("run/addresses.json", Form::Public),
];

impl Form {
    const fn is_folder(self) -> bool {
        matches!(self, Self::Passable | Self::Shut)
    }

    const fn mode(self) -> u32 {
        match self {
            Self::Passable => 0o711,
            Self::Shut => 0o700,
            Self::Secret => 0o600,
            Self::Public | Self::Settings => 0o644,
        }
    }
}

pub fn check(scene: &Scene, report: &mut Report) {
    check_path(scene, report);
    check_reach(scene, report);
    if scene.kind != Kind::Ours {
        return;
    }
    for (name, form) in FILES {
        let path = if name.is_empty() { scene.root().to_owned() } else { scene.root().join(name) };
        check_file(scene, &path, *form, report);
    }
    check_engine(scene, report);
    if !scene.sees_all {
        return;
    }
    let root = scene.root().display();
    if report.is_silent(Check::Link) {
        report.ok(Check::Link, format!("no link stands in place of a folder in {root}"));
    }
    if report.is_silent(Check::Owner) {
        let servers = scene.engine.as_ref().map(|engine| engine.account().name.as_str());
        let rest = servers.filter(|name| *name != scene.runner.name);
        let rest = rest.map(|name| format!(", its branches to {name}")).unwrap_or_default();
        report.ok(Check::Owner, format!("{root} belongs to {}{rest}", scene.runner.name));
    }
    if report.is_silent(Check::Mode) {
        report.ok(Check::Mode, "nobody else can read secrets or change anything");
    }
    check_key(scene, report);
}

/// The option files of branch servers cannot name every path.
fn check_path(scene: &Scene, report: &mut Report) {
    if let Some(Err(error)) = scene.engine.as_ref().map(|engine| engine.check_path()) {
        report.wrong(
            Check::DataDir,
            Level::Failure,
            error.to_string(),
            "name another folder with --data-dir",
        );
    }
}

fn check_reach(scene: &Scene, report: &mut Report) {
    let above = Scene::nearest(scene.root());
    let target = above.canonicalize().unwrap_or(above);
    let groups = |who: &Who| -> Vec<u32> {
        let name = CString::new(who.name.clone()).unwrap_or_default();
        let gid = who.gid.unwrap_or(who.uid);
        let listed = getgrouplist(&name, Gid::from_raw(gid)).unwrap_or_default();
        listed.into_iter().map(Gid::as_raw).chain([gid]).collect()
    };
    // Whom, and with which groups: root passes everywhere, and its branch servers have one group only.
    let mut passers = Vec::new();
    // Who is there already passes, also where modes do not tell why (access control lists).
    let is_there = scene.serving.process().is_some() || scene.kind == Kind::Ours && scene.is_runner;
    if scene.runner.uid != 0 && !is_there {
        passers.push((scene.runner.uid, scene.runner.name.clone(), groups(&scene.runner)));
    }
    if let Some(account) = scene.engine.as_ref().map(|engine| engine.account())
        && account.uid != scene.runner.uid
    {
        passers.push((account.uid, account.name.clone(), vec![account.gid]));
    }
    for (uid, name, groups) in &passers {
        match blockers(&target, *uid, groups) {
            Ok(folders) => {
                for folder in folders {
                    report.wrong(
                        Check::Reach,
                        Level::Failure,
                        format!(
                            "account {name} cannot pass {}, so it cannot reach {}",
                            folder.display(),
                            scene.root().display()
                        ),
                        format!("chmod o+x {}", quoted(&folder)),
                    );
                }
            }
            Err(error) => report.wrong(
                Check::Reach,
                Level::Warning,
                format!(
                    "whether account {name} can reach {} cannot be told: {error}",
                    scene.root().display()
                ),
                "run this as root",
            ),
        }
    }
    if report.is_silent(Check::Reach) {
        let names: Vec<&str> = passers.iter().map(|(_, name, _)| name.as_str()).collect();
        let who = if names.is_empty() { scene.runner.name.clone() } else { names.join(" and ") };
        report.ok(Check::Reach, format!("{who} can reach {}", scene.root().display()));
    }
}

fn check_file(scene: &Scene, path: &Path, form: Form, report: &mut Report) {
    let shown = path.display();
    let seen = match fs::symlink_metadata(path) {
        // The data directory itself may be a link: the engine resolves it.
        Ok(meta) if meta.is_symlink() && path == scene.root() => fs::metadata(path),
        other => other,
    };
    let meta = match seen {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            if scene.sees_all {
                report.wrong(
                    Check::Mode,
                    Level::Failure,
                    format!("{shown} cannot be looked at: {error}"),
                    "run this as root",
                );
            }
            return;
        }
    };
    if meta.is_symlink() {
        let to = fs::read_link(path).unwrap_or_default();
        let level = if form == Form::Settings { Level::Note } else { Level::Warning };
        report.wrong(
            Check::Link,
            level,
            format!("{shown} is a link to {}", to.display()),
            "put the thing itself in its place, or mount a file system there",
        );
        return;
    }
    if meta.is_dir() != form.is_folder() {
        let (is, must) = if form.is_folder() { ("no folder", "a folder") } else { ("no file", "a file") };
        report.wrong(
            Check::Link,
            Level::Failure,
            format!("{shown} is {is}"),
            format!("move it away; it must be {must}"),
        );
        return;
    }
    let by_root = form == Form::Settings && meta.uid() == 0;
    if meta.uid() != scene.runner.uid && !by_root {
        report.wrong(
            Check::Owner,
            Level::Failure,
            format!("{shown} belongs to {}, and {} runs Bough", Who::of(meta.uid()).name, scene.runner.name),
            format!("chown {} {}", scene.runner.owner(), quoted(path)),
        );
    }
    let mode = meta.mode() & 0o7777;
    if let Some((level, why)) = judge_mode(mode, form, scene.runner.uid == 0 || by_root) {
        report.wrong(
            Check::Mode,
            level,
            format!("{shown} has mode {}: {why}", octal(mode)),
            format!("chmod {} {}", octal(form.mode()), quoted(path)),
        );
    }
}

/// What is wrong with a mode, if anything.
fn judge_mode(mode: u32, form: Form, owner_is_root: bool) -> Option<(Level, &'static str)> {
    let needs = if form.is_folder() { 0o700 } else { 0o600 };
    let lacks = !owner_is_root && form != Form::Settings && mode & needs != needs;
    match form {
        _ if lacks => Some((Level::Failure, "Bough itself is kept out")),
        Form::Secret if mode & 0o077 != 0 => Some((Level::Failure, "others can read or change it")),
        Form::Passable if mode & 0o022 != 0 => {
            Some((Level::Failure, "others can put files of their own in place of Bough's"))
        }
        Form::Settings if mode & 0o022 != 0 => {
            Some((Level::Failure, "others can decide which programs Bough runs"))
        }
        Form::Public if mode & 0o022 != 0 => Some((Level::Warning, "others can change it")),
        Form::Shut if mode & 0o077 != 0 => Some((Level::Warning, "others can look into it")),
        Form::Passable if mode & 0o044 != 0 => {
            Some((Level::Note, "others can see the names of what is in it"))
        }
        _ => None,
    }
}

fn check_engine(scene: &Scene, report: &mut Report) {
    let Some(engine) = &scene.engine else { return };
    for fault in engine.folder_faults() {
        tell_fault(scene, &fault, report, [Check::Link, Check::Owner, Check::Mode]);
    }
}

/// Tells what is wrong with a folder of the engine's; `checks` are for links, owners, modes.
pub fn tell_fault(scene: &Scene, fault: &FolderFault, report: &mut Report, checks: [Check; 3]) {
    let Some(engine) = &scene.engine else { return };
    let account = engine.account();
    let (shown, path) = (fault.path.display(), quoted(&fault.path));
    let [link, owner, mode] = checks;
    let chown = format!("chown -hR {}: {path}", account.name);
    match &fault.wrong {
        Wrong::Link { to } => report.wrong(
            link,
            Level::Failure,
            format!("{shown} is a link to {}; Bough follows none there", to.display()),
            format!("rm {path} && mv {} {path}", quoted(to)),
        ),
        Wrong::NoFolder => {
            report.wrong(
                link,
                Level::Failure,
                format!("{shown} is no folder"),
                "move it away; it must be a folder",
            );
        }
        Wrong::Owner { uid } => {
            let keep = if fault.path == engine.root() && *uid != 0 {
                format!(
                    "; or, if {0} shall run the branch servers, [engine] user = \"{0}\"",
                    Who::of(*uid).name
                )
            } else {
                String::new()
            };
            report.wrong(
                owner,
                Level::Failure,
                format!(
                    "{shown} belongs to {}, and {} runs the branch servers",
                    Who::of(*uid).name,
                    account.name
                ),
                format!("{chown}{keep}"),
            );
        }
        Wrong::OwnersInside { count, example, uid } => report.wrong(
            owner,
            Level::Failure,
            format!(
                "in {shown}, {count} files do not belong to {}, such as {}, which is {}'s",
                account.name,
                example.display(),
                Who::of(*uid).name
            ),
            chown,
        ),
        Wrong::OddInside { count, example } => report.wrong(
            link,
            Level::Warning,
            format!(
                "in {shown}, {count} things are neither files nor folders, such as {}",
                example.display()
            ),
            "such a branch cannot be copied; move them away if you put them there",
        ),
        Wrong::Mode { mode: is } if is & 0o777 == 0o700 => {}
        Wrong::Mode { mode: is } if is & 0o700 == 0o700 => report.wrong(
            mode,
            Level::Warning,
            format!("{shown} has mode {}: others can look into it", octal(*is)),
            format!("chmod -R go= {path}"),
        ),
        Wrong::Mode { mode: is } => report.wrong(
            mode,
            Level::Failure,
            format!("{shown} has mode {}: the branch servers are kept out", octal(*is)),
            format!("chmod 0700 {path}"),
        ),
        Wrong::Missing => {
            let mend = if fault.path.ends_with("data") {
                "put it back from a backup of the branch's folder, or delete the branch".to_owned()
            } else {
                format!("install -d -m 0700 -o {} -g {} {path}", account.name, account.gid)
            };
            report.wrong(link, Level::Failure, format!("{shown} is missing"), mend);
        }
        Wrong::Unseen { why } => {
            if scene.sees_all {
                report.wrong(
                    mode,
                    Level::Failure,
                    format!("{shown} cannot be looked at: {why}"),
                    "see what `reach`, `owner` and `mode` say",
                );
            }
        }
    }
}

fn check_key(scene: &Scene, report: &mut Report) {
    match scene.dir.keys() {
        Ok(_) => report.ok(Check::MasterKey, "the master key can be read"),
        Err(error) if scene.root().join("store.sqlite").exists() => report.wrong(
            Check::MasterKey,
            Level::Failure,
            format!("{error:#}"),
            format!(
                "put {} back from a backup; a new key would not fit the audit log",
                quoted(&scene.root().join("secrets/master-key"))
            ),
        ),
        Err(error) => {
            report.wrong(Check::MasterKey, Level::Note, format!("{error:#}"), "`bough setup` makes one")
        }
    }
}
