//! Looking at a store in whatever state leaves it as it is, to the byte, and says what is wrong with it.

mod support;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::TryRecvError;

use bough_model::Timestamp;
use bough_store::audit::AuditKey;
use bough_store::checkup::{Examined, examine};
use bough_store::{NEWEST_SCHEMA, Store, StoreError};
use rusqlite::Connection;
use support::{Chance, bytes_in, close, now, open, place, put};

fn write(store: &Store, number: u64) {
    store.write(move |tx| put(tx, number)).expect("written");
}

/// What is found, after a look that changed nothing.
fn look(path: &Path) -> Result<Examined, StoreError> {
    look_beside(path, false)
}

/// As [`look`]. Beside connections of this very process SQLite uses their index, and marks in it who reads.
fn look_beside(path: &Path, open_here: bool) -> Result<Examined, StoreError> {
    let folder = path.parent().expect("a folder");
    let before = bytes_in(folder);
    let key = AuditKey::new([42; 32]);
    let found = examine(path, Some((&key, &folder.join("audit-heads"))));
    let after = bytes_in(folder);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "a file came or went");
    for (before, after) in before.iter().zip(&after) {
        let marked = open_here && before.0.ends_with("-shm");
        assert!(marked || before.1 == after.1, "{} was changed", before.0);
    }
    found
}

fn assert_sound(path: &Path, organizations: i64, open_here: bool) {
    let found = look_beside(path, open_here).expect("it can be read");
    assert_eq!(found.damage.expect("checked"), Vec::<String>::new());
    assert_eq!(found.schema, NEWEST_SCHEMA);
    assert_eq!(found.organizations.expect("counted"), organizations);
    assert_eq!(found.newest.expect("read"), Some(now()));
    assert_eq!(found.branches.expect("read"), []);
    assert_eq!(found.audit.expect("checked").expect("read").problems, Vec::<String>::new());
}

#[test]
fn closed_open_and_crashed() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1);
    assert_sound(&home.path, 1, true);
    let crashed = place();
    write(&store, 2);
    assert_sound(&home.path, 2, true);
    // Files of a moment in which the log was not yet in the store; their index was lost, or was not.
    for name in ["store.sqlite", "store.sqlite-wal"] {
        std::fs::copy(home.path.with_file_name(name), crashed.path.with_file_name(name)).expect("copied");
    }
    assert_sound(&crashed.path, 2, false);
    let index = "store.sqlite-shm";
    std::fs::copy(home.path.with_file_name(index), crashed.path.with_file_name(index)).expect("copied");
    assert_sound(&crashed.path, 2, false);
    // An index that says nothing of use, as after the machine lost power.
    std::fs::write(crashed.path.with_file_name(index), vec![0; 32_768]).expect("written");
    assert_sound(&crashed.path, 2, false);
    close(store);
    assert_sound(&home.path, 2, false);
    assert_eq!(bytes_in(home.folder.path()).len(), 1, "nothing but the file itself");
}

#[test]
fn beside_somebody_who_writes() {
    let home = place();
    let store = open(&home.path);
    write(&store, 0);
    let writer = store.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let mut number = 0;
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            number += 1;
            write(&writer, number);
        }
        number
    });
    let mut seen = 0;
    for _ in 0..20 {
        let found = examine(&home.path, None).expect("it can be read");
        assert_eq!(found.damage.expect("checked"), Vec::<String>::new());
        let now = found.organizations.expect("counted");
        assert!(now >= seen, "{now} after {seen}");
        seen = now;
    }
    drop(stop);
    assert!(thread.join().expect("it wrote") > 0);
}

/// As root SQLite would give the log to whom the file belongs; what cannot be done without that is not done.
#[test]
fn a_log_of_somebody_else_is_not_given_away() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1);
    let log = home.path.with_file_name("store.sqlite-wal");
    if std::os::unix::fs::chown(&log, Some(1), Some(1)).is_err() {
        // Only root can give files away, and only for root it matters.
        return;
    }
    let Err(error) = look_beside(&home.path, true) else { panic!("read") };
    assert!(error.to_string().contains("store.sqlite-wal belongs to another account"), "{error}");
    assert_eq!(std::fs::metadata(&log).expect("its metadata").uid(), 1);
}

#[test]
fn a_name_that_a_uri_would_take_for_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store 50%?mode=rwc&x#ü.sqlite");
    let store = open(&path);
    write(&store, 1);
    close(store);
    let found = examine(&path, None).expect("it can be read");
    assert_eq!(found.organizations.expect("counted"), 1);
}

#[test]
fn every_damaged_page_is_told() {
    let home = place();
    let store = open(&home.path);
    for number in 0..300 {
        write(&store, number);
    }
    close(store);
    let whole = std::fs::read(&home.path).expect("its bytes");
    let mut chance = Chance(7);
    let mut told = 0;
    for page in 1..whole.len() / 4_096 {
        let mut damaged = whole.clone();
        for byte in &mut damaged[page * 4_096..(page + 1) * 4_096] {
            *byte = u8::try_from(chance.below(256)).expect("a byte");
        }
        std::fs::write(&home.path, &damaged).expect("written");
        let found = look(&home.path);
        let damage = found.and_then(|found| found.damage);
        let silent = matches!(&damage, Ok(lines) if lines.is_empty());
        assert!(!silent, "page {page}");
        told += 1;
    }
    assert!(told > 20, "{told} pages");
}

#[test]
fn what_cannot_be_read_at_all() {
    let home = place();
    assert!(matches!(examine(&home.path, None), Err(StoreError::Open { .. })));
    for bytes in [&b"{\"not\": \"a database\"}"[..], &[0x5a; 20_000]] {
        std::fs::write(&home.path, bytes).expect("written");
        assert!(matches!(look(&home.path), Err(StoreError::Corrupt { .. })));
    }
    std::fs::write(&home.path, b"").expect("written");
    let empty = look(&home.path).expect("an empty database");
    assert_eq!(empty.schema, 0);
    std::fs::remove_file(&home.path).expect("removed");
    let store = open(&home.path);
    close(store);
    let connection = Connection::open(&home.path).expect("a connection");
    connection
        .pragma_update(None, "user_version", i64::try_from(NEWEST_SCHEMA).expect("a number") + 1)
        .expect("set");
    drop(connection);
    assert!(matches!(look(&home.path), Err(StoreError::Newer { .. })));
}

#[test]
fn the_newest_time_of_any_table() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1);
    let connection = Connection::open(&home.path).expect("a connection");
    let id = support::id_text(1);
    let later = now().as_micros() + 1;
    connection
        .execute(
            "INSERT INTO users VALUES (?1, 'a@b', 'a', 'x', NULL, ?2, ?2, 'UTC')",
            rusqlite::params![id, later],
        )
        .expect("a user");
    assert_eq!(
        look_beside(&home.path, true).expect("read").newest.expect("a time"),
        Some(Timestamp::from_micros(later))
    );
    // A token may end in the future: that is no sign of a clock that was set back.
    connection
        .execute(
            "INSERT INTO service_tokens (id, organization_id, digest, expires_at, creator_kind, creator_id, \
             creator_name, created_at, updated_at) VALUES ('t', ?1, x'00', ?2, 'user', 'x', 'x', ?3, ?3)",
            rusqlite::params![id, later + 1_000_000, now().as_micros()],
        )
        .expect("a token");
    assert_eq!(
        look_beside(&home.path, true).expect("read").newest.expect("a time"),
        Some(Timestamp::from_micros(later))
    );
    connection.execute("UPDATE service_tokens SET last_used_at = ?", [later + 1]).expect("used");
    let newest = look_beside(&home.path, true).expect("read").newest.expect("a time");
    assert_eq!(newest, Some(Timestamp::from_micros(later + 1)));
}
