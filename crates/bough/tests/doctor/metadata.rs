//! The store and the audit log.

use std::fs;

use crate::told::{doctor, fold, set_up, with_shop};

/// Where the number of the schema stands in the file of an SQLite database, big end first.
const SCHEMA_AT: usize = 60;

#[test]
fn a_store_that_cannot_be_used() {
    let bough = set_up();
    let path = fold(&bough);
    let whole = fs::read(&path).expect("its bytes");

    fs::write(&path, b"not a database, by far".repeat(1_000)).expect("written");
    let mend = doctor(&bough).only("failure", "store", "is damaged or not a database");
    assert!(mend.contains("restore the newest backup"), "{mend}");

    let mut newer = whole.clone();
    newer[SCHEMA_AT..SCHEMA_AT + 4].copy_from_slice(&1_000_u32.to_be_bytes());
    fs::write(&path, &newer).expect("written");
    let mend = doctor(&bough).only("failure", "store", "was written by a newer version of Bough");
    assert!(mend.contains("install the Bough that wrote it"), "{mend}");
    assert!(fs::read(&path).expect("its bytes") == newer, "not one byte differs");

    // A page of some table or index.
    let mut damaged = whole.clone();
    let page = damaged.len() / 4_096 / 2 * 4_096;
    damaged[page..page + 4_096].fill(0x5a);
    fs::write(&path, &damaged).expect("written");
    let told = doctor(&bough);
    assert!(told.faults().contains(&"failure store".to_owned()), "{told:#?}");
    assert_eq!(told.code, 2);

    fs::write(&path, &whole).expect("written");
    doctor(&bough).assert_sound("put back");
}

#[test]
fn a_store_that_is_missing() {
    let mut bough = with_shop();
    bough.stop();
    let path = fold(&bough);
    let away = bough.data_dir().join("away");
    fs::rename(&path, &away).expect("taken away");
    let told = doctor(&bough);
    told.find("failure", "store", "is missing or empty, or its log");
    // Folders and servers are looked at all the same.
    told.find("ok", "branch-folders", "1 branch folders are in order");
    told.find("note", "branch-servers", "1 branch servers run");
    assert!(!path.exists(), "nothing is made in its place");
    fs::write(&path, "").expect("an empty one");
    doctor(&bough).find("failure", "store", "is missing or empty");
    fs::rename(&away, &path).expect("put back");
    doctor(&bough).assert_sound("mended");
}

#[test]
fn a_store_whose_log_was_cut() {
    let mut bough = with_shop();
    bough.stop();
    // As a store is before anything of its log was moved into its file; one in which some of it is would lack
    // its end. How far Bough came when it ended is not certain.
    let other = bough.data_dir().join("other.sqlite");
    let open = bough_store::Store::open(&other).expect("it opens");
    let bare = fs::read(&other).expect("a file");
    drop(open);
    let path = fold(&bough);
    fs::write(&path, bare).expect("written");
    fs::write(path.with_file_name("store.sqlite-wal"), "").expect("written");
    let mend =
        doctor(&bough).find("failure", "store", "store.sqlite-wal is, although this directory was in use");
    assert!(mend.contains("restore the newest backup"), "{mend}");
}

#[test]
fn one_that_is_not_set_up_yet() {
    let bough = set_up();
    fold(&bough);
    for name in ["store.sqlite", "audit-heads"] {
        let _ = fs::remove_file(bough.data_dir().join(name));
    }
    let told = doctor(&bough);
    told.assert_sound("setup was not run to its end");
    let mend = told.find("note", "store", "there is no organization yet");
    assert!(mend.starts_with("bough setup --data-dir "), "{mend}");
}

#[test]
fn an_audit_log_that_was_changed() {
    let mut bough = with_shop();
    bough.stop();
    let heads = bough.data_dir().join("audit-heads");
    let noted = fs::read_to_string(&heads).expect("lines");
    assert!(!noted.is_empty());

    let changed = noted.replacen(' ', " 1", 1);
    fs::write(&heads, &changed).expect("written");
    let told = doctor(&bough);
    let mend = told.only("failure", "audit", "line 1 of ");
    assert!(mend.contains("bough audit verify --data-dir"), "{mend}");
    fs::write(&heads, &noted).expect("put back");

    // A name in an entry, in the file itself.
    let path = fold(&bough);
    let whole = fs::read(&path).expect("its bytes");
    let word = b"database.created";
    let at = whole.windows(word.len()).position(|window| window == word).expect("an entry");
    let mut changed = whole.clone();
    changed[at..at + word.len()].copy_from_slice(b"database.deleted");
    fs::write(&path, changed).expect("written");
    let told = doctor(&bough);
    assert!(told.faults().iter().any(|fault| fault == "failure audit"), "{told:#?}");
    assert!(told.raw.contains("was changed"), "{}", told.raw);
    fs::write(&path, &whole).expect("put back");
    doctor(&bough).assert_sound("put back");
}
