//! What must be there, as far as it is known: what was acknowledged is certain, what got no answer is open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bough_testkit::Bough;
use serde_json::Value;

/// What does not change while it runs.
pub struct World {
    /// The databases that all share.
    pub shared: Vec<String>,
    /// Where the branches are.
    pub branches: PathBuf,
    counter: AtomicU64,
}

impl World {
    pub fn new(bough: &Bough, shared: &[&str]) -> Self {
        Self {
            shared: shared.iter().map(|name| (*name).to_owned()).collect(),
            branches: bough.data_dir().join("engine/branches"),
            counter: AtomicU64::new(1),
        }
    }

    /// A number that was never there.
    pub fn fresh(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// What was asked for and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It may have been made, or not.
    Made,
    /// It may be gone, or not.
    Gone,
    /// It may have this name.
    Renamed(String),
    /// It may be of another class.
    Class,
    /// Its safe migrations may be on or off.
    Safe,
    /// It may have this size or the one before.
    Size,
}

/// A branch; or a database with its one branch `main`.
#[derive(Clone, Debug)]
pub struct Item {
    pub database: String,
    pub branch: String,
    /// Whether it is a database of its own.
    pub whole_database: bool,
    /// Its id, once known.
    pub id: Option<String>,
    /// The parent's name, for branches of branches.
    pub parent: Option<String>,
    pub production: bool,
    pub safe: bool,
    /// Its cluster size, once known.
    pub size: Option<String>,
    pub doubt: Option<Doubt>,
    /// Whether Bough said that it is ready, once: only then may anybody write to it.
    pub ready: bool,
    /// Whether its making was acknowledged since the last look.
    pub is_new: bool,
    /// The ids of passwords that were acknowledged, by their names.
    pub passwords: BTreeMap<String, String>,
    /// The names of those that may be there or not.
    pub passwords_in_doubt: BTreeSet<String>,
    /// Rows that were acknowledged.
    pub acknowledged: BTreeSet<u64>,
    /// Rows that were sent.
    pub sent: BTreeSet<u64>,
}

impl Item {
    pub fn new(database: &str, branch: &str) -> Self {
        Self {
            database: database.to_owned(),
            branch: branch.to_owned(),
            whole_database: false,
            id: None,
            parent: None,
            production: false,
            safe: false,
            size: None,
            doubt: None,
            ready: false,
            is_new: false,
            passwords: BTreeMap::new(),
            passwords_in_doubt: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            sent: BTreeSet::new(),
        }
    }

    /// The first branch of a database that is ready.
    pub fn main_of(bough: &Bough, database: &str) -> Self {
        let branch = bough.wait_branch(database, "main");
        let mut item = Self::new(database, "main");
        item.learn(&branch);
        item
    }

    /// Takes over what Bough says of it.
    pub fn learn(&mut self, row: &Value) {
        self.id = row["id"].as_str().map(str::to_owned);
        self.production = row["production"] == Value::Bool(true);
        self.safe = row["safe_migrations"] == Value::Bool(true);
        self.size = row["cluster_name"].as_str().map(str::to_owned);
        self.ready |= row["ready"] == Value::Bool(true);
    }

    /// Every name that it may have.
    pub fn names(&self) -> Vec<&str> {
        let other = match &self.doubt {
            Some(Doubt::Renamed(name)) => Some(name.as_str()),
            _ => None,
        };
        std::iter::once(self.branch.as_str()).chain(other).collect()
    }
}
