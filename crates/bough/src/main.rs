//! The binary: reads settings, puts the parts together, and has a command for each thing that an
//! operator does. Decides nothing.

mod commands;
mod config;
mod datadir;
mod gateway;
mod logging;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{admin, audit, dev, doctor, gateway as gateway_command, serve, setup, shell, stop_branches};

/// Your own PlanetScale on your own machines: MySQL databases that branch, and service tokens that open
/// exactly what they should.
#[derive(Parser)]
#[command(name = "bough", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets up ./bough-data if it is new and serves it: to try Bough, and to develop against it.
    Dev(dev::Args),
    /// Serves a data directory, in the foreground.
    Serve(serve::Args),
    /// Takes MySQL clients in a process of its own.
    Gateway(gateway_command::Args),
    /// Makes the first organization, its administrator and a first service token.
    Setup(setup::Args),
    /// Makes and repairs organizations, people and tokens, whether the server runs or not.
    Admin(admin::Args),
    /// Opens the mariadb client on a branch of this machine.
    Shell(shell::Args),
    /// Stops every branch server of a data directory.
    StopBranches(stop_branches::Args),
    /// Looks after the audit log.
    Audit(audit::Args),
    Doctor(doctor::Args),
}

/// The data directory and the file of settings, as most commands take them.
#[derive(clap::Args, Clone, Debug)]
struct Place {
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = "bough-data", env = "BOUGH_DATA_DIR")]
    data_dir: PathBuf,
    /// A file of settings, instead of DIR/bough.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Gateway(args) => gateway_command::run(&args),
        Command::Setup(args) => setup::run(&args),
        Command::Admin(args) => admin::run(&args),
        Command::Shell(args) => shell::run(&args),
        Command::StopBranches(args) => stop_branches::run(&args),
        Command::Audit(args) => return audit::run(&args),
        Command::Doctor(args) => return doctor::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
