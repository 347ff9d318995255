//! Checking the audit log: every entry's MAC, no gap, and every noted head where it belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bough_model::OrganizationId;
use bough_policy::{Granted, OrganizationAt};

use super::{AuditKey, EventRow, Head, anchors, links, made_by_others, organizations, owners};
use crate::{Reader, Store, StoreError};

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

/// Most problems that one look at one chain names.
const PROBLEMS_MAX: usize = 20;

/// What a look at one chain found.
#[derive(Debug, Default)]
pub struct ChainReport {
    /// Entries checked, from the first one on.
    pub entries: i64,
    /// Entries checked that a head noted outside the store covers.
    pub anchored: i64,
    /// Whether time was left to check the whole of it.
    pub whole: bool,
    /// What is wrong, and where; the first of it where it is much.
    pub problems: Vec<String>,
}

/// Checks the chain of one organization, for as long as `goes_on` says.
///
/// # Errors
/// As [`verify`].
pub fn verify_chain(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    key: &AuditKey,
    heads_file: &Path,
    goes_on: &dyn Fn() -> bool,
) -> Result<ChainReport, StoreError> {
    let organization = &granted.at().organization;
    let anchors = anchors::read(key, heads_file)?;
    let mut report = Report::default();
    for line in &anchors.damaged_lines {
        report.problems.push(format!("line {line} of the heads noted outside the store was changed"));
    }
    for (kind, name) in made_by_others(reader)? {
        report.problems.push(format!("the store holds the {kind} {name:?}, which is not Bough's"));
    }
    let mut noted = Noted::new();
    for head in anchors.heads.iter().filter(|head| head.organization == *organization) {
        noted.entry(head.count).or_default().push(head);
    }
    let whole = Chain::new(key, organization, &noted)
        .check(reader, &mut report, &|report| report.problems.len() < PROBLEMS_MAX && goes_on())?;
    let named = format!("chain {organization}: ");
    report.problems.truncate(PROBLEMS_MAX);
    let problems = report.problems.into_iter();
    let problems = problems.map(|text| text.strip_prefix(&named).map_or(text.clone(), str::to_owned));
    Ok(ChainReport {
        entries: report.entries,
        anchored: report.anchored,
        whole,
        problems: problems.collect(),
    })
}

/// Noted heads of one chain, by their count.
type Noted<'a> = BTreeMap<i64, Vec<&'a Head>>;

/// Checks all chains of a store against themselves and against the heads noted in `heads_file`.
///
/// # Errors
/// When store or file cannot be read; what is wrong with the log is in the report.
pub fn verify(store: &Store, key: &AuditKey, heads_file: &Path) -> Result<Report, StoreError> {
    store.read(|reader| verify_as_read(reader, key, heads_file))
}

/// As [`verify`], through a reader of whatever kind.
pub(crate) fn verify_as_read(
    reader: &Reader,
    key: &AuditKey,
    heads_file: &Path,
) -> Result<Report, StoreError> {
    // Before anything of the store is read, which may grow meanwhile.
    let anchors = anchors::read(key, heads_file)?;
    let mut report = Report::default();
    for line in &anchors.damaged_lines {
        report.problems.push(format!("line {line} of {} was changed", heads_file.display()));
    }
    let mut noted: BTreeMap<&str, Noted<'_>> = BTreeMap::new();
    for head in &anchors.heads {
        let chain = noted.entry(head.organization.as_str()).or_default();
        chain.entry(head.count).or_default().push(head);
    }
    // The store has neither; a trigger could take an entry out in the moment it is written.
    for (kind, name) in made_by_others(reader)? {
        report.problems.push(format!("the store holds the {kind} {name:?}, which is not Bough's"));
    }
    // A chain may have been taken out whole, or moved to where nobody looks.
    let mut chains: BTreeSet<String> = owners(reader)?.into_iter().collect();
    chains.extend(organizations(reader)?.iter().map(ToString::to_string));
    chains.extend(noted.keys().map(|owner| (*owner).to_owned()));
    let none = Noted::new();
    for owner in &chains {
        match OrganizationId::parse(owner) {
            Some(organization) => {
                let noted = noted.get(owner.as_str()).unwrap_or(&none);
                Chain::new(key, &organization, noted).check(reader, &mut report, &|_| true)?;
            }
            None => report.problems.push(format!("chain {owner:?}: no organization has such an id")),
        }
    }
    report.chains = chains.len();
    Ok(report)
}

/// A chain being checked.
struct Chain<'a> {
    key: &'a AuditKey,
    organization: &'a OrganizationId,
    noted: &'a Noted<'a>,
    /// The place of the last entry.
    at: i64,
    /// Its MAC; `None` when it cannot be read.
    before: Option<[u8; 32]>,
}

impl<'a> Chain<'a> {
    const fn new(key: &'a AuditKey, organization: &'a OrganizationId, noted: &'a Noted<'a>) -> Self {
        Self { key, organization, noted, at: 0, before: Some([0; 32]) }
    }

    /// Answers whether it came to the end: `goes_on` is asked after each part.
    fn check(
        mut self,
        reader: &Reader,
        report: &mut Report,
        goes_on: &dyn Fn(&Report) -> bool,
    ) -> Result<bool, StoreError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            if self.at > 0 && !goes_on(report) {
                self.cover(report);
                return Ok(false);
            }
            let page = links(reader, self.organization.as_str(), start, READ_AT_ONCE)?;
            let full = page.len() == READ_AT_ONCE as usize;
            from = page.last().filter(|_| full).and_then(|last| last.seq.checked_add(1));
            for link in page {
                report.entries += 1;
                let gap = (link.seq != self.at.saturating_add(1)).then_some(self.at);
                let problem = match (link.seq, gap, &link.event) {
                    (..=0, _, _) => Some(format!("entry {} stands before the first", link.seq)),
                    (seq, Some(at), _) => Some(format!("entries {} to {} are missing", at + 1, seq - 1)),
                    (seq, None, Err(error)) => Some(format!("entry {seq} was changed: {error}")),
                    (_, None, Ok(event)) => self.wrong(event),
                };
                report.problems.extend(problem.map(|problem| self.named(&problem)));
                if link.seq > 0 {
                    self.step(link.seq, link.event.ok().as_ref(), report);
                }
            }
        }
        if let Some((count, _)) = self.noted.range(self.at + 1..).next_back() {
            report.problems.push(self.named(&format!(
                "ends after entry {}, although it once had {count} entries: the end was cut off",
                self.at
            )));
        }
        self.cover(report);
        Ok(true)
    }

    fn cover(&self, report: &mut Report) {
        report.anchored += self.noted.range(..=self.at).next_back().map_or(0, |(count, _)| *count);
    }

    fn named(&self, problem: &str) -> String {
        format!("chain {}: {problem}", self.organization)
    }

    fn wrong(&self, event: &EventRow) -> Option<String> {
        let before = self.before.as_ref()?;
        (event.mac != event.expected_mac(self.key, self.organization, before)).then(|| {
            let (seq, id, action) = (event.seq, &event.id, &event.action);
            format!("entry {seq} ({id}, {action:?}) was changed, or stands where it does not belong")
        })
    }

    fn step(&mut self, seq: i64, event: Option<&EventRow>, report: &mut Report) {
        self.at = seq;
        self.before = event.map(|event| event.mac);
        let noted = self.noted.get(&seq).map(Vec::as_slice).unwrap_or_default();
        if event.is_some_and(|event| noted.iter().any(|head| head.mac != event.mac)) {
            let problem = format!("entry {seq} is not the one that was noted outside the store");
            report.problems.push(self.named(&problem));
        }
    }
}
