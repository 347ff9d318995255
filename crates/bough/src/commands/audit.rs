//! `bough audit verify`: whether the audit log is what was written.

use std::process::ExitCode;

use anyhow::Result;
use bough_control::audit::verify::{Report, verify};
use clap::Subcommand;
use serde_json::json;

use crate::datadir::DataDir;
use crate::{Place, output};

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks every entry, and the heads noted outside the store. Exit code 1 when something is wrong.
    Verify {
        #[command(flatten)]
        place: Place,
        /// Answers in JSON.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args) -> ExitCode {
    let Command::Verify { place, json } = &args.command;
    match check(place) {
        Ok(report) => {
            say(&report, *json);
            if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn check(place: &Place) -> Result<Report> {
    let dir = DataDir::existing(&place.data_dir)?;
    Ok(verify(&dir.store()?, dir.keys()?.audit(), &dir.audit_heads())?)
}

fn say(report: &Report, as_json: bool) {
    if as_json {
        output::say_json(&json!({
            "sound": report.problems.is_empty(), "chains": report.chains, "entries": report.entries,
            "anchored": report.anchored, "problems": report.problems,
        }));
        return;
    }
    for problem in &report.problems {
        output::say(problem);
    }
    let word = if report.problems.is_empty() { "sound" } else { "NOT sound" };
    let uncovered = report.entries - report.anchored;
    let rest = if uncovered > 0 {
        format!(
            " {uncovered} are younger than the last head noted outside the store: cutting those off would not show."
        )
    } else {
        String::new()
    };
    output::say(&format!(
        "The audit log is {word}: entries {}, chains {}.{rest}",
        report.entries, report.chains
    ));
}
