//! `UNSUPPORTED_PARTITIONING_FEATURE`: ways of partitioning that schema changes do not take.

use super::{About, Code, Findings, Looked, Rule};
use crate::Method;

pub(super) const RULE: Rule = Rule {
    code: Code::UnsupportedPartitioningFeature,
    finds: "Partitions by LIST or SYSTEM_TIME, partitions that are partitioned again, partitions of another storage \
            engine than InnoDB.",
    why: "Schema changes take RANGE, HASH and KEY, with or without COLUMNS and LINEAR.",
    mend: "Partition the table in another way, or not at all: ALTER TABLE t REMOVE PARTITIONING.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        let Some(partitioning) = &table.partitioning else { continue };
        let method = partitioning.method.words();
        let mut note = |why: String, partition: String| {
            let description = format!(
                "Table \"{}\" {why}: only RANGE, HASH and KEY, in one step and with InnoDB, are taken. Partition it in \
                 another way, or not at all: ALTER TABLE … REMOVE PARTITIONING.",
                table.name
            );
            let about = About { partitioning: method.to_owned(), partition, ..About::default() };
            findings.note(Code::UnsupportedPartitioningFeature, &table.name, about, description);
        };
        if matches!(partitioning.method, Method::List | Method::SystemTime) {
            note(format!("is partitioned by {method}"), String::new());
        }
        if partitioning.is_subpartitioned {
            note("has partitions that are partitioned again".to_owned(), String::new());
        }
        for partition in &partitioning.partitions {
            if let Some(engine) = partition.engine().filter(|engine| engine.as_str() != "InnoDB") {
                note(
                    format!("has the partition \"{}\" of the storage engine {engine}", partition.name),
                    partition.name.to_string(),
                );
            }
        }
    }
}
