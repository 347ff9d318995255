//! The database server's programs.

use std::path::PathBuf;

use bough_engine::checkup::{OLDEST_SERVER, ProgramSeen, ProgramState, examine_programs};
use bough_model::Flavor;

use super::report::{Check, Level, Report, quoted};
use super::scene::Scene;

/// The server that new starts take.
#[derive(Clone, Debug)]
pub struct Installed {
    pub path: PathBuf,
    pub version: Flavor,
}

/// Looks at the programs, and returns the server if it can be used.
pub fn check(scene: &Scene, report: &mut Report) -> Option<Installed> {
    let folder = scene.config.binaries();
    let account = scene.engine.as_ref().map(|engine| engine.account());
    let mut installed = None;
    for seen in examine_programs(folder.as_deref(), account) {
        let check = match seen.program {
            "mariadbd" => Check::ServerProgram,
            "mariadb-install-db" => Check::InstallProgram,
            _ => Check::ClientProgram,
        };
        judge(&seen, check, folder.is_some(), report);
        if let (Check::ServerProgram, ProgramState::Fine { path, version: Some(version) }) =
            (check, seen.state)
        {
            installed = Some(Installed { path, version });
        }
    }
    installed
}

fn judge(seen: &ProgramSeen, check: Check, configured: bool, report: &mut Report) {
    let ProgramSeen { program, package, state } = seen;
    // Only `bough shell` needs the client.
    let bad = if check == Check::ClientProgram { Level::Warning } else { Level::Failure };
    let needed = if check == Check::ClientProgram { "; `bough shell` needs it" } else { "" };
    let reinstall = if configured {
        format!("correct [engine] binaries, or leave it out and: apt-get install {package}")
    } else {
        format!("apt-get install --reinstall {package}")
    };
    match state {
        ProgramState::Missing { looked_in } if configured => {
            let folder = looked_in.first().map(|folder| folder.display().to_string()).unwrap_or_default();
            report.wrong(
                check,
                bad,
                format!("{program} is not in {folder}, which [engine] binaries names{needed}"),
                reinstall,
            );
        }
        ProgramState::Missing { .. } => report.wrong(
            check,
            bad,
            format!("{program} is neither on PATH nor in the usual folders{needed}"),
            format!("apt-get install --no-install-recommends {package}"),
        ),
        ProgramState::Broken { path, why } => {
            let what = format!("{} does not run: {why}", path.display());
            let mend = if why.contains("Permission denied") {
                format!("let the account reach and run it: chmod o+rx {0}, and o+x for each folder above it", quoted(path))
            } else {
                reinstall
            };
            report.wrong(check, bad, what, mend);
        }
        ProgramState::Foreign { path, says } => report.wrong(
            check,
            bad,
            format!("{} is not MariaDB's: it says {says:?}", path.display()),
            if configured {
                reinstall
            } else {
                format!(
                    "apt-get install {package}, and name its folder in [engine] binaries if another one comes first on PATH"
                )
            },
        ),
        ProgramState::Fine { path, version: Some(version) } => {
            if check == Check::ServerProgram && (version.major, version.minor) < OLDEST_SERVER {
                let (major, minor) = OLDEST_SERVER;
                report.wrong(
                    check,
                    Level::Warning,
                    format!("{} is {version}; Bough is made for {major}.{minor} and newer", path.display()),
                    format!("install a newer {package}"),
                );
            } else {
                report.ok(check, format!("{} is {version}", path.display()));
            }
        }
        ProgramState::Fine { path, version: None } => report.ok(check, format!("{} runs", path.display())),
    }
}
