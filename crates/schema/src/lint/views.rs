//! `INVALID_TABLE_REFERENCED_IN_VIEW`, `INVALID_COLUMN_REFERENCED_IN_VIEW`: views that cannot be used. That
//! they cannot, the server says; which name is missing is looked for here.

use super::view_names::{Named, named};
use super::{About, Code, Findings, Looked, Rule};
use crate::{ColumnName, TableName, View};

pub(super) const TABLE: Rule = Rule {
    code: Code::InvalidTableReferencedInView,
    finds: "A view that reads a table or view which is not there, or which cannot be used itself.",
    why: "The schema cannot be made again: a branch or a schema change would fail at the view.",
    mend: "Make what is missing again, or change or drop the view: CREATE OR REPLACE VIEW, DROP VIEW.",
    check: |looked, findings| explained(looked, findings, Code::InvalidTableReferencedInView),
};

pub(super) const COLUMN: Rule = Rule {
    code: Code::InvalidColumnReferencedInView,
    finds: "A view that reads a column which is not there.",
    why: "The schema cannot be made again: a branch or a schema change would fail at the view.",
    mend: "Give the table the column again, or change or drop the view: CREATE OR REPLACE VIEW, DROP VIEW.",
    check: |looked, findings| explained(looked, findings, Code::InvalidColumnReferencedInView),
};

/// Why a view cannot be used, as far as it can be told.
struct Reason {
    code: Code,
    column: Option<String>,
    why: String,
}

/// A view that cannot be used.
pub(super) struct Broken<'a> {
    name: &'a str,
    /// What the server says.
    complaint: &'a str,
    /// What was found; none when it was not, or the server does not even show the view.
    reasons: Vec<Reason>,
}

fn reasons(looked: &Looked<'_>, view: &View) -> Vec<Reason> {
    let Some(names) = named(view) else { return Vec::new() };
    let tables = missing_tables(looked, &names);
    if tables.is_empty() { missing_columns(looked, &names) } else { tables }
}

fn missing_tables(looked: &Looked<'_>, names: &Named) -> Vec<Reason> {
    let schema = looked.case.schema;
    let mut reasons = Vec::new();
    for source in &names.tables {
        if source.schema.as_ref().is_some_and(|other| other != schema.name.as_str()) {
            continue;
        }
        let name = TableName::from(source.table.clone());
        let why = if looked.case.complaints.contains_key(name.as_str()) {
            format!("reads view \"{name}\", which cannot be used itself. Mend that one first")
        } else if is_there(looked, &name) {
            continue;
        } else {
            format!("reads table \"{name}\", which does not exist. Make it, or change or drop the view")
        };
        reasons.push(Reason { code: Code::InvalidTableReferencedInView, column: None, why });
    }
    reasons
}

fn is_there(looked: &Looked<'_>, name: &TableName) -> bool {
    let schema = looked.case.schema;
    looked.case.left_out > 0
        || looked.tables.contains_key(name)
        || schema.view(name).is_some()
        || schema.sequences.iter().any(|sequence| sequence.name == *name)
        || schema.unread.iter().any(|unread| unread.name == *name)
}

fn missing_columns(looked: &Looked<'_>, names: &Named) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for (called, column) in &names.columns {
        // The same alias may stand for other tables in other parts of the query: one that has it is enough.
        let mut bound = names.tables.iter().filter(|source| source.called == *called).peekable();
        let column = ColumnName::from(column.clone());
        if bound.peek().is_none() {
            continue;
        }
        let lacks = |table: &str| {
            let table = looked.tables.get(&TableName::from(table.to_owned()));
            table.is_some_and(|table| table.column(&column).is_none())
        };
        let mut first = None;
        if bound.all(|source| {
            first.get_or_insert(&source.table);
            source.schema.is_none() && lacks(&source.table)
        }) && let Some(table) = first
        {
            let why = format!(
                "reads column \"{column}\" of table \"{table}\", which has none of that name. Add it, or change or drop \
                 the view"
            );
            if !reasons.iter().any(|reason| reason.why == why) {
                let column = Some(column.to_string());
                reasons.push(Reason { code: Code::InvalidColumnReferencedInView, column, why });
            }
        }
    }
    reasons
}

/// Every view that the server cannot use.
pub(super) fn broken<'a>(looked: &Looked<'a>) -> Vec<Broken<'a>> {
    let case = looked.case;
    let complained = case.complaints.iter().map(|(name, complaint)| {
        let view = case.schema.view(&TableName::from(name.clone()));
        Broken { name, complaint, reasons: view.map(|view| reasons(looked, view)).unwrap_or_default() }
    });
    complained.collect()
}

fn explained(looked: &Looked<'_>, findings: &mut Findings, code: Code) {
    for broken in &looked.broken_views {
        for reason in broken.reasons.iter().filter(|reason| reason.code == code) {
            let description = format!("View \"{}\" {}.", broken.name, reason.why);
            let about = About { column: reason.column.clone().unwrap_or_default(), ..About::default() };
            findings.note(code, broken.name, about, description);
        }
    }
}

/// Views that cannot be used, for a reason that was not found.
pub(super) fn unexplained(looked: &Looked<'_>, findings: &mut Findings) {
    for Broken { name, complaint, .. } in
        looked.broken_views.iter().filter(|broken| broken.reasons.is_empty())
    {
        let description =
            format!("View \"{name}\" cannot be used. The server says: {complaint}. Change it, or drop it.");
        findings.note(Code::Unspecified, name, About::default(), description);
    }
}
