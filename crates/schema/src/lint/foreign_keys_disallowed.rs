//! `FOREIGN_KEYS_DISALLOWED`: foreign keys where the database's setting has none.

use super::references::{columns_of, named};
use super::{About, Code, Findings, Looked, Rule};

pub(super) const RULE: Rule = Rule {
    code: Code::ForeignKeysDisallowed,
    finds: "A foreign key in a database that does not allow foreign keys.",
    why: "The setting says that schema changes need not care for them.",
    mend: "Allow them in the database's settings (allow_foreign_key_constraints), or drop the key: ALTER TABLE t DROP \
           FOREIGN KEY name.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    if looked.case.foreign_keys_allowed {
        return;
    }
    for table in looked.tables() {
        for key in &table.foreign_keys {
            let description = format!(
                "Table \"{}\" has {}, and this database does not allow foreign keys. Drop it, or allow foreign keys in \
                 the database's settings (allow_foreign_key_constraints).",
                table.name,
                named(key)
            );
            let about = About { foreign_key_columns: columns_of(key), ..About::default() };
            findings.note(Code::ForeignKeysDisallowed, &table.name, about, description);
        }
    }
}
