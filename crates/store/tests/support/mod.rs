//! What the store's tests share: a store in a folder of its own, rows to put in it, chance that can be
//! repeated.
#![allow(dead_code, reason = "each test file uses its part of this")]

use std::path::{Path, PathBuf};

use bough_model::{Actor, OrganizationId, OrganizationName, Timestamp};
use bough_policy::{Granted, Located, Nowhere, Operation, OrganizationAt, Place, Principal, decide};
use bough_store::{Store, StoreError, Tx, organizations};
use rusqlite::Connection;

/// A folder with the path of a store in it.
pub struct Home {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn place() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.sqlite");
    Home { folder, path }
}

pub fn open(path: &Path) -> Store {
    Store::open(path).expect("the store opens")
}

/// Closes a store whose last handle this is, and waits until its thread has: its log is then in the file.
pub fn close(store: Store) {
    let mut log = store.path().as_os_str().to_owned();
    log.push("-wal");
    let log = std::path::PathBuf::from(log);
    drop(store);
    for _ in 0..2_000 {
        if !log.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{} is still there", log.display());
}

pub fn system<T: Place>(operation: Operation, at: T) -> Granted<T> {
    let principal = Principal::Trusted { actor: Actor::System("test") };
    decide(&principal, operation, Located::new(at)).expect("Bough itself may")
}

pub fn anywhere() -> Granted<Nowhere> {
    system(Operation::ListOrganizations, Nowhere)
}

pub fn at(organization: &OrganizationId) -> Granted<OrganizationAt> {
    system(Operation::GetOrganization, OrganizationAt { organization: organization.clone() })
}

/// The text of the n-th id of any kind.
pub fn id_text(number: u64) -> String {
    format!("id{number:010}")
}

pub fn organization_id(number: u64) -> OrganizationId {
    OrganizationId::parse(&id_text(number)).expect("an id")
}

pub fn now() -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000)
}

/// Puts the n-th organization in.
pub fn put(tx: &Tx<'_>, number: u64) -> Result<(), StoreError> {
    let name = OrganizationName::parse(&format!("org-{number}")).expect("a name");
    let id = organization_id(number);
    organizations::insert(tx, &anywhere(), &id, &name, "a@example.com", now()).map(drop)
}

/// The numbers of the organizations that are there, by a connection of its own.
pub fn numbers(path: &Path) -> Vec<u64> {
    let connection = Connection::open(path).expect("a connection");
    let mut statement = connection.prepare("SELECT id FROM organizations ORDER BY id").expect("a statement");
    let ids = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    ids.map(|id| id.expect("an id")[2..].parse().expect("a number")).collect()
}

/// Every file of a folder with its bytes.
pub fn bytes_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("its bytes"))
        })
        .collect();
    files.sort();
    files
}

/// SplitMix64: chance that a failure's seed repeats.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it fits")
    }

    /// One of them.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
