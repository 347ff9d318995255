//! Checking the audit log: every entry's MAC, no gap, and every noted head where it belongs.

use std::path::Path;

use bough_model::OrganizationId;
use bough_store::audit::{AuditKey, chain, heads};
use bough_store::{Reader, Store};

use super::anchors;
use crate::{Error, Result};

/// Entries read at a time.
const READ_AT_ONCE: u32 = 1_000;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Chains checked.
    pub chains: usize,
    /// Entries checked.
    pub entries: i64,
    /// Entries that a head noted outside the store covers.
    pub anchored: i64,
    /// What is wrong, and where.
    pub problems: Vec<String>,
}

/// Checks all chains of a store against themselves and against the heads noted in `heads_file`.
///
/// # Errors
/// When store or file cannot be read; what is wrong with the log is in the report.
pub fn verify(store: &Store, key: &AuditKey, heads_file: &Path) -> Result<Report> {
    let anchors = anchors::read(key, heads_file)?;
    let mut report = Report::default();
    for line in &anchors.damaged_lines {
        report.problems.push(format!("line {line} of {} was changed", heads_file.display()));
    }
    store.read(|reader| {
        let mut chains: Vec<OrganizationId> =
            heads(reader)?.into_iter().map(|head| head.organization).collect();
        // A chain may have been taken out whole: the noted heads still name it.
        for head in &anchors.heads {
            if !chains.contains(&head.organization) {
                chains.push(head.organization.clone());
            }
        }
        for organization in &chains {
            let noted: Vec<_> =
                anchors.heads.iter().filter(|head| head.organization == *organization).collect();
            check_chain(reader, key, organization, &noted, &mut report)?;
        }
        report.chains = chains.len();
        Ok::<_, Error>(())
    })?;
    Ok(report)
}

fn check_chain(
    reader: &Reader,
    key: &AuditKey,
    organization: &OrganizationId,
    noted: &[&bough_store::audit::Head],
    report: &mut Report,
) -> Result<()> {
    let mut before = [0; 32];
    let mut at = 0;
    let mut missed: Vec<_> = noted.iter().filter(|head| head.count > 0).collect();
    loop {
        let events = chain(reader, organization, at, READ_AT_ONCE)?;
        let Some(last) = events.last().map(|event| event.seq) else { break };
        for event in &events {
            if event.seq != at + 1 {
                report.problems.push(format!(
                    "chain {organization}: entries {} to {} are missing",
                    at + 1,
                    event.seq - 1
                ));
            } else if event.mac != event.expected_mac(key, organization, &before) {
                report.problems.push(format!(
                    "chain {organization}: entry {} ({}, {}) was changed, or stands where it does not belong",
                    event.seq, event.id, event.action
                ));
            }
            for head in noted.iter().filter(|head| head.count == event.seq) {
                if head.mac != event.mac {
                    report.problems.push(format!(
                        "chain {organization}: entry {} is not the one that was noted outside the store",
                        event.seq
                    ));
                }
            }
            missed.retain(|head| head.count != event.seq);
            before = event.mac;
            at = event.seq;
            report.entries += 1;
        }
        at = last;
    }
    if let Some(head) = missed.iter().filter(|head| head.count > at).max_by_key(|head| head.count) {
        report.problems.push(format!(
            "chain {organization}: ends after entry {at}, although it once had {} entries: the end was cut off",
            head.count
        ));
    }
    report.anchored += noted.iter().map(|head| head.count).filter(|count| *count <= at).max().unwrap_or(0);
    Ok(())
}
