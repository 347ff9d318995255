//! What runs branches in a region: managed branch servers.
//!
//! What it is: [`ManagedEngine`] runs one MariaDB server for each branch, without a TCP port, under an
//! unprivileged account. The control plane observes a branch, asks [`plan()`] (pure) for the next step, has
//! it executed, and records what it wants to remember; this crate remembers only what lies in its directory.
//! Why so: a crash at any point, of Bough or of a server, is answered by observing again. Servers outlive
//! Bough and are found again by proof, not by a number in a file.
//! What it refuses: to be the second to touch a directory, to signal a process that is not proven to be a
//! branch's own, to follow links, to run a server as root.
//!
//! No other crate spawns processes or touches data directories.

mod account;
mod accounts;
mod binaries;
mod cgroup;
pub mod checkup;
mod cnf;
mod error;
mod files;
mod idle;
pub mod killpoint;
mod layout;
mod managed;
mod observe;
mod plan;
mod prepare;
mod proc;
mod process;
mod records;
mod recovery;
mod sample;
mod schema_copy;
mod schema_read;
mod sessions;
mod sizing;
mod starts;
mod steps;
mod sys;
mod template;
mod upgrade;
mod wait;

pub use account::EngineAccount;
pub use accounts::{AccountsSeen, CUT_LIMIT_S, RoleAccounts};
pub use binaries::Binaries;
pub use error::EngineError;
pub use managed::{BranchSpec, EngineConfig, ManagedEngine, STARTS_AT_ONCE, ServerReport};
pub use observe::{Observation, Place, ServerState, StageMarks};
pub use plan::{Plan, Seed, Step, plan};
pub use prepare::{DEFINER, ROLE_HOST};
pub use process::{KILL_LIMIT_S, LAST_WORDS_MAX_BYTES, STOP_LIMIT_S};
pub use records::FilesOf;
pub use schema_copy::Bounds as SchemaBounds;
pub use schema_read::{Definitions, SchemaObject, SchemaObjectKind, SchemaSummary, ViewComplaint};
pub use sessions::{ClientSession, Kill, Running, STATEMENT_MAX_CHARS, Transaction};
pub use sizing::{Figures, RESIZE_LIMIT_S};
pub use steps::{ANSWER_LIMIT_S, RESERVE_BYTES};
pub use upgrade::UPGRADE_LIMIT_S;
pub use wait::wait_until;
