//! `UNSUPPORTED_FEATURE`: what schema changes cannot carry along.

use super::{About, Code, Findings, Looked, OBJECTS_MAX, Rule};

pub(super) const RULE: Rule = Rule {
    code: Code::UnsupportedFeature,
    finds: "A table of another storage engine than InnoDB; more than 2,048 tables, views and sequences.",
    why: "A schema change reads a table as it is at one moment while it is written to; other engines have no such \
          reading, and lose rows when the server dies.",
    mend: "ALTER TABLE t ENGINE=InnoDB. Too many tables: drop what is not needed, or divide the database.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    if looked.case.left_out > 0 {
        let schema = looked.case.schema;
        let read = schema.tables.len() + schema.views.len() + schema.sequences.len() + schema.unread.len();
        let description = format!(
            "The schema has {} tables, views and sequences, which are too many, or too long: at most {OBJECTS_MAX} are \
             looked at. Drop what is not needed, or divide the database.",
            read + looked.case.left_out
        );
        findings.note_schema(Code::UnsupportedFeature, description);
    }
    for table in looked.tables() {
        let Some(engine) = table.engine().filter(|engine| engine.as_str() != "InnoDB") else { continue };
        let description = format!(
            "Table \"{}\" has the storage engine {engine}. Change it: ALTER TABLE … ENGINE=InnoDB.",
            table.name
        );
        let about = About { engine: engine.to_string(), ..About::default() };
        findings.note(Code::UnsupportedFeature, &table.name, about, description);
    }
}
