//! The branch servers that run: whether each is in its place, answers, and is of the installed version.

use std::time::{Duration, Instant};

use bough_engine::checkup::{Answer, Checkup, ServerSeen};
use bough_model::{BranchId, Flavor};

use super::branches::Look;
use super::programs::Installed;
use super::report::{Check, Level, Report, quoted};
use super::scene::{Scene, Who};

/// Longest time for asking all branch servers, in seconds; those after it are not asked.
const ASK_LIMIT_SECONDS: u64 = 30;

pub fn check(
    scene: &Scene,
    engine: &Checkup,
    look: &Look,
    installed: Option<&Installed>,
    report: &mut Report,
) {
    let end = Instant::now() + Duration::from_secs(ASK_LIMIT_SECONDS);
    let mut unasked = 0;
    let mut current = 0;
    for server in &look.servers {
        if !is_in_place(engine, look, server, report) {
            continue;
        }
        let Some(branch) = BranchId::parse(&server.name) else { continue };
        let version = if Instant::now() > end {
            unasked += 1;
            None
        } else {
            match ask(scene, engine, look, &branch, server, report) {
                Ok(version) => version,
                Err(()) => continue,
            }
        };
        let Some(installed) = installed else { continue };
        if judge_version(look, server, version, installed, report) {
            current += 1;
        }
    }
    if unasked > 0 {
        report.note(
            Check::BranchServers,
            format!("{unasked} branch servers were not asked whether they answer: the others took {ASK_LIMIT_SECONDS} s"),
        );
    }
    if let Some(installed) =
        installed.filter(|_| report.is_silent(Check::ServerVersions) && !look.servers.is_empty())
    {
        report.ok(
            Check::ServerVersions,
            format!("{current} branch servers run the installed {}", installed.version),
        );
    }
}

/// Whether a server has its files and its account, and works.
fn is_in_place(engine: &Checkup, look: &Look, server: &ServerSeen, report: &mut Report) -> bool {
    let (pid, name) = (server.pid, look.name(&server.name));
    let folder = engine.folder(&server.name);
    let account = engine.account();
    let mut bad = |what: String, mend: String| report.wrong(Check::BranchServers, Level::Failure, what, mend);
    if server.folder_gone {
        bad(
            format!(
                "{name}: its server (process {pid}) runs, and its folder {} is gone: what is written now is lost when it ends",
                folder.display()
            ),
            format!(
                "put the folder back from a backup, or delete the branch. Until process {pid} ends, its open files can \
                 still be copied as root from /proc/{pid}/fd"
            ),
        );
    } else if let Some(moved) = &server.moved_to {
        let from = moved.parent().unwrap_or(moved);
        bad(
            format!("{name}: its server (process {pid}) works in {}, and not in its place", moved.display()),
            format!("move it back while it runs: mv {} {}", quoted(from), quoted(&folder)),
        );
    } else if server.uid != account.uid {
        let who = Who::of(server.uid).name;
        bad(
            format!(
                "{name}: process {pid} runs a database server in its folder as {who}, and not as {}: Bough does not touch it",
                account.name
            ),
            format!("end it if it is not meant to be there: kill {pid}"),
        );
    } else if server.stopped {
        bad(
            format!("{name}: its server (process {pid}) is stopped by a signal and answers nobody"),
            format!("kill -CONT {pid}"),
        );
    } else {
        return true;
    }
    false
}

/// Which version a server says it is; `Err` when it says nothing as it should.
fn ask(
    scene: &Scene,
    engine: &Checkup,
    look: &Look,
    branch: &BranchId,
    server: &ServerSeen,
    report: &mut Report,
) -> Result<Option<Flavor>, ()> {
    let (pid, name) = (server.pid, look.name(&server.name));
    match engine.ask(branch) {
        Answer::Runs(version) => Ok(Some(version)),
        Answer::Shut => Ok(None),
        Answer::Stranger { why } => {
            report.wrong(
                Check::BranchServers,
                Level::Failure,
                format!("{name}: {why}"),
                format!(
                    "somebody put another server's socket in its place; kill {pid}, and Bough starts it anew"
                ),
            );
            Err(())
        }
        // One that starts does not answer yet, and one that ends not any more.
        Answer::Silent { .. } if !is_still_wanted(scene, engine, server) => Err(()),
        Answer::Silent { why } => {
            let again = if scene.serving.process().is_some() { ", and Bough starts it again" } else { "" };
            report.wrong(
                Check::BranchServers,
                Level::Warning,
                format!("{name}: its server (process {pid}) runs and does not answer: {why}"),
                format!(
                    "see {}; if it does not come back by itself: kill {pid}{again}",
                    quoted(&engine.folder(&server.name).join("error.log"))
                ),
            );
            Err(())
        }
    }
}

/// Whether a server that did not answer is there still, and should be, by its record as it is now.
fn is_still_wanted(scene: &Scene, engine: &Checkup, server: &ServerSeen) -> bool {
    let (now, _) = Look::take(scene, engine);
    let same = now.server(&server.name).is_some_and(|now| now.pid == server.pid && !now.folder_gone);
    // Where there are no records, nobody serves who could be starting or stopping it.
    let wanted = now.records.is_none()
        || now
            .record(&server.name)
            .is_some_and(|record| record.state == "ready" && record.desired == "running");
    let branch = BranchId::parse(&server.name);
    same && wanted && branch.is_some_and(|branch| matches!(engine.ask(&branch), Answer::Silent { .. }))
}

/// Whether a server is of the installed version.
fn judge_version(
    look: &Look,
    server: &ServerSeen,
    version: Option<Flavor>,
    installed: &Installed,
    report: &mut Report,
) -> bool {
    let rank = |flavor: Flavor| (flavor.major, flavor.minor, flavor.patch);
    let new = installed.version;
    let elsewhere = installed.path.canonicalize().is_ok_and(|path| path != server.program);
    let what = match version {
        Some(own) if rank(own) > rank(new) => {
            report.wrong(
                Check::ServerVersions,
                Level::Warning,
                format!(
                    "{} runs {own}, newer than the installed {new}, which may not open its files",
                    look.name(&server.name)
                ),
                "install the newer one again before this server ends",
            );
            return false;
        }
        Some(own) if rank(own) < rank(new) => format!("runs {own}; installed is {new}"),
        _ if server.replaced => {
            format!("runs a program that was replaced since it started; installed is {new}")
        }
        None if elsewhere => {
            format!("runs {}; a new start takes {}", server.program.display(), installed.path.display())
        }
        _ => return true,
    };
    report.wrong(
        Check::ServerVersions,
        Level::Note,
        format!("{} {what}", look.name(&server.name)),
        format!("restart the branch when it suits: kill {} (it ends in order, and a serving Bough starts it again)", server.pid),
    );
    false
}
