//! Branches: records, folders and servers, held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bough_engine::checkup::{Checkup, PlaceSeen, ServerSeen, Stage};
use bough_engine::wait_until;
use bough_model::ClusterSizeName;
use bough_store::checkup::{BranchSeen, branches_now};

use super::folders::tell_fault;
use super::programs::Installed;
use super::report::{Check, Level, Report, quoted};
use super::scene::{Kind, Scene, Who};
use super::servers;
use super::serving::Serving;

/// How long a serving Bough is given to bring about what does not fit yet, in seconds: a branch is made,
/// removed or started again in less, once it was noticed.
const SETTLE_LIMIT_SECONDS: u64 = 5;
/// Pause between two looks, in milliseconds.
const SETTLE_PAUSE_MILLIS: u64 = 250;

/// What there is at one moment.
pub struct Look {
    pub places: Vec<PlaceSeen>,
    pub servers: Vec<ServerSeen>,
    /// `None` when the records cannot be read.
    pub records: Option<BTreeMap<String, BranchSeen>>,
}

impl Look {
    /// Folders and servers first: a record is written before there is anything else, and goes last.
    pub fn take(scene: &Scene, engine: &Checkup) -> (Self, Option<String>) {
        let (places, unseen) = match engine.places() {
            Ok(places) => (places, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let servers = engine.servers(&places);
        let records = branches_now(&scene.root().join("store.sqlite")).ok();
        let records =
            records.map(|records| records.into_iter().map(|record| (record.id.clone(), record)).collect());
        (Self { places, servers, records }, unseen)
    }

    pub fn record(&self, name: &str) -> Option<&BranchSeen> {
        self.records.as_ref()?.get(name)
    }

    fn place(&self, name: &str) -> Option<&PlaceSeen> {
        self.places.iter().find(|place| place.name == name && place.folder && !place.half_made)
    }

    pub fn server(&self, name: &str) -> Option<&ServerSeen> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// A branch as people know it.
    pub fn name(&self, id: &str) -> String {
        self.record(id).map_or_else(|| format!("branch {id}"), label)
    }
}

fn label(record: &BranchSeen) -> String {
    format!("branch {}/{}/{} ({})", record.organization, record.database, record.name, record.id)
}

pub fn check(scene: &Scene, installed: Option<&Installed>, report: &mut Report) {
    if scene.kind != Kind::Ours {
        return;
    }
    check_serving(scene, report);
    let Some(engine) = scene.engine.as_ref().filter(|_| scene.sees_all) else {
        return report
            .note(Check::BranchFolders, "branches were not looked at, since this account cannot see them");
    };
    let (look, unseen) = settled(scene, engine);
    if let Some(why) = unseen {
        report.wrong(Check::BranchFolders, Level::Failure, why, "see what `link`, `owner` and `mode` say");
    }
    check_records(scene, engine, &look, report);
    check_places(scene, engine, &look, report);
    check_strays(engine, &look, report);
    check_sizes(scene, &look, report);
    servers::check(scene, engine, &look, installed, report);
    say_what_is_well(scene, &look, report);
}

/// A look; where somebody serves, the last of several, unless one shows nothing that could be on its way.
fn settled(scene: &Scene, engine: &Checkup) -> (Look, Option<String>) {
    let take = || Look::take(scene, engine);
    let mut last = take();
    if scene.serving.is_possible() {
        wait_until(
            Duration::from_secs(SETTLE_LIMIT_SECONDS),
            Duration::from_millis(SETTLE_PAUSE_MILLIS),
            || {
                last = take();
                let mut trial = Report::default();
                check_records(scene, engine, &last.0, &mut trial);
                check_strays(engine, &last.0, &mut trial);
                (trial.worst() < Level::Warning).then_some(())
            },
        );
    }
    last
}

fn check_serving(scene: &Scene, report: &mut Report) {
    let root = scene.root();
    match &scene.serving {
        Serving::Nobody => {
            let who = if scene.is_runner { String::new() } else { format!("as {}: ", scene.runner.name) };
            report.wrong(
                Check::Serving,
                Level::Note,
                format!("nobody serves {}", root.display()),
                format!("{who}bough serve --data-dir {}", quoted(root)),
            );
        }
        Serving::Hidden => report.note(
            Check::Serving,
            format!(
                "somebody serves {} whom this process cannot see, as from another container",
                root.display()
            ),
        ),
        Serving::Unknown { why } => {
            report.note(
                Check::Serving,
                format!("whether somebody serves {} cannot be told: {why}", root.display()),
            );
        }
        Serving::Process(process) if process.stopped => report.wrong(
            Check::Serving,
            Level::Failure,
            format!("Bough (process {}) is stopped by a signal and answers nobody", process.pid),
            format!("kill -CONT {}", process.pid),
        ),
        Serving::Process(process) if process.replaced => report.wrong(
            Check::Serving,
            Level::Note,
            format!("Bough (process {}) runs a program that was replaced since it started", process.pid),
            "start it again to have the new one: systemctl restart bough; branch servers go on meanwhile",
        ),
        Serving::Process(process) => {
            let who = Who::of(process.uid).name;
            report.ok(Check::Serving, format!("process {} serves {} as {who}", process.pid, root.display()));
        }
    }
}

/// Every record against its folder and its server.
fn check_records(scene: &Scene, engine: &Checkup, look: &Look, report: &mut Report) {
    let Some(records) = &look.records else {
        if scene.root().join("store.sqlite").exists() {
            report.note(
                Check::BranchRecords,
                "the records cannot be read, so folders and servers were not held against them",
            );
        }
        return;
    };
    let (mut stopped, mut sleeping) = (0, 0);
    for record in records.values() {
        let (place, server) = (look.place(&record.id), look.server(&record.id));
        if record.desired != "running" {
            if record.attempts > 0 && scene.serving.process().is_some() {
                report.wrong(
                    Check::BranchRecords,
                    Level::Warning,
                    format!("{} cannot be removed: {}", label(record), reason(record)),
                    "mend what it says; Bough tries again by itself",
                );
            }
            continue;
        }
        if server.is_some_and(|server| server.folder_gone || server.moved_to.is_some()) {
            continue;
        }
        match (place, server, scene.serving.process()) {
            (None, _, _) if record.was_ready => report.wrong(
                Check::BranchRecords,
                Level::Failure,
                format!(
                    "{} has a record, and its folder {} is missing",
                    label(record),
                    engine.folder(&record.id).display()
                ),
                "put the folder back (from a backup; or is a file system not mounted?), or delete the branch",
            ),
            // As it should be, whether somebody serves or not.
            (Some(_), None, _) if record.state == "sleeping" => sleeping += 1,
            (_, _, Some(_)) if record.state != "ready" => not_ready(engine, record, report),
            (Some(_), None, Some(_)) => report.wrong(
                Check::BranchRecords,
                Level::Failure,
                format!("{} counts as ready, and its server does not run", label(record)),
                format!(
                    "Bough should have noticed: see its log, and {}",
                    quoted(&engine.folder(&record.id).join("error.log"))
                ),
            ),
            (_, None, None) => stopped += 1,
            _ => {}
        }
    }
    if sleeping > 0 {
        report.ok(
            Check::BranchServers,
            format!("{sleeping} branches sleep; their servers start when somebody comes"),
        );
    }
    if stopped > 0 && scene.serving == Serving::Nobody {
        report.note(
            Check::BranchServers,
            format!("{stopped} branch servers do not run; `bough serve` starts them"),
        );
    }
}

fn reason(record: &BranchSeen) -> String {
    let said = record.last_error.as_deref().unwrap_or("it does not say why");
    said.lines().collect::<Vec<_>>().join(" | ")
}

/// A branch that a serving Bough works on.
fn not_ready(engine: &Checkup, record: &BranchSeen, report: &mut Report) {
    if record.attempts == 0 && record.last_error.is_none() {
        return report.note(Check::BranchRecords, format!("{} is being made or started", label(record)));
    }
    // One that was ready has users.
    let level = if record.was_ready { Level::Failure } else { Level::Warning };
    let log = engine.folder(&record.id).join("error.log");
    report.wrong(
        Check::BranchRecords,
        level,
        format!("{} is not ready, after {} tries: {}", label(record), record.attempts, reason(record)),
        format!("mend what it says, Bough tries again by itself; more is in {}", quoted(&log)),
    );
}

/// The branches' folders.
fn check_places(scene: &Scene, engine: &Checkup, look: &Look, report: &mut Report) {
    for place in &look.places {
        let path = engine.folder(&place.name);
        if place.name == "lost+found" {
            continue;
        }
        if place.branch.is_none() {
            report.wrong(
                Check::BranchFolders,
                Level::Warning,
                format!("{} is not Bough's", path.display()),
                "move it away",
            );
            continue;
        }
        if place.half_made {
            if scene.serving == Serving::Nobody {
                report.note(
                    Check::BranchFolders,
                    format!("{} is half-made; the next start removes it", path.display()),
                );
            }
            continue;
        }
        let faults = engine.branch_faults(place);
        // It may have been removed meanwhile.
        if place.folder && !engine.has_folder(&place.name) {
            continue;
        }
        for fault in &faults {
            tell_fault(scene, fault, report, [Check::BranchFolders; 3]);
        }
        if matches!(place.stage, Some(Stage::Damaged)) {
            report.wrong(
                Check::BranchFolders,
                Level::Failure,
                format!(
                    "{}: {} is missing or cannot be read, so Bough does not touch the branch",
                    look.name(&place.name),
                    path.join("stage.json").display()
                ),
                "put stage.json back from a backup, or delete the branch",
            );
        }
    }
}

/// Folders and servers that no record knows.
fn check_strays(engine: &Checkup, look: &Look, report: &mut Report) {
    let Some(records) = &look.records else { return };
    let restored = "if the store was restored, its record may be in a newer backup";
    for place in look.places.iter().filter(|place| place.branch.is_some() && !place.half_made) {
        if !records.contains_key(&place.name) {
            let path = engine.folder(&place.name);
            report.wrong(
                Check::BranchFolders,
                Level::Warning,
                format!("{} is a branch's folder that no record knows; it may hold data", path.display()),
                format!(
                    "{restored}; if nothing in it is needed and no server works in it: rm -r {}",
                    quoted(&path)
                ),
            );
        }
    }
    for server in look.servers.iter().filter(|server| !records.contains_key(&server.name)) {
        report.wrong(
            Check::BranchServers,
            Level::Warning,
            format!("process {} is the server of branch {}, which no record knows", server.pid, server.name),
            format!(
                "{restored}; if it is not needed: kill {} (it ends in order, its folder stays)",
                server.pid
            ),
        );
    }
}

/// A size that is not configured any more keeps its branches from starting.
fn check_sizes(scene: &Scene, look: &Look, report: &mut Report) {
    let Ok(settings) = scene.config.settings_unserved() else { return };
    let known = |name: &str| ClusterSizeName::parse(name).is_some_and(|name| settings.size(&name).is_some());
    let sizes: BTreeSet<&str> = look
        .records
        .iter()
        .flat_map(BTreeMap::values)
        .filter(|record| record.desired == "running")
        .map(|record| record.cluster_size.as_str())
        .filter(|size| !known(size))
        .collect();
    for size in sizes {
        report.wrong(
            Check::Settings,
            Level::Failure,
            format!("there are branches of cluster size {size}, which the settings do not have: they cannot be started again"),
            format!("put the [[cluster_size]] named {size} back into the settings"),
        );
    }
}

fn say_what_is_well(scene: &Scene, look: &Look, report: &mut Report) {
    let count = look.places.iter().filter(|place| place.branch.is_some() && !place.half_made).count();
    if report.is_silent(Check::BranchFolders) {
        report.ok(Check::BranchFolders, format!("{count} branch folders are in order"));
    }
    if report.is_silent(Check::BranchRecords)
        && let Some(records) = &look.records
    {
        report.ok(Check::BranchRecords, format!("{} records fit what there is", records.len()));
    }
    if report.is_silent(Check::BranchServers) {
        let running = look.servers.len();
        if scene.serving == Serving::Hidden {
            report.note(Check::BranchServers, "the branch servers cannot be seen from here");
        } else if running > 0 && scene.serving == Serving::Nobody {
            report.note(
                Check::BranchServers,
                format!("{running} branch servers run, as they should while nobody serves"),
            );
        } else {
            report.ok(Check::BranchServers, format!("{running} branch servers run"));
        }
    }
}
