//! Heads of the audit chains, noted in a file outside the store. Each line is authenticated, so that
//! the file cannot be made to fit a shortened log without the master key.
//!
//! A line is `organization count mac line-mac`, separated by spaces, the MACs in hexadecimal.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use bough_model::OrganizationId;
use bough_store::audit::{AuditKey, Head, heads};

use crate::{ControlPlane, Error, Result};

/// How often heads are noted, in seconds. Entries younger than that are not covered yet.
pub const NOTE_EVERY_SECONDS: u64 = 10;

/// What the file of heads says.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The heads, in the order in which they were noted.
    pub heads: Vec<Head>,
    /// Lines, counted from 1, that were not written by this installation or were changed.
    pub damaged_lines: Vec<usize>,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn line_mac(key: &AuditKey, head: &Head) -> [u8; 32] {
    key.mac(&[b"head", head.organization.as_str().as_bytes(), &head.count.to_be_bytes(), &head.mac])
}

fn parse_line(key: &AuditKey, line: &str) -> Option<Head> {
    let mut parts = line.split(' ');
    let head = Head {
        organization: OrganizationId::parse(parts.next()?)?,
        count: parts.next()?.parse().ok()?,
        mac: unhex(parts.next()?)?,
    };
    let mac = unhex(parts.next()?)?;
    (line_mac(key, &head) == mac && parts.next().is_none()).then_some(head)
}

/// Reads the file; an absent one is empty.
///
/// # Errors
/// When it cannot be read.
pub fn read(key: &AuditKey, path: &Path) -> Result<Anchors> {
    let mut anchors = Anchors::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(anchors),
        Err(error) => return Err(Error::Internal(format!("{} cannot be read: {error}", path.display()))),
    };
    for (number, line) in BufReader::new(file).lines().enumerate() {
        match line.ok().as_deref().and_then(|line| parse_line(key, line)) {
            Some(head) => anchors.heads.push(head),
            None => anchors.damaged_lines.push(number + 1),
        }
    }
    Ok(anchors)
}

impl ControlPlane {
    /// Notes the heads that have moved since they were noted last.
    ///
    /// # Errors
    /// When the store or the file fails.
    pub fn note_audit_heads(&self, noted: &mut HashMap<OrganizationId, i64>) -> Result<()> {
        let heads = self.store.read(|reader| Ok::<_, Error>(heads(reader)?))?;
        let mut lines = String::new();
        for head in heads.iter().filter(|head| noted.get(&head.organization) != Some(&head.count)) {
            let mac = line_mac(self.keys.audit(), head);
            let _ = writeln!(lines, "{} {} {} {}", head.organization, head.count, hex(&head.mac), hex(&mac));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let failed = |error: std::io::Error| {
            Error::Internal(format!("{} cannot be written: {error}", self.audit_heads.display()))
        };
        let mut file =
            OpenOptions::new().create(true).append(true).open(&self.audit_heads).map_err(failed)?;
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        noted.extend(heads.into_iter().map(|head| (head.organization, head.count)));
        Ok(())
    }
}
