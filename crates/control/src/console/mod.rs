//! The console: people run statements on a branch, in one of its roles, without a password. Each run is a
//! session of its own on the branch's server, as the role's own account, so that the server itself judges what
//! the statements may; it ends with the run, and nothing of it is kept, the statements least of all.
//!
//! ```text
//! decide (as for a password of that role) -> setting, for production -> a place -> audit log
//!   -> wake -> log in -> run, while another thread looks for an end: asked for, out of time, nobody
//!      there any more, not allowed any more -> the session is ended -> what was read
//! ```

mod actions;
mod position;
mod running;

pub use actions::{
    ANSWERS_MAX, Ended, READ_MAX_BYTES, ROLES, ROWS_MAX, RUN_MAX_SECONDS, RunStatement, SHOWN_MAX_BYTES,
    STATEMENT_MAX_BYTES, StatementRun, VALUE_MAX_BYTES,
};
pub use bough_mysql_client::{Answer, Cell, Column, ColumnKind, Done, ROW_MAX_BYTES, Refusal, Rows, Warning};
pub use position::Position;
pub(crate) use running::Running;
pub use running::{AT_ONCE_IN_ALL, AT_ONCE_PER_BRANCH, AT_ONCE_PER_PERSON, RunSeen};
