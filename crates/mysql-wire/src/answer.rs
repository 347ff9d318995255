//! Where an answer ends: told by packet headers, first bytes and status flags. Nothing in a row is looked at.

use crate::capabilities::Capabilities;
use crate::packet::{PAYLOAD_MAX, Payload};
use crate::reader::{Malformed, Reader};
use crate::reply::{EOF, EOF_LEN_MAX, ERR, ErrPacket, OK, OkPacket, Status, eof_status};

/// First byte of a request for a file of the client's.
const FILE_WANTED: u8 = 0xfb;
/// An "error" of this number tells how far a statement has come, and ends nothing (MariaDB).
const PROGRESS_REPORT: u16 = 0xffff;

/// What kind of answer a command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Any number of results: OK, rows, a request for a file.
    Statement,
    /// A prepared statement, its parameters and columns.
    Prepare,
    /// Rows, or columns, and their end, without a count before them.
    Rows,
    /// One packet.
    Packet,
}

/// What a packet of an answer has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The answer goes on.
    More,
    /// The server waits for a file; the answer goes on behind it.
    WantsFile,
    /// The answer is complete. With the session's status, where it was told.
    Done(Option<Status>),
    /// The answer is complete: an error, which does not tell the status.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is asked.
    Idle,
    /// Before a result.
    First,
    /// In front of so many columns.
    Columns(u64),
    /// Behind the columns, where an EOF packet is due.
    ColumnsEnd,
    /// In the rows. Whether this answer can have another result behind them.
    Rows { another: bool },
    /// Before the reply to prepare.
    Prepared,
    /// In front of so many packets that say nothing about the end.
    Skip(u64),
    /// Before the only packet.
    Packet,
}

/// Follows one answer.
#[derive(Clone, Debug)]
pub struct AnswerReader {
    capabilities: Capabilities,
    phase: Phase,
}

impl AnswerReader {
    /// For a connection with these capabilities.
    pub const fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, phase: Phase::Idle }
    }

    /// A command has been sent whose answer comes next.
    pub const fn begin(&mut self, asked: Asked) {
        self.phase = match asked {
            Asked::Statement => Phase::First,
            Asked::Prepare => Phase::Prepared,
            Asked::Rows => Phase::Rows { another: false },
            Asked::Packet => Phase::Packet,
        };
    }

    const fn counts_from_eof(&self) -> bool {
        !self.capabilities.has(Capabilities::DEPRECATE_EOF)
    }

    /// A payload of the answer has gone by.
    ///
    /// # Errors
    /// When it cannot be what the server sends at this place. Where the answer ends is then unknown.
    pub fn payload(&mut self, payload: &Payload) -> Result<Progress, Malformed> {
        let prefix = payload.prefix();
        let first = prefix.first().copied();
        if first == Some(ERR) && !matches!(self.phase, Phase::Idle) {
            return Ok(self.error(prefix));
        }
        match self.phase {
            Phase::Idle => Err(Malformed("the server speaks without being asked")),
            Phase::Packet => {
                self.phase = Phase::Idle;
                // A line of text may begin with any byte: it is not long enough for flags, or they do not matter.
                Ok(Progress::Done(end_status(prefix, payload.first_len).ok()))
            }
            Phase::First => match first {
                Some(OK) => {
                    let status = OkPacket::parse(prefix)?.status;
                    Ok(self.result_ended(status, true))
                }
                Some(FILE_WANTED) => Ok(Progress::WantsFile),
                Some(EOF) if payload.first_len <= EOF_LEN_MAX => {
                    let status = end_status(prefix, payload.first_len)?;
                    Ok(self.result_ended(status, true))
                }
                _ => self.columns(prefix),
            },
            Phase::Columns(left) => {
                self.phase = self.behind_columns(left.saturating_sub(1));
                Ok(Progress::More)
            }
            Phase::ColumnsEnd => {
                let status = eof_status(prefix)?;
                if status.has(Status::CURSOR_EXISTS) {
                    return Ok(self.result_ended(status, true));
                }
                self.phase = Phase::Rows { another: true };
                Ok(Progress::More)
            }
            Phase::Rows { another } => {
                let len_max = if self.counts_from_eof() { EOF_LEN_MAX } else { PAYLOAD_MAX - 1 };
                if first != Some(EOF) || payload.first_len > len_max {
                    return Ok(Progress::More);
                }
                let status = end_status(prefix, payload.first_len)?;
                Ok(self.result_ended(status, another))
            }
            Phase::Prepared => self.prepared(prefix),
            Phase::Skip(left) => {
                self.phase = if left > 1 { Phase::Skip(left - 1) } else { Phase::Idle };
                Ok(if left > 1 { Progress::More } else { Progress::Done(None) })
            }
        }
    }

    fn error(&mut self, prefix: &[u8]) -> Progress {
        let reports = self.capabilities.has(Capabilities::PROGRESS);
        if reports && ErrPacket::errno_of(prefix) == Some(PROGRESS_REPORT) {
            return Progress::More;
        }
        self.phase = Phase::Idle;
        Progress::Failed
    }

    fn result_ended(&mut self, status: Status, another: bool) -> Progress {
        if another && status.has(Status::MORE_RESULTS) {
            self.phase = Phase::First;
            return Progress::More;
        }
        self.phase = Phase::Idle;
        Progress::Done(Some(status))
    }

    const fn behind_columns(&self, left: u64) -> Phase {
        match left {
            0 if self.counts_from_eof() => Phase::ColumnsEnd,
            0 => Phase::Rows { another: true },
            left => Phase::Columns(left),
        }
    }

    /// The number of columns, and whether they are described.
    fn columns(&mut self, prefix: &[u8]) -> Result<Progress, Malformed> {
        let mut reader = Reader::new(prefix);
        let count = reader.number()?;
        let cached = self.capabilities.has(Capabilities::CACHE_METADATA);
        let described = !cached || reader.is_empty() || reader.u8()? != 0;
        self.phase = self.behind_columns(if described { count } else { 0 });
        Ok(Progress::More)
    }

    fn prepared(&mut self, prefix: &[u8]) -> Result<Progress, Malformed> {
        let mut reader = Reader::new(prefix);
        if reader.u8()? != OK {
            return Err(Malformed("the reply to prepare is none"));
        }
        reader.u32()?;
        let end = u64::from(self.counts_from_eof());
        let mut packets = 0;
        for _ in 0..2 {
            let count = u64::from(reader.u16()?);
            packets += if count > 0 { count + end } else { 0 };
        }
        self.phase = if packets > 0 { Phase::Skip(packets) } else { Phase::Idle };
        Ok(if packets > 0 { Progress::More } else { Progress::Done(None) })
    }
}

/// The status in whatever ends rows. An EOF packet has five bytes, an OK packet at least seven.
fn end_status(prefix: &[u8], len: usize) -> Result<Status, Malformed> {
    match prefix.first() {
        Some(&EOF) if len <= 5 => eof_status(prefix),
        _ => OkPacket::parse(prefix).map(|ok| ok.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Capabilities = Capabilities::PROTOCOL_41;
    const NEW: Capabilities = Capabilities(Capabilities::PROTOCOL_41.0 | Capabilities::DEPRECATE_EOF.0);
    const COLUMN: &[u8] = b"\x03def\0\0\0\x01a\0";

    fn eof(status: Status) -> Vec<u8> {
        let [low, high] = status.0.to_le_bytes();
        vec![EOF, 0, 0, low, high]
    }

    fn ok(first: u8, status: Status) -> Vec<u8> {
        let [low, high] = status.0.to_le_bytes();
        vec![first, 0, 0, low, high, 0, 0]
    }

    /// What comes of these payloads: every one but the last leaves the answer going on.
    fn follow(capabilities: Capabilities, asked: Asked, payloads: &[&[u8]]) -> Progress {
        let mut reader = AnswerReader::new(capabilities);
        reader.begin(asked);
        let mut last = Progress::More;
        for (at, payload) in payloads.iter().enumerate() {
            assert_eq!(last, Progress::More, "before payload {at}");
            last = reader.payload(&Payload::of(payload, 0)).unwrap_or_else(|error| panic!("{at}: {error}"));
        }
        if last != Progress::More {
            assert!(reader.payload(&Payload::of(&[OK], 0)).is_err(), "nothing is asked any more");
        }
        last
    }

    const DONE: Progress = Progress::Done(Some(Status::AUTOCOMMIT));

    #[test]
    fn rows_end_where_they_end() {
        let auto = Status::AUTOCOMMIT;
        let row: &[u8] = b"\x01x";
        let null: &[u8] = b"\xfb";
        // A first column of 16 MiB and more begins like an EOF packet.
        let mut wide = vec![0xfe, 0, 0, 0, 1, 0, 0, 0, 0];
        wide.resize(PAYLOAD_MAX, 7);
        let answer: &[&[u8]] = &[b"\x01", COLUMN, &eof(auto), row, null, &wide, b"", &eof(auto)];
        assert_eq!(follow(OLD, Asked::Statement, answer), DONE);
        let answer: &[&[u8]] = &[b"\x01", COLUMN, row, null, &wide, &ok(EOF, auto)];
        assert_eq!(follow(NEW, Asked::Statement, answer), DONE);
        let binary: &[u8] = b"\0\0\x01x";
        assert_eq!(follow(NEW, Asked::Rows, &[binary, binary, &ok(EOF, auto)]), DONE);
        assert_eq!(follow(OLD, Asked::Rows, &[&eof(auto)]), DONE);
    }

    #[test]
    fn results_follow_results() {
        let more = Status(Status::AUTOCOMMIT.0 | Status::MORE_RESULTS.0);
        let auto = Status::AUTOCOMMIT;
        let answer: &[&[u8]] =
            &[&ok(OK, more), b"\x01", COLUMN, &eof(more), b"\x01x", &eof(more), &ok(OK, more), &ok(OK, auto)];
        assert_eq!(follow(OLD, Asked::Statement, answer), DONE);
        let failed: &[&[u8]] = &[&ok(OK, more), b"\xff\x28\x04#42000no"];
        assert_eq!(follow(OLD, Asked::Statement, failed), Progress::Failed);
        let midway: &[&[u8]] = &[b"\x01", COLUMN, b"\x01x", b"\xff\x25\x05#70100ended"];
        assert_eq!(follow(NEW, Asked::Statement, midway), Progress::Failed);
    }

    #[test]
    fn a_cursor_has_no_rows() {
        let cursor = Status(Status::AUTOCOMMIT.0 | Status::CURSOR_EXISTS.0);
        let done = Progress::Done(Some(cursor));
        assert_eq!(follow(OLD, Asked::Statement, &[b"\x01", COLUMN, &eof(cursor)]), done);
        assert_eq!(follow(NEW, Asked::Statement, &[b"\x01", COLUMN, &ok(EOF, cursor)]), done);
    }

    #[test]
    fn replies_to_prepare_are_counted() {
        let reply = |columns: u8, params: u8| vec![OK, 1, 0, 0, 0, columns, 0, params, 0, 0, 0, 0];
        let end = eof(Status::AUTOCOMMIT);
        let done = Progress::Done(None);
        assert_eq!(follow(OLD, Asked::Prepare, &[&reply(0, 0)]), done);
        let answer: &[&[u8]] = &[&reply(1, 2), COLUMN, COLUMN, &end, COLUMN, &end];
        assert_eq!(follow(OLD, Asked::Prepare, answer), done);
        assert_eq!(follow(NEW, Asked::Prepare, &[&reply(1, 2), COLUMN, COLUMN, COLUMN]), done);
        assert_eq!(follow(OLD, Asked::Prepare, &[b"\xff\x28\x04#42000no"]), Progress::Failed);
    }

    #[test]
    fn what_mariadb_adds_is_followed() {
        let caching = NEW | Capabilities::CACHE_METADATA;
        let end = ok(EOF, Status::AUTOCOMMIT);
        assert_eq!(
            follow(caching, Asked::Statement, &[b"\x02\x01", COLUMN, COLUMN, b"\0\0\x01x", &end]),
            DONE
        );
        assert_eq!(follow(caching, Asked::Statement, &[b"\x02\0", b"\0\0\x01x", &end]), DONE);
        let report: &[u8] = b"\xff\xff\xff\x01\x01\x02\x10\0\0\x04copy";
        let auto = ok(OK, Status::AUTOCOMMIT);
        assert_eq!(follow(NEW | Capabilities::PROGRESS, Asked::Statement, &[report, report, &auto]), DONE);
        assert_eq!(follow(NEW, Asked::Statement, &[report]), Progress::Failed);
    }

    #[test]
    fn a_file_is_asked_for_and_the_answer_comes_behind_it() {
        let mut reader = AnswerReader::new(NEW);
        reader.begin(Asked::Statement);
        assert_eq!(reader.payload(&Payload::of(b"\xfbfile.csv", 1)), Ok(Progress::WantsFile));
        assert_eq!(reader.payload(&Payload::of(&ok(OK, Status::AUTOCOMMIT), 5)), Ok(DONE));
    }

    #[test]
    fn one_packet_is_one_packet() {
        assert_eq!(follow(OLD, Asked::Packet, &[b"Uptime: 7"]), Progress::Done(None));
        assert_eq!(follow(OLD, Asked::Packet, &[&ok(OK, Status::AUTOCOMMIT)]), DONE);
        assert_eq!(follow(OLD, Asked::Packet, &[&eof(Status::AUTOCOMMIT)]), DONE);
        assert_eq!(follow(NEW, Asked::Packet, &[&ok(EOF, Status::AUTOCOMMIT)]), DONE);
        assert_eq!(follow(OLD, Asked::Packet, &[b"\xff\x28\x04#42000no"]), Progress::Failed);
    }
}
