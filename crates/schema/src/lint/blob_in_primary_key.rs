//! `BLOB_IN_UNIQUE_KEY`: a primary key over texts or bytes of any length.

use super::{About, Code, Findings, Looked, Rule};

pub(super) const RULE: Rule = Rule {
    code: Code::BlobInUniqueKey,
    finds: "A primary key with a BLOB or TEXT column in it.",
    why: "Such a key is over the beginning of the value only, and values are kept apart from their rows: a schema \
          change could not find a row again by it.",
    mend: "Make the column a VARCHAR or VARBINARY of a set length, or give the table another primary key.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        let Some(key) = table.primary_key() else { continue };
        for name in key.parts.iter().filter_map(|part| part.column()) {
            if table.column(name).is_some_and(|column| column.data_type.is_blob()) {
                let description = format!(
                    "Table \"{}\" has the BLOB or TEXT column \"{name}\" in its primary key. Make it a VARCHAR or \
                     VARBINARY, or take another primary key.",
                    table.name
                );
                let about = About { column: name.to_string(), ..About::default() };
                findings.note(Code::BlobInUniqueKey, &table.name, about, description);
            }
        }
    }
}
