//! A store in which nothing is left, in a directory that was in use: it is not begun anew.

use std::fs;

use bough_store::Store;
use bough_testkit::{Bough, wait_until};

use crate::shop::LIMIT;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

#[test]
fn a_store_that_lost_everything_is_not_begun_anew() {
    let mut bough = Bough::start(BOUGH);
    bough.database("shop");
    bough.stop();
    let file = bough.data_dir().join("store.sqlite");
    let log = bough.data_dir().join("store.sqlite-wal");
    drop(Store::open(&file).expect("it opens"));
    wait_until(LIMIT, "the store's log is in its file", || (!log.exists()).then_some(()));
    let whole = fs::read(&file).expect("a store");
    // As a store is before anything of its log was moved into its file.
    let other = bough.data_dir().join("other.sqlite");
    let open = Store::open(&other).expect("it opens");
    let (bare, logged) = (
        fs::read(&other).expect("a file"),
        fs::read(other.with_file_name("other.sqlite-wal")).expect("its log"),
    );
    drop(open);
    for (what, in_file, in_log) in [
        ("the file is empty", &[][..], Some(&logged[..])),
        ("the log is missing", &bare[..], None),
        ("the log is empty", &bare[..], Some(&[][..])),
    ] {
        fs::write(&file, in_file).expect("written");
        match in_log {
            Some(bytes) => fs::write(&log, bytes).expect("written"),
            None => fs::remove_file(&log).expect("removed"),
        }
        for command in [&["admin", "user", "list"][..], &["serve", "--http", "127.0.0.1:0"]] {
            let refused = bough.run(command);
            let said = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(1), "{what}, {command:?}: {said}");
            assert!(said.contains("although this directory was in use"), "{what}, {command:?}: {said}");
        }
        assert_eq!(fs::read(&file).expect("a file"), in_file, "{what}: it is as it was");
        assert_eq!(fs::read(&log).unwrap_or_default(), in_log.unwrap_or_default(), "{what}: so is its log");
    }
    fs::remove_file(&log).expect("removed");
    fs::write(&file, whole).expect("put back");
    bough.serve();
    bough.wait_branch("shop", "main");
}
