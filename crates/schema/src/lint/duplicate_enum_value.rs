//! `DUPLICATE_ENUM_VALUE`: an ENUM or SET with a value twice.

use std::collections::HashSet;

use super::{About, Code, Findings, Looked, Rule};
use crate::{Column, Table};

pub(super) const RULE: Rule = Rule {
    code: Code::DuplicateEnumValue,
    finds: "An ENUM or SET in which a value stands twice; without strict mode the server takes it.",
    why: "Only the first of them can be written: values that were stored as the second are not found again by a copy.",
    mend: "ALTER TABLE t MODIFY c ENUM(…) with each value once, after the rows with the second were changed.",
    check,
};

/// Whether the column's collation tells letters of upper and lower case apart.
fn tells_case(table: &Table, column: &Column) -> bool {
    let collation = column.collation().or_else(|| table.collation()).map_or("", |name| name.as_str());
    let charset = column.character_set().or_else(|| table.character_set()).map_or("", |name| name.as_str());
    charset == "binary" || ["_bin", "_cs", "_nopad_bin"].iter().any(|end| collation.ends_with(end))
}

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        for column in &table.columns {
            let members = column.data_type.members();
            let tells_case = tells_case(table, column);
            let mut seen = HashSet::new();
            for member in &members {
                let text = member.to_string();
                let as_bytes = member.as_bytes().to_vec();
                let key = if tells_case { as_bytes } else { text.to_lowercase().into_bytes() };
                if !seen.insert(key) {
                    let description = format!(
                        "Column \"{}\" of table \"{}\" has the value '{text}' more than once. List each value once.",
                        column.name, table.name
                    );
                    let about =
                        About { column: column.name.to_string(), enum_value: text, ..About::default() };
                    findings.note(Code::DuplicateEnumValue, &table.name, about, description);
                    break;
                }
            }
        }
    }
}
