//! `bough doctor`: what is wrong with a data directory and with the machine below it, and how to mend it.
//!
//! Every check stands alone: what one cannot see, the next may. It asks the kernel, files and branch
//! servers; a Bough that serves the directory notices nothing of it.

mod address;
mod branches;
mod folders;
mod gateway;
mod machine;
mod programs;
mod report;
mod scene;
mod servers;
mod serving;
mod store;

use std::process::ExitCode;

use report::{Level, Report};
use scene::Scene;

use crate::{Place, output};

/// Looks for what is wrong, and says how to mend it. Nothing is changed.
///
/// It can run beside `bough serve` or without it, as root or as the account that runs Bough, and before the
/// data directory exists.
///
/// Exit code: 0 when nothing is worse than a note, 1 with warnings, 2 with failures.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Answers in JSON: {"sound": bool, "findings": [{"check", "level", "what", "mend"}]}.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> ExitCode {
    let mut report = Report::default();
    let scene = match Scene::look(&args.place, &mut report) {
        Ok(scene) => scene,
        Err(error) => {
            output::complain(&error);
            return ExitCode::from(2);
        }
    };
    let installed = programs::check(&scene, &mut report);
    folders::check(&scene, &mut report);
    machine::check(&scene, installed.as_ref(), &mut report);
    let examined = store::check(&scene, &mut report);
    machine::check_clock(&scene, examined.as_ref(), &mut report);
    machine::check_descriptors(&scene, examined.as_ref(), &mut report);
    address::check(&scene, &mut report);
    gateway::check(&scene, &mut report);
    branches::check(&scene, installed.as_ref(), &mut report);
    if args.json {
        report.say_json()
    } else {
        report.say()
    }
    match report.worst() {
        Level::Ok | Level::Note => ExitCode::SUCCESS,
        Level::Warning => ExitCode::from(1),
        Level::Failure => ExitCode::from(2),
    }
}
