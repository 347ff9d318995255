//! What may be asked of a branch's server, and what kind of answer comes.

use bough_mysql_wire::{Asked, Command};

/// A statement longer than this is no lone `KILL`, in bytes.
pub(crate) const KILL_MAX_BYTES: usize = 128;

/// What the gateway does with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It passes, and this is how it is answered.
    Pass(Asked),
    /// It passes, and nothing comes back.
    Unanswered,
    /// It passes, whatever else is going on: the client leaves.
    Quit,
    /// It may be a `KILL` of a client id.
    Statement,
    /// It is a `KILL` of some id.
    Kill,
    /// The gateway answers it.
    ChangeUser,
    /// It is refused.
    Refuse,
}

/// What is done with a command. What is not listed is refused: the server may learn commands that we do not know.
pub(crate) const fn treatment(command: Command) -> Treatment {
    use Treatment::{ChangeUser, Kill, Pass, Quit, Refuse, Statement, Unanswered};
    match command {
        Command::Quit => Quit,
        Command::Query => Statement,
        Command::InitDb
        | Command::Ping
        | Command::SetOption
        | Command::StmtReset
        | Command::ResetConnection
        | Command::Statistics => Pass(Asked::Packet),
        Command::FieldList | Command::StmtFetch => Pass(Asked::Rows),
        Command::ProcessInfo | Command::StmtExecute | Command::StmtBulkExecute => Pass(Asked::Statement),
        Command::StmtPrepare => Pass(Asked::Prepare),
        Command::StmtSendLongData | Command::StmtClose => Unanswered,
        Command::ProcessKill => Kill,
        Command::ChangeUser => ChangeUser,
        Command::Sleep
        | Command::CreateDb
        | Command::DropDb
        | Command::Refresh
        | Command::Shutdown
        | Command::Connect
        | Command::Debug
        | Command::Time
        | Command::DelayedInsert
        | Command::BinlogDump
        | Command::TableDump
        | Command::ConnectOut
        | Command::RegisterSlave
        | Command::Daemon
        | Command::BinlogDumpGtid
        | Command::Multi => Refuse,
    }
}
