//! `make torture`: see the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bough_torture::{Limit, Options, full_disk, many, run};
use clap::{Parser, Subcommand};

/// Random operations on a real Bough while processes die, again and again.
#[derive(Parser)]
struct Arguments {
    /// For how long, in minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Or for how many rounds.
    #[arg(long)]
    rounds: Option<usize>,
    /// Chooses what happens; drawn from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients do things at once.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Bough's binary.
    #[arg(long, default_value = "target/debug/bough")]
    binary: PathBuf,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Many branches made at once, and kill -9 in the middle.
    Many {
        /// How many branches.
        #[arg(long, default_value_t = 200)]
        branches: usize,
        /// By how many clients.
        #[arg(long, default_value_t = 20)]
        clients: usize,
    },
    /// A disk that fills up.
    FullDisk,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let binary = arguments.binary.to_string_lossy().into_owned();
    let good = match arguments.what {
        Some(What::Many { branches, clients }) => told(many::run(&binary, branches, clients)),
        Some(What::FullDisk) => told(full_disk::run(&binary, full_disk::Then::Wait)),
        None => {
            let seed = arguments.seed.unwrap_or_else(|| {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
            });
            let limit = match arguments.rounds {
                Some(rounds) => Limit::Rounds(rounds),
                None => Limit::Time(Duration::from_secs(arguments.minutes * 60)),
            };
            let options = Options { seed, limit, clients: arguments.clients.max(1), talkative: true };
            run(&binary, &options).findings.is_empty()
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[allow(clippy::print_stdout, reason = "what this program is for")]
fn told<T>(result: Result<T, String>) -> bool {
    if let Err(why) = &result {
        println!("FINDING: {why}");
    }
    result.is_ok()
}
