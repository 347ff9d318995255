//! `FOREIGN_KEYS_CIRCULAR_DEPENDENCY`, `FOREIGN_KEYS_UNRESOLVED`: foreign keys that leave no order in which
//! tables can be made and changed.

use std::collections::HashSet;

use super::foreign_key_parents::{is_nonexistent, is_view};
use super::references::{columns_of, named};
use super::{About, Code, Findings, Looked, Rule};
use crate::{Action, ForeignKey, Index, IndexKind, Table, TableName};

/// Most tables of a round that are named in a description.
const NAMED_MAX: usize = 8;

pub(super) const CYCLE: Rule = Rule {
    code: Code::ForeignKeysCircularDependency,
    finds: "Tables that refer to each other in a round; or a table that refers to itself with ON DELETE CASCADE.",
    why: "There is no order in which tables of a round can be made or changed with their keys whole. Rows of one table \
          that delete each other go only fifteen levels deep; then the server refuses.",
    mend: "Drop one key of the round. For a table that refers to itself, take ON DELETE SET NULL or RESTRICT.",
    check: cycle,
};

pub(super) const UNRESOLVED: Rule = Rule {
    code: Code::ForeignKeysUnresolved,
    finds: "A foreign key whose columns, or the key over them, are missing where it refers to; or that leads, over other \
            tables, to one that cannot be resolved.",
    why: "The table can only be made after all that it refers to.",
    mend: "Mend what the description names, first of all the tables at the end of the chain.",
    check: unresolved,
};

fn cycle(looked: &Looked<'_>, findings: &mut Findings) {
    for cycle in &looked.keys.cycles {
        let mut round =
            cycle.iter().take(NAMED_MAX).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        if cycle.len() > NAMED_MAX {
            round.push_str(&format!(" and {} more", cycle.len() - NAMED_MAX));
        }
        for name in cycle {
            let Some(table) = looked.tables.get(name) else { continue };
            let own = |key: &&ForeignKey| {
                cycle.binary_search(&&key.parent.table).is_ok() && key.parent.table != table.name
            };
            let columns = table.foreign_keys.iter().filter(own).flat_map(columns_of).collect();
            let description = format!(
                "Table \"{name}\" is in a round of foreign keys: {round}. Drop one key of the round."
            );
            let about = About { foreign_key_columns: columns, ..About::default() };
            findings.note(Code::ForeignKeysCircularDependency, name, about, description);
        }
    }
    for table in looked.tables() {
        for key in &table.foreign_keys {
            let itself = key.parent.schema.is_none() && key.parent.table == table.name;
            if itself && key.on_delete == Some(Action::Cascade) {
                let description = format!(
                    "Table \"{}\" has {} to itself with ON DELETE CASCADE. Take ON DELETE SET NULL or RESTRICT.",
                    table.name,
                    named(key)
                );
                let about = About { foreign_key_columns: columns_of(key), ..About::default() };
                findings.note(Code::ForeignKeysCircularDependency, &table.name, about, description);
            }
        }
    }
}

fn unresolved(looked: &Looked<'_>, findings: &mut Findings) {
    let mut broken: HashSet<&TableName> = looked.keys.cycles.iter().flatten().copied().collect();
    for table in looked.tables() {
        for key in &table.foreign_keys {
            if is_nonexistent(looked, key) || is_view(looked, key) {
                broken.insert(&table.name);
                continue;
            }
            let Some(parent) = looked.tables.get(&key.parent.table) else { continue };
            if let Some(why) = missing(parent, key) {
                broken.insert(&table.name);
                let description = format!(
                    "Table \"{}\" has {} to table \"{}\", which {why}. Mend that, or drop the key.",
                    table.name,
                    named(key),
                    parent.name
                );
                let about = About { foreign_key_columns: columns_of(key), ..About::default() };
                findings.note(Code::ForeignKeysUnresolved, &table.name, about, description);
            }
        }
    }
    for name in looked.keys.that_need(&broken) {
        let description = format!(
            "Table \"{name}\" refers, directly or over other tables, to one whose foreign keys cannot be resolved. Mend \
             that one first."
        );
        findings.note(Code::ForeignKeysUnresolved, name, About::default(), description);
    }
}

/// What a table lacks for being referred to.
fn missing(parent: &Table, key: &ForeignKey) -> Option<String> {
    if let Some(column) = key.parent_columns.iter().find(|name| parent.column(name).is_none()) {
        return Some(format!("has no column \"{column}\""));
    }
    // Any index does for the server that begins with the columns, in whatever order.
    let begins = |index: &Index| {
        let first = index.parts.get(..key.parent_columns.len()).unwrap_or_default();
        !first.is_empty()
            && !matches!(index.kind, IndexKind::Fulltext | IndexKind::Spatial | IndexKind::Vector)
            && key.parent_columns.iter().all(|wanted| {
                first
                    .iter()
                    .any(|part| part.column().is_some_and(|own| own.is(wanted)) && part.prefix.is_none())
            })
    };
    if parent.indexes.iter().any(begins) {
        return None;
    }
    let columns: Vec<_> = key.parent_columns.iter().map(|name| format!("\"{name}\"")).collect();
    Some(format!("has no key that begins with {}", columns.join(", ")))
}
