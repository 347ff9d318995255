//! `NO_UNIQUE_KEY`: a table whose rows cannot be told apart.

use super::{About, Code, Findings, Looked, Rule};
use crate::{Index, IndexKind, Table};

pub(super) const RULE: Rule = Rule {
    code: Code::NoUniqueKey,
    finds: "A table without a primary key, and without a unique key whose columns are all NOT NULL, taken whole, and \
            neither BLOB nor TEXT.",
    why: "A schema change copies a table row by row while it is written to, and compares both: it must tell each row \
          from all others, and walk along them in order.",
    mend: "Add a primary key: ALTER TABLE t ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY; or make \
           the columns of a unique key NOT NULL.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        // A primary key that does not do has a rule of its own, which says why.
        if table.primary_key().is_some() || table.indexes.iter().any(|index| tells_apart(table, index)) {
            continue;
        }
        let mut description = format!(
            "Table \"{}\" has no unique key that tells its rows apart. Add a primary key, or a unique key whose columns \
             are all NOT NULL, taken whole, and neither BLOB nor TEXT.",
            table.name
        );
        let nearest = table.indexes.iter().find(|index| index.kind == IndexKind::Unique);
        if let Some((index, why)) = nearest.and_then(|index| Some((index, obstacle(table, index)?))) {
            let name = index.name.as_ref().map_or("", |name| name.as_str());
            description.push_str(&format!(" Its unique key \"{name}\" does not do: {why}."));
        }
        findings.note(Code::NoUniqueKey, &table.name, About::default(), description);
    }
}

fn tells_apart(table: &Table, index: &Index) -> bool {
    index.kind == IndexKind::Unique && obstacle(table, index).is_none()
}

/// Why a unique key does not tell rows apart.
fn obstacle(table: &Table, index: &Index) -> Option<String> {
    for part in &index.parts {
        let Some(name) = part.column() else { return Some("it is over an expression".to_owned()) };
        // The columns of a period are NOT NULL.
        if table.period(name).is_some() {
            continue;
        }
        let column = table.column(name)?;
        if column.is_nullable() {
            return Some(format!("column \"{name}\" may be NULL"));
        }
        if column.data_type.is_blob() {
            return Some(format!("column \"{name}\" is BLOB or TEXT"));
        }
        if part.prefix.is_some() {
            return Some(format!("it takes only the beginning of column \"{name}\""));
        }
    }
    if index.is_ignored() {
        return Some("it is IGNORED, so that no statement can use it".to_owned());
    }
    // A HASH index of a table in memory is asked for; elsewhere it stands for one that would be too long.
    let in_memory = table.engine().is_some_and(|engine| engine.as_str() == "MEMORY");
    (index.is_hash() && !in_memory).then(|| {
        "it is too long to be kept in order (USING HASH), so that rows cannot be walked along".to_owned()
    })
}
