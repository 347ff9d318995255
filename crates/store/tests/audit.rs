//! The audit log against whoever can write the store's file: 10,000 tamperings at random, each of them
//! found, and found at its place; and what honestly cannot be found.

mod support;

use std::path::{Path, PathBuf};

use bough_model::{ActorKind, ActorRef, AuditEventId, OrganizationId};
use bough_store::audit::verify::{ChainReport, Report, verify, verify_chain};
use bough_store::audit::{AuditKey, Head, NewEvent, Subject, anchors, append, heads, recent};
use bough_store::{Store, StoreError};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use support::{Chance, Home, at, now, open, organization_id, place, put};

/// Entries of the first organization's chain, and how many of them a noted head covers.
const ENTRIES: i64 = 24;
const NOTED: i64 = 18;
/// Entries of the second's, all of them covered.
const OTHERS: i64 = 6;
/// How many the first chain had when heads were noted for the first time.
const NOTED_FIRST: i64 = 10;
const TAMPERINGS: u64 = 10_000;
/// They are spread over so many logs, each on a thread of its own.
const LOGS: u64 = 2;

/// Columns of an entry besides its place.
const TEXTS: &[&str] = &[
    "id",
    "actor_kind",
    "actor_id",
    "actor_name",
    "remote_ip",
    "request_id",
    "action",
    "auditable_type",
    "auditable_id",
    "auditable_name",
    "target_type",
    "target_id",
    "target_name",
    "metadata",
];
const COLUMNS: &str = "organization_id, seq, id, created_at, actor_kind, actor_id, actor_name, remote_ip, request_id, \
    action, auditable_type, auditable_id, auditable_name, target_type, target_id, target_name, metadata, mac";

fn key() -> AuditKey {
    AuditKey::new([42; 32])
}

fn event(number: i64) -> NewEvent {
    let some = number % 3 != 0;
    NewEvent {
        id: AuditEventId::parse(&format!("ev{number:010}")).expect("an id"),
        actor: ActorRef {
            kind: if some { ActorKind::ServiceToken } else { ActorKind::Operator },
            id: format!("actor{}", number % 5),
            display_name: format!("Ada {number}"),
        },
        remote_ip: some.then(|| format!("127.0.0.{}", number % 250)),
        request_id: some.then(|| format!("req{number:09}")),
        action: if number % 2 == 0 { "database.created" } else { "database_branch.created" },
        auditable: Subject { kind: "Database".into(), id: format!("db{number}"), name: "shop".into() },
        target: Subject { kind: "DatabaseBranch".into(), id: format!("br{number}"), name: "main".into() },
        metadata: format!("{{\"n\":{number}}}"),
    }
}

fn grow(store: &Store, organization: &OrganizationId, numbers: std::ops::RangeInclusive<i64>) {
    let organization = organization.clone();
    let written = store.write(move |tx| {
        for number in numbers {
            append(tx, &key(), &organization, event(number), now())?;
        }
        Ok::<_, StoreError>(())
    });
    written.expect("appended");
}

/// Two chains, their heads noted, and a connection of somebody who is up to no good.
struct Log {
    home: Home,
    store: Store,
    heads: PathBuf,
    intruder: Connection,
    first: OrganizationId,
    second: OrganizationId,
}

impl Log {
    fn new() -> Self {
        let home = place();
        let store = open(&home.path);
        let heads_file = home.folder.path().join("audit-heads");
        store.write(|tx| put(tx, 1).and_then(|()| put(tx, 2))).expect("two organizations");
        let (first, second) = (organization_id(1), organization_id(2));
        grow(&store, &first, 1..=NOTED_FIRST);
        grow(&store, &second, 1001..=1000 + OTHERS);
        note(&store, &heads_file);
        grow(&store, &first, NOTED_FIRST + 1..=NOTED);
        note(&store, &heads_file);
        grow(&store, &first, NOTED + 1..=ENTRIES);
        let intruder = Connection::open(&home.path).expect("a connection");
        intruder.execute_batch("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY").expect("settings");
        let copied = intruder.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM audit_events");
        copied.expect("a copy of what was written");
        Self { home, store, heads: heads_file, intruder, first, second }
    }

    fn verify(&self) -> Report {
        verify(&self.store, &key(), &self.heads).expect("a report, whatever the log holds")
    }

    fn verify_one(&self, organization: &OrganizationId, goes_on: &dyn Fn() -> bool) -> ChainReport {
        let granted = at(organization);
        let report = self.store.read(|reader| verify_chain(reader, &granted, &key(), &self.heads, goes_on));
        report.expect("a report, whatever the log holds")
    }

    fn restore(&self) {
        let back = "BEGIN; DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept; COMMIT";
        self.intruder.execute_batch(back).expect("as it was");
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> usize {
        self.intruder.execute(sql, params).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn note(store: &Store, file: &Path) {
    let moved: Vec<Head> = store.read(heads).expect("the heads");
    anchors::append(&key(), file, &moved).expect("noted");
}

/// Where a report must point: a word of one of its problems.
struct Tampered {
    how: String,
    place: String,
}

/// Something else than `old` that the column's type allows.
fn another(chance: &mut Chance, old: &Value, nullable: bool) -> Value {
    match old {
        Value::Integer(old) => {
            let by = [1, -1, 1_000, i64::MIN, 1 << 40][chance.below(5)];
            Value::Integer(old.wrapping_add(by))
        }
        Value::Blob(old) => {
            let mut new = old.clone();
            match chance.below(4) {
                0 => drop(new.pop()),
                1 => new.push(0),
                2 => new = vec![0; 32],
                _ => {
                    let at = chance.below(new.len());
                    new[at] ^= 1 << chance.below(8);
                }
            }
            Value::Blob(new)
        }
        Value::Text(old) => match chance.below(if nullable { 6 } else { 5 }) {
            0 => Value::Text(format!("{old} ")),
            1 => Value::Text(String::new()),
            2 => Value::Text(format!("\0{old}")),
            3 => Value::Text(old.chars().rev().chain(['x']).collect()),
            4 => Value::Text("a value that nobody wrote: ü, 'quoted', \"twice\"".to_owned()),
            _ => Value::Null,
        },
        _ => Value::Text(["", "127.0.0.1"][chance.below(2)].to_owned()),
    }
}

fn change_a_column(log: &Log, chance: &mut Chance, seq: i64) -> Tampered {
    let column = match chance.below(TEXTS.len() + 2) {
        at if at < TEXTS.len() => TEXTS[at],
        at if at == TEXTS.len() => "created_at",
        _ => "mac",
    };
    let select = format!("SELECT {column} FROM audit_events WHERE organization_id = ? AND seq = ?");
    let old: Value = log
        .intruder
        .query_row(&select, params![log.first.as_str(), seq], |row| row.get(0))
        .expect("the old value");
    let at = params![log.first.as_str(), seq];
    if chance.below(20) == 0 && TEXTS.contains(&column) {
        // No text at all, where the type says text.
        let sql = format!(
            "UPDATE audit_events SET {column} = CAST(x'61ff' AS TEXT) WHERE organization_id = ? AND seq = ?"
        );
        assert_eq!(log.run(&sql, at), 1);
        return Tampered { how: format!("{column} of {seq}: no UTF-8"), place: format!("entry {seq} ") };
    }
    let new = another(chance, &old, matches!(column, "remote_ip" | "request_id"));
    assert_ne!(old, new, "{column}");
    let new_text = format!("{new:?}");
    let update = format!("UPDATE audit_events SET {column} = ? WHERE organization_id = ? AND seq = ?");
    assert_eq!(log.run(&update, params![new, log.first.as_str(), seq]), 1);
    Tampered { how: format!("{column} of {seq}: {old:?} -> {new_text}"), place: format!("entry {seq} ") }
}

fn swap(log: &Log, chance: &mut Chance, seq: i64) -> Tampered {
    let other = (seq + i64::try_from(chance.below(ENTRIES as usize - 1)).expect("small")) % ENTRIES + 1;
    let move_to = |from: i64, to: i64| {
        let sql = "UPDATE audit_events SET seq = ? WHERE organization_id = ? AND seq = ?";
        assert_eq!(log.run(sql, params![to, log.first.as_str(), from]), 1);
    };
    move_to(seq, -7);
    move_to(other, seq);
    move_to(-7, other);
    Tampered { how: format!("swap {seq} and {other}"), place: format!("entry {} ", seq.min(other)) }
}

/// A copy of an entry under another id, put in somewhere.
fn copy(log: &Log, seq: i64, organization: &str, to: i64) {
    let rest = COLUMNS.replace("organization_id, seq, id,", "");
    let sql = format!(
        "INSERT INTO audit_events ({COLUMNS}) SELECT ?, ?, 'copycopycopy', {rest} FROM audit_events \
         WHERE organization_id = ? AND seq = ?"
    );
    assert_eq!(log.run(&sql, params![organization, to, log.first.as_str(), seq]), 1);
}

fn duplicate(log: &Log, chance: &mut Chance, seq: i64) -> Tampered {
    let how = format!("copy of {seq}");
    match chance.below(4) {
        0 => {
            copy(log, seq, log.first.as_str(), ENTRIES + 1);
            Tampered { how: format!("{how} at the end"), place: format!("entry {} ", ENTRIES + 1) }
        }
        1 => {
            let to = -i64::try_from(chance.below(3)).expect("small");
            copy(log, seq, log.first.as_str(), to);
            Tampered { how: format!("{how} as {to}"), place: format!("entry {to} stands before") }
        }
        2 => {
            copy(log, seq, log.second.as_str(), OTHERS + 1);
            Tampered { how: format!("{how} to another chain"), place: log.second.to_string() }
        }
        _ => {
            copy(log, seq, "nobodysentry", 1);
            Tampered { how: format!("{how} to a chain of nobody"), place: "nobodysentry".to_owned() }
        }
    }
}

fn take_out(log: &Log, chance: &mut Chance, seq: i64) -> Tampered {
    // Up to three, and never the last ones: that is `cut_off`.
    let last = (seq + i64::try_from(chance.below(3)).expect("small")).min(ENTRIES - 1);
    let seq = seq.min(last);
    let place = format!("entries {seq} to {last} are missing");
    match chance.below(3) {
        0 => {
            let sql = "DELETE FROM audit_events WHERE organization_id = ? AND seq BETWEEN ? AND ?";
            log.run(sql, params![log.first.as_str(), seq, last]);
            Tampered { how: format!("delete {seq} to {last}"), place }
        }
        1 => {
            let sql = "UPDATE audit_events SET organization_id = ? WHERE organization_id = ? AND seq BETWEEN ? AND ?";
            let away = ["nobodysentry", "no id", ""][chance.below(3)];
            log.run(sql, params![away, log.first.as_str(), seq, last]);
            Tampered { how: format!("move {seq} to {last} to chain {away:?}"), place }
        }
        _ => {
            // The gap is closed by moving the rest up.
            let delete = "DELETE FROM audit_events WHERE organization_id = ? AND seq = ?";
            log.run(delete, params![log.first.as_str(), seq]);
            let close = "UPDATE audit_events SET seq = seq - 1 WHERE organization_id = ? AND seq = ?";
            for moved in seq + 1..=ENTRIES {
                log.run(close, params![log.first.as_str(), moved]);
            }
            Tampered { how: format!("delete {seq} and close the gap"), place: format!("entry {seq} ") }
        }
    }
}

fn cut_off(log: &Log, chance: &mut Chance) -> Tampered {
    // Of what a noted head covers.
    let kept = i64::try_from(chance.below(NOTED as usize)).expect("small");
    match chance.below(3) {
        0 => {
            let sql = "DELETE FROM audit_events WHERE organization_id = ?";
            log.run(sql, params![log.second.as_str()]);
            let place = format!("{}: ends after entry 0, although it once had {OTHERS}", log.second);
            Tampered { how: "delete a whole chain".to_owned(), place }
        }
        1 => {
            log.run("DELETE FROM audit_events", []);
            let place = format!("{}: ends after entry 0, although it once had {NOTED}", log.first);
            Tampered { how: "delete everything".to_owned(), place }
        }
        _ => {
            let sql = "DELETE FROM audit_events WHERE organization_id = ? AND seq > ?";
            log.run(sql, params![log.first.as_str(), kept]);
            Tampered { how: format!("cut off after {kept}"), place: format!("ends after entry {kept},") }
        }
    }
}

fn change_a_noted_head(log: &Log, chance: &mut Chance, lines: &[u8]) -> Tampered {
    let mut new = lines.to_vec();
    let ends: Vec<usize> = (0..lines.len()).filter(|at| lines[*at] == b'\n').collect();
    let number = chance.below(ends.len());
    let begin = if number == 0 { 0 } else { ends[number - 1] + 1 };
    let at = begin + chance.below(ends[number] - begin);
    match chance.below(3) {
        0 => new[at] ^= 1 << chance.below(5),
        1 => drop(new.remove(at)),
        _ => new.insert(at, *chance.one(b"0 \xff9f\r")),
    }
    std::fs::write(&log.heads, &new).expect("written");
    Tampered { how: format!("byte {at} of the noted heads"), place: format!("line {} of", number + 1) }
}

/// Tampers as `seed` says, checks that it is found, and puts everything back. Which kind it was.
fn tamper(log: &Log, seed: u64, lines: &[u8]) -> usize {
    let mut chance = Chance(seed);
    let seq = i64::try_from(chance.below(ENTRIES as usize)).expect("small") + 1;
    log.intruder.execute_batch("BEGIN").expect("a transaction");
    let kind = [0, 0, 0, 1, 2, 3, 4, 5][chance.below(8)];
    let tampered = match kind {
        0 => change_a_column(log, &mut chance, seq),
        1 => swap(log, &mut chance, seq),
        2 => duplicate(log, &mut chance, seq),
        3 => take_out(log, &mut chance, seq.min(ENTRIES - 1)),
        4 => cut_off(log, &mut chance),
        _ => change_a_noted_head(log, &mut chance, lines),
    };
    log.intruder.execute_batch("COMMIT").expect("committed");
    let problems = log.verify().problems;
    assert!(
        problems.iter().any(|problem| problem.contains(&tampered.place)),
        "seed {seed}: {}: no {:?} in {problems:?}",
        tampered.how,
        tampered.place
    );
    // Who looks at one chain alone is told the same of it.
    for organization in [&log.first, &log.second] {
        let one = log.verify_one(organization, &|| true);
        let named = format!("chain {organization}: ");
        for problem in problems.iter().filter_map(|problem| problem.strip_prefix(&named)).take(19) {
            let told = one.problems.iter().any(|told| told == problem);
            assert!(told, "seed {seed}: {}: no {problem:?} in {:?}", tampered.how, one.problems);
        }
        assert!(kind != 5 || !one.problems.is_empty(), "seed {seed}: {}", tampered.how);
    }
    if kind == 5 {
        std::fs::write(&log.heads, lines).expect("as it was");
    } else {
        log.restore();
    }
    if seed % 500 < LOGS {
        assert_eq!(log.verify().problems, Vec::<String>::new(), "seed {seed}: restored");
    }
    kind
}

#[test]
fn every_one_of_10_000_tamperings_is_found_at_its_place() {
    let part = |part: u64| {
        let log = Log::new();
        let lines = std::fs::read(&log.heads).expect("the noted heads");
        let seeds = (part..TAMPERINGS).step_by(usize::try_from(LOGS).expect("small"));
        seeds.map(|seed| tamper(&log, seed, &lines)).collect::<Vec<usize>>()
    };
    let kinds: Vec<usize> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..LOGS).map(|number| scope.spawn(move || part(number))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("every tampering was found")).collect()
    });
    assert_eq!(kinds.len() as u64, TAMPERINGS);
    for kind in 0..6 {
        assert!(kinds.iter().filter(|made| **made == kind).count() > 500, "enough of kind {kind}");
    }
}

#[test]
fn an_untouched_log_is_sound_and_says_what_is_covered() {
    let log = Log::new();
    let report = log.verify();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.chains, report.entries), (2, ENTRIES + OTHERS));
    assert_eq!(report.anchored, NOTED + OTHERS, "the rest is younger than the last note");
    // It stays so when it goes on, is noted again, and is opened anew.
    grow(&log.store, &log.first, ENTRIES + 1..=ENTRIES + 5);
    note(&log.store, &log.heads);
    let again = verify(&open(&log.home.path), &key(), &log.heads).expect("a report");
    assert_eq!(again.problems, Vec::<String>::new());
    assert_eq!(again.anchored, ENTRIES + 5 + OTHERS);
}

#[test]
fn one_chain_is_looked_at_as_far_as_time_allows_and_says_how_far() {
    let log = Log::new();
    let report = log.verify_one(&log.first, &|| false);
    assert_eq!((report.whole, report.entries, report.anchored), (true, ENTRIES, NOTED));
    assert_eq!(log.verify_one(&log.second, &|| true).entries, OTHERS);

    // A thousand at a time.
    grow(&log.store, &log.first, 2001..=4500);
    let report = log.verify_one(&log.first, &|| false);
    assert_eq!((report.whole, report.entries, report.anchored), (false, 1_000, NOTED));
    assert_eq!(report.problems, Vec::<String>::new(), "what was not looked at is not missing");
    let report = log.verify_one(&log.first, &|| true);
    assert_eq!((report.whole, report.entries), (true, ENTRIES + 2_500));

    // What is damaged behind that is found when there is time, and much damage is not listed whole.
    log.run("UPDATE audit_events SET action = 'x' WHERE seq = 1500", []);
    assert_eq!(log.verify_one(&log.first, &|| false).problems, Vec::<String>::new());
    let problems = log.verify_one(&log.first, &|| true).problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("entry 1500 ("), "{problems:?}");
    log.run("UPDATE audit_events SET action = 'x' WHERE seq > 900", []);
    let report = log.verify_one(&log.first, &|| true);
    assert_eq!((report.problems.len(), report.whole), (20, false));
    assert!(report.problems[0].starts_with("entry 901 ("), "{:?}", report.problems);
}

#[test]
fn a_log_says_who_acted_of_late_and_how() {
    let log = Log::new();
    let recent = log.store.read(|reader| recent(reader, &at(&log.first))).expect("an answer");
    let actors: Vec<&str> = recent.actors.iter().map(|actor| actor.id.as_str()).collect();
    assert_eq!(actors, ["actor4", "actor3", "actor2", "actor1", "actor0"], "latest first, each once");
    assert_eq!(recent.actors[0].display_name, format!("Ada {ENTRIES}"), "as he was called last");
    assert_eq!(recent.actions, ["database.created", "database_branch.created"]);
}

#[test]
fn what_cannot_be_found_is_said_by_the_figure_of_what_is_covered() {
    // Entries younger than the last note can be cut off.
    let log = Log::new();
    log.run(
        "DELETE FROM audit_events WHERE organization_id = ? AND seq > ?",
        params![log.first.as_str(), NOTED],
    );
    let report = log.verify();
    assert_eq!((report.problems.len(), report.anchored), (0, NOTED + OTHERS));
    log.restore();

    // Without the file of noted heads the entries are still sound, and nothing counts as covered.
    let lines = std::fs::read_to_string(&log.heads).expect("the noted heads");
    std::fs::remove_file(&log.heads).expect("removed");
    let report = log.verify();
    assert_eq!((report.problems.len(), report.anchored), (0, 0));

    // Without its last lines, less does; a line in between is no loss, the later ones say more.
    let without = |left_out: &[usize]| {
        let kept = lines.lines().enumerate().filter(|(at, _)| !left_out.contains(at));
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(lines.lines().count(), 4, "both chains, twice");
    std::fs::write(&log.heads, without(&[2, 3])).expect("written");
    assert_eq!(log.verify().anchored, NOTED_FIRST + OTHERS);
    std::fs::write(&log.heads, without(&[0, 1])).expect("written");
    assert_eq!(log.verify().anchored, NOTED + OTHERS);
    assert_eq!(log.verify().problems, Vec::<String>::new());
}

#[test]
fn another_key_fits_nothing() {
    let log = Log::new();
    let report = verify(&log.store, &AuditKey::new([43; 32]), &log.heads).expect("a report");
    assert_eq!(report.problems.len(), 4 + usize::try_from(ENTRIES + OTHERS).expect("small"));
}

#[test]
fn entries_are_appended_where_the_chain_ends_whatever_happens_between() {
    let log = Log::new();
    let failed: Result<(), StoreError> = log.store.write({
        let first = log.first.clone();
        move |tx| {
            append(tx, &key(), &first, event(500), now())?;
            Err(StoreError::Changed)
        }
    });
    assert!(failed.is_err());
    grow(&log.store, &log.first, 501..=503);
    let report = log.verify();
    assert_eq!((report.problems, report.entries), (Vec::new(), ENTRIES + OTHERS + 3));
    let count = log.store.read(|reader| bough_store::audit::count(reader, &at(&log.first)));
    assert_eq!(count.expect("a count"), ENTRIES + 3);
}
