//! Commands: the first byte of what a client sends after its login.

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $byte:literal, $label:literal;)+) => {
        /// A command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command {
            $($(#[$doc])* $name),+
        }

        impl Command {
            /// Every command that is known.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The command that a packet begins with, if it is known.
            pub const fn parse(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its byte.
            pub const fn byte(self) -> u8 {
                match self {
                    $(Self::$name => $byte),+
                }
            }

            /// Its name in the protocol's own words.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $label),+
                }
            }
        }
    };
}

commands! {
    /// Internal to servers.
    Sleep = 0x00, "COM_SLEEP";
    /// Goodbye.
    Quit = 0x01, "COM_QUIT";
    /// Changes the current database.
    InitDb = 0x02, "COM_INIT_DB";
    /// A statement as text.
    Query = 0x03, "COM_QUERY";
    /// The columns of a table.
    FieldList = 0x04, "COM_FIELD_LIST";
    /// Of an old protocol.
    CreateDb = 0x05, "COM_CREATE_DB";
    /// Of an old protocol.
    DropDb = 0x06, "COM_DROP_DB";
    /// Flushes caches and logs.
    Refresh = 0x07, "COM_REFRESH";
    /// Ends the server.
    Shutdown = 0x08, "COM_SHUTDOWN";
    /// A line about the server.
    Statistics = 0x09, "COM_STATISTICS";
    /// The process list.
    ProcessInfo = 0x0a, "COM_PROCESS_INFO";
    /// Internal to servers.
    Connect = 0x0b, "COM_CONNECT";
    /// Ends a connection.
    ProcessKill = 0x0c, "COM_PROCESS_KILL";
    /// Writes to the server's log.
    Debug = 0x0d, "COM_DEBUG";
    /// Asks whether the server is there.
    Ping = 0x0e, "COM_PING";
    /// Internal to servers.
    Time = 0x0f, "COM_TIME";
    /// Internal to servers.
    DelayedInsert = 0x10, "COM_DELAYED_INSERT";
    /// Logs in anew.
    ChangeUser = 0x11, "COM_CHANGE_USER";
    /// Follows the binary log.
    BinlogDump = 0x12, "COM_BINLOG_DUMP";
    /// Copies a table to a replica.
    TableDump = 0x13, "COM_TABLE_DUMP";
    /// Internal to servers.
    ConnectOut = 0x14, "COM_CONNECT_OUT";
    /// Announces a replica.
    RegisterSlave = 0x15, "COM_REGISTER_SLAVE";
    /// Prepares a statement.
    StmtPrepare = 0x16, "COM_STMT_PREPARE";
    /// Executes a prepared statement.
    StmtExecute = 0x17, "COM_STMT_EXECUTE";
    /// A piece of a parameter. Has no answer.
    StmtSendLongData = 0x18, "COM_STMT_SEND_LONG_DATA";
    /// Forgets a prepared statement. Has no answer.
    StmtClose = 0x19, "COM_STMT_CLOSE";
    /// Forgets the parameters of a prepared statement.
    StmtReset = 0x1a, "COM_STMT_RESET";
    /// Switches several statements in one text on or off.
    SetOption = 0x1b, "COM_SET_OPTION";
    /// Rows of a cursor.
    StmtFetch = 0x1c, "COM_STMT_FETCH";
    /// Internal to servers.
    Daemon = 0x1d, "COM_DAEMON";
    /// Follows the binary log by GTID.
    BinlogDumpGtid = 0x1e, "COM_BINLOG_DUMP_GTID";
    /// Makes the session as new.
    ResetConnection = 0x1f, "COM_RESET_CONNECTION";
    /// Executes a prepared statement for many sets of parameters (MariaDB).
    StmtBulkExecute = 0xfa, "COM_STMT_BULK_EXECUTE";
    /// Several commands in one packet (MariaDB, given up).
    Multi = 0xfe, "COM_MULTI";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_written() {
        for command in Command::ALL {
            assert_eq!(Command::parse(command.byte()), Some(*command));
        }
        assert_eq!(Command::parse(0x50), None);
    }
}
