//! `FOREIGN_KEYS_NONEXISTENT_TABLE`, `FOREIGN_KEYS_REFERENCED_VIEW`: foreign keys to what is no table of the
//! schema. The server makes them while `foreign_key_checks` is off.

use super::references::{columns_of, named};
use super::{About, Code, Findings, Looked, Rule};
use crate::{ForeignKey, Table};

pub(super) const NONEXISTENT: Rule = Rule {
    code: Code::ForeignKeysNonexistentTable,
    finds: "A foreign key to a table that is not in the schema.",
    why: "No row can be put into the table, and the schema cannot be made again in any order.",
    mend: "Make the table that is referred to, or drop the key.",
    check: nonexistent,
};

pub(super) const VIEW: Rule = Rule {
    code: Code::ForeignKeysReferencedView,
    finds: "A foreign key to a view.",
    why: "A view has no rows of its own that could be referred to.",
    mend: "Refer to the table that the view reads.",
    check: view,
};

pub(super) fn is_view(looked: &Looked<'_>, key: &ForeignKey) -> bool {
    let here = key.parent.schema.is_none() && !looked.tables.contains_key(&key.parent.table);
    here && looked.case.schema.view(&key.parent.table).is_some()
}

pub(super) fn is_nonexistent(looked: &Looked<'_>, key: &ForeignKey) -> bool {
    let schema = looked.case.schema;
    let elsewhere = key.parent.schema.as_ref().is_some_and(|other| other != schema.name.as_str());
    if elsewhere || looked.tables.contains_key(&key.parent.table) {
        return elsewhere;
    }
    // What could not be read, or was left out, may be there.
    let unknown =
        looked.case.left_out > 0 || schema.unread.iter().any(|unread| unread.name == key.parent.table);
    !unknown && !is_view(looked, key)
}

fn each(looked: &Looked<'_>, mut tell: impl FnMut(&Table, &ForeignKey)) {
    looked.tables().for_each(|table| table.foreign_keys.iter().for_each(|key| tell(table, key)));
}

fn nonexistent(looked: &Looked<'_>, findings: &mut Findings) {
    each(looked, |table, key| {
        if is_nonexistent(looked, key) {
            let description = match &key.parent.schema {
                Some(schema) => format!(
                    "Table \"{}\" has {} to table \"{}\" of the schema \"{schema}\". A branch has one schema: refer to a \
                     table of it, or drop the key.",
                    table.name,
                    named(key),
                    key.parent.table
                ),
                None => format!(
                    "Table \"{}\" has {} to table \"{}\", which does not exist. Make that table, or drop the key.",
                    table.name,
                    named(key),
                    key.parent.table
                ),
            };
            let about = About { foreign_key_columns: columns_of(key), ..About::default() };
            findings.note(Code::ForeignKeysNonexistentTable, &table.name, about, description);
        }
    });
}

fn view(looked: &Looked<'_>, findings: &mut Findings) {
    each(looked, |table, key| {
        if is_view(looked, key) {
            let description = format!(
                "Table \"{}\" has {} to \"{}\", which is a view. Refer to a table, or drop the key.",
                table.name,
                named(key),
                key.parent.table
            );
            let about = About { foreign_key_columns: columns_of(key), ..About::default() };
            findings.note(Code::ForeignKeysReferencedView, &table.name, about, description);
        }
    });
}
