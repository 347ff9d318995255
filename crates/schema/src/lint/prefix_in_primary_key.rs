//! `PARTIAL_KEY_IN_UNIQUE_KEY`: a primary key over the beginning of a column.

use super::{About, Code, Findings, Looked, Rule};

pub(super) const RULE: Rule = Rule {
    code: Code::PartialKeyInUniqueKey,
    finds: "A primary key that takes only the beginning of a column, such as PRIMARY KEY (email(10)).",
    why: "The value of the column does not find the row again, since others may begin alike.",
    mend: "Take the whole column into the primary key, or give the table another one.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        let Some(key) = table.primary_key() else { continue };
        for part in &key.parts {
            let (Some(name), Some(length)) = (part.column(), part.prefix) else { continue };
            // That has a rule of its own.
            if table.column(name).is_some_and(|column| column.data_type.is_blob()) {
                continue;
            }
            let description = format!(
                "Table \"{}\" has only the first {length} of column \"{name}\" in its primary key. Take the whole column, \
                 or another primary key.",
                table.name
            );
            let about = About { column: name.to_string(), ..About::default() };
            findings.note(Code::PartialKeyInUniqueKey, &table.name, about, description);
        }
    }
}
