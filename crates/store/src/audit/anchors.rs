//! Heads of the audit chains, noted in a file outside the store. Each line is authenticated, so that
//! the file cannot be made to fit a shortened log without the master key.
//!
//! A line is `organization count mac line-mac`, separated by spaces, the MACs in hexadecimal. One process
//! at a time appends. A last line without its end was cut short by a crash or a full disk: it says
//! nothing, and the next append takes it away.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bough_model::OrganizationId;

use super::{AuditKey, Head};
use crate::StoreError;

/// More than a line has, in bytes.
const LINE_MAX_BYTES: u64 = 512;

/// What the file of heads says.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The heads, in the order in which they were noted.
    pub heads: Vec<Head>,
    /// Lines, counted from 1, that were not written by this installation or were changed.
    pub damaged_lines: Vec<usize>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Only what [`hex`] writes: one head has one spelling.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    (hex(&bytes) == text).then_some(bytes)
}

fn line_mac(key: &AuditKey, head: &Head) -> [u8; 32] {
    key.mac(&[b"head", head.organization.as_str().as_bytes(), &head.count.to_be_bytes(), &head.mac])
}

fn line(key: &AuditKey, head: &Head) -> String {
    let mac = line_mac(key, head);
    format!("{} {} {} {}\n", head.organization, head.count, hex(&head.mac), hex(&mac))
}

fn parse_line(key: &AuditKey, text: &str) -> Option<Head> {
    let mut parts = text.split(' ');
    let head = Head {
        organization: OrganizationId::parse(parts.next()?)?,
        count: parts.next()?.parse().ok()?,
        mac: unhex(parts.next()?)?,
    };
    (line(key, &head).strip_suffix('\n') == Some(text)).then_some(head)
}

fn failed(what: &'static str, path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    move |error| StoreError::Failed(format!("{} cannot be {what}: {error}", path.display()))
}

/// Reads the file; an absent one is empty.
///
/// # Errors
/// When it cannot be read.
pub fn read(key: &AuditKey, path: &Path) -> Result<Anchors, StoreError> {
    let mut anchors = Anchors::default();
    let mut file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(anchors),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes).map_err(failed("read", path))? == 0 {
            break;
        }
        let Some(text) = bytes.strip_suffix(b"\n") else { break };
        match std::str::from_utf8(text).ok().and_then(|text| parse_line(key, text)) {
            Some(head) => anchors.heads.push(head),
            None => anchors.damaged_lines.push(number),
        }
    }
    Ok(anchors)
}

/// Appends heads to the file, durably, or leaves it as it was.
///
/// # Errors
/// When it cannot be written.
pub fn append(key: &AuditKey, path: &Path, heads: &[Head]) -> Result<(), StoreError> {
    let lines: String = heads.iter().map(|head| line(key, head)).collect();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(failed("written", path))?;
    let end = end_of_lines(&mut file).map_err(failed("read", path))?;
    let written = file
        .set_len(end)
        .and_then(|()| file.seek(SeekFrom::Start(end)))
        .and_then(|_| file.write_all(lines.as_bytes()))
        .and_then(|()| file.sync_data());
    written.map_err(|error| {
        let _ = file.set_len(end);
        failed("written", path)(error)
    })
}

/// How long the file is without a line that was cut short.
fn end_of_lines(file: &mut File) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LINE_MAX_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let kept = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    // No end of a line where one must be: not ours to shorten.
    Ok(if kept == 0 && from > 0 { length } else { from + kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(count: i64) -> Head {
        let organization = OrganizationId::parse("acmeacmeacme").expect("an id");
        Head { organization, count, mac: [7; 32] }
    }

    #[test]
    fn a_line_cut_short_says_nothing_and_is_taken_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heads");
        let key = AuditKey::new([1; 32]);
        append(&key, &path, &[head(1), head(2)]).expect("appended");
        let whole = std::fs::read(&path).expect("its bytes");
        std::fs::write(&path, [&whole[..], &whole[..70]].concat()).expect("written");
        let anchors = read(&key, &path).expect("read");
        assert_eq!((anchors.heads, anchors.damaged_lines), (vec![head(1), head(2)], vec![]));
        append(&key, &path, &[head(3)]).expect("appended");
        let anchors = read(&key, &path).expect("read");
        assert_eq!((anchors.heads, anchors.damaged_lines), (vec![head(1), head(2), head(3)], vec![]));
    }

    #[test]
    fn a_file_that_ends_within_its_first_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heads");
        let key = AuditKey::new([1; 32]);
        std::fs::write(&path, b"acme").expect("written");
        append(&key, &path, &[head(3)]).expect("appended");
        assert_eq!(read(&key, &path).expect("read").heads, [head(3)]);
    }

    #[test]
    fn one_head_has_one_spelling() {
        let key = AuditKey::new([1; 32]);
        let text = line(&key, &head(12));
        let text = text.trim_end();
        assert_eq!(parse_line(&key, text), Some(head(12)));
        for wrong in [text.to_uppercase(), text.replace(" 12 ", " +12 "), text.replace(" 12 ", " 012 ")] {
            assert_eq!(parse_line(&key, &wrong), None, "{wrong}");
        }
        assert_eq!(parse_line(&AuditKey::new([2; 32]), text), None, "another installation's");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(&AuditKey::new([1; 32]), folder.path()).is_err(), "a folder is no file of heads");
    }
}
