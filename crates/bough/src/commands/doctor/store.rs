//! The metadata and the audit log.

use bough_store::checkup::{Examined, examine};
use bough_store::{NEWEST_SCHEMA, StoreError};

use super::report::{Check, Level, Report, quoted};
use super::scene::{Kind, Scene};

/// Problems of the audit log that are told one by one; `bough audit verify` tells all.
const PROBLEMS_TOLD_MAX: usize = 20;

const RESTORE: &str = "stop Bough, keep a copy of the files store.sqlite*, and restore the newest backup of the metadata \
    (docs/operations.md, Backup)";

/// Looks at the store, and returns what can be read of it.
pub fn check(scene: &Scene, report: &mut Report) -> Option<Examined> {
    if scene.kind != Kind::Ours {
        return None;
    }
    let path = scene.root().join("store.sqlite");
    if !path.exists() && scene.sees_all {
        missing(scene, report);
        return None;
    }
    let keys = scene.dir.keys().ok();
    let heads = scene.dir.audit_heads();
    match examine(&path, keys.as_ref().map(|keys| (keys.audit(), heads.as_path()))) {
        // Nothing of ours was ever written to it, or what was is in a log that was lost.
        Ok(found) if found.schema == 0 => {
            missing(scene, report);
            None
        }
        Ok(found) => {
            judge(scene, &found, report);
            judge_audit(scene, &found, keys.is_some(), report);
            Some(found)
        }
        Err(error) => {
            if scene.sees_all {
                cannot(&error, report);
            }
            None
        }
    }
}

fn missing(scene: &Scene, report: &mut Report) {
    let path = scene.root().join("store.sqlite");
    if !scene.dir.audit_heads().exists() {
        return not_set_up(scene, report);
    }
    report.wrong(
        Check::Store,
        Level::Failure,
        format!(
            "{0} is missing or empty, or its log {0}-wal is, although this directory was in use",
            path.display()
        ),
        "put both back, or restore the newest backup of the metadata (docs/operations.md, Backup)",
    );
}

fn not_set_up(scene: &Scene, report: &mut Report) {
    report.wrong(
        Check::Store,
        Level::Note,
        "there is no organization yet",
        format!("bough setup --data-dir {} --organization NAME --email ADDR", quoted(scene.root())),
    );
}

fn cannot(error: &StoreError, report: &mut Report) {
    let mend = match error {
        StoreError::Newer { .. } => {
            "install the Bough that wrote it, or restore the backup from before its first start"
        }
        StoreError::Corrupt { .. } => RESTORE,
        StoreError::Locked(_) => {
            "end the program that holds it (a database browser, a backup); who has it open: fuser -v DIR/store.sqlite"
        }
        StoreError::Open { detail, .. } if detail.contains("I/O") => {
            "if the kernel's log (dmesg) speaks of that disk, mend it first; then restore the newest backup of the \
             metadata (docs/operations.md, Backup)"
        }
        _ => "see what `owner`, `mode` and `reach` say",
    };
    report.wrong(Check::Store, Level::Failure, error.to_string(), mend);
}

fn judge(scene: &Scene, found: &Examined, report: &mut Report) {
    match &found.damage {
        Ok(lines) => {
            for line in lines {
                report.wrong(Check::Store, Level::Failure, format!("the store is damaged: {line}"), RESTORE);
            }
        }
        Err(error) => report.wrong(
            Check::Store,
            Level::Failure,
            format!("the store cannot be read through: {error}"),
            RESTORE,
        ),
    }
    if found.schema < NEWEST_SCHEMA {
        report.wrong(
            Check::Store,
            Level::Note,
            format!("the store was written by an older version (its schema is {}, this one's {NEWEST_SCHEMA})", found.schema),
            "the next start brings it up to date; take a backup first, since the older version then refuses it",
        );
    } else if matches!(found.organizations, Ok(0)) && !matches!(&found.damage, Ok(lines) if !lines.is_empty())
    {
        not_set_up(scene, report);
    }
    if report.is_silent(Check::Store) {
        let count = found.branches.as_ref().map_or(0, Vec::len);
        report.ok(Check::Store, format!("the store is whole: {count} branches, schema {}", found.schema));
    }
}

fn judge_audit(scene: &Scene, found: &Examined, has_key: bool, report: &mut Report) {
    let heads = scene.dir.audit_heads();
    let mend = format!(
        "keep a copy of {}; if the store was restored, put the audit-heads of the same backup back; if not, somebody \
         has changed it: bough audit verify --data-dir {}",
        quoted(scene.root()),
        quoted(scene.root())
    );
    match &found.audit {
        // An older store's may lack columns.
        Some(Err(_)) if found.schema < NEWEST_SCHEMA => {}
        None if !has_key => report.wrong(
            Check::Audit,
            Level::Failure,
            "the audit log cannot be checked without the master key",
            "see what `master-key` says",
        ),
        None => {}
        Some(Err(error)) => report.wrong(
            Check::Audit,
            Level::Failure,
            format!("the audit log cannot be checked: {error}"),
            format!("see what `store` and `mode` say of the store and of {}", heads.display()),
        ),
        Some(Ok(found))
            if found.entries > 0 && found.problems.len() as u64 >= found.entries.unsigned_abs() =>
        {
            report.wrong(
                Check::Audit,
                Level::Failure,
                format!("not one of the {} entries of the audit log fits the master key", found.entries),
                format!(
                    "put the master key that this store was written with back from a backup: {}",
                    quoted(&scene.root().join("secrets/master-key"))
                ),
            );
        }
        Some(Ok(found)) => {
            for problem in found.problems.iter().take(PROBLEMS_TOLD_MAX) {
                let what = format!("the audit log is not what was written: {problem}");
                report.wrong(Check::Audit, Level::Failure, what, &mend);
            }
            if found.problems.len() > PROBLEMS_TOLD_MAX {
                let more = found.problems.len() - PROBLEMS_TOLD_MAX;
                report.wrong(Check::Audit, Level::Failure, format!("and {more} problems more"), &mend);
            }
            if found.problems.is_empty() {
                report.ok(
                    Check::Audit,
                    format!(
                        "the audit log is sound: {} entries, {} of them covered by heads outside the store",
                        found.entries, found.anchored
                    ),
                );
            }
        }
    }
}
