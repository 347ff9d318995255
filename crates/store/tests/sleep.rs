//! Letting in and putting to sleep, in every order: what keeps whoever has just been let in from being cut.

mod support;

use std::time::Duration;

use bough_model::{BranchId, Timestamp};
use bough_store::{Store, reconcile, sleep};
use rusqlite::Connection;
use support::{open, place, put};

const AFTER: Duration = Duration::from_secs(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn id(text: &str) -> BranchId {
    BranchId::parse(text).expect("an id")
}

/// A store with a branch that was made in second 1 and has been up since second 2.
fn furnished(change: &str) -> (support::Home, Store) {
    let home = place();
    let store = open(&home.path);
    store.write(|tx| put(tx, 1)).expect("an organization");
    let organization = support::id_text(1);
    let beside = Connection::open(&home.path).expect("a connection");
    beside
        .execute_batch(&format!(
            "INSERT INTO databases VALUES ('databaseaaaa', '{organization}', 'shop', 'shop', 'shop', 'local', 'PS_10', '',
                'running', 'branchaaaaaa', 0, 0, 0, 0, 1, 0, 0, NULL, NULL, NULL, 'user', 'useraaaaaaaa', 'Ada', 1, 1);
             INSERT INTO branches (id, organization_id, database_id, name, live_name, production, safe_migrations, \
             deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, generation, \
             settled_generation, state, schema_ready, attempts, next_try_at, table_count, created_at, updated_at, up_since) \
             VALUES ('branchaaaaaa', '{organization}', 'databaseaaaa', 'dev', 'dev', 0, 0, 0, 'local', 'PS_DEV', 'User', \
             'useraaaaaaaa', 'Ada', 'running', 1, 1, 'ready', 1, 0, 0, 0, 1000000, 1000000, 2000000);
             {change}"
        ))
        .expect("a branch");
    (home, store)
}

fn enter(store: &Store, now: i64) -> bool {
    store.write(move |tx| sleep::enter(tx, &id("branchaaaaaa"), at(now))).expect("written")
}

fn falls_asleep(store: &Store, now: i64) -> bool {
    store
        .write(move |tx| sleep::wish_sleep_when_idle(tx, &id("branchaaaaaa"), AFTER, at(now)))
        .expect("written")
}

fn wakes(store: &Store, now: i64) -> bool {
    store.write(move |tx| sleep::wish_awake(tx, &id("branchaaaaaa"), at(now))).expect("written")
}

fn candidates(store: &Store, now: i64) -> usize {
    let since = at(now).minus(AFTER);
    store.read(|reader| sleep::candidates(reader, since, "", 10)).expect("read").len()
}

fn state(store: &Store) -> String {
    let wish = store.read(|reader| reconcile::wish(reader, &id("branchaaaaaa"))).expect("read");
    wish.expect("a branch").state.as_str().to_owned()
}

#[test]
fn either_somebody_is_let_in_or_it_falls_asleep() {
    let (_home, store) = furnished("");
    assert_eq!((candidates(&store, 61), candidates(&store, 62)), (0, 1));
    assert!(!falls_asleep(&store, 61), "it is up for less than that");
    // Noted first: no sleep until as long after.
    assert!(enter(&store, 100));
    assert!(!falls_asleep(&store, 159) && falls_asleep(&store, 160));
    // Wished first: nobody is let in.
    assert_eq!(state(&store), "sleep_in_progress");
    assert!(!enter(&store, 161));
    assert!(!falls_asleep(&store, 400), "once");
    // Woken once, and not let in before it is ready.
    assert!(wakes(&store, 401) && !wakes(&store, 401));
    assert_eq!(state(&store), "awakening");
    assert!(!enter(&store, 402));
}

#[test]
fn one_that_is_used_after_all_is_as_before() {
    let (_home, store) = furnished("");
    assert!(falls_asleep(&store, 100));
    let wish =
        store.read(|reader| reconcile::wish(reader, &id("branchaaaaaa"))).expect("read").expect("a wish");
    let stale = wish.clone();
    store.write(move |tx| sleep::record_used(tx, &wish, at(110))).expect("written");
    assert_eq!(state(&store), "ready");
    assert!(!falls_asleep(&store, 169) && falls_asleep(&store, 170), "used in second 110");
    // Whoever worked on the wish from before changes nothing.
    store.write(move |tx| sleep::record_used(tx, &stale, at(171))).expect("written");
    assert_eq!(state(&store), "sleep_in_progress");
    assert!(wakes(&store, 172));
    let wish =
        store.read(|reader| reconcile::wish(reader, &id("branchaaaaaa"))).expect("read").expect("a wish");
    assert!(!store.write(move |tx| sleep::record_asleep(tx, &wish)).expect("written"), "it shall be awake");
}

#[test]
fn what_keeps_a_branch_awake() {
    let child = "INSERT INTO branches (id, organization_id, database_id, name, live_name, parent_id, production, \
         safe_migrations, deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, generation, \
         state, schema_ready, attempts, next_try_at, table_count, created_at, updated_at) \
         SELECT 'childaaaaaaa', organization_id, database_id, 'child', 'child', id, 0, 0, 0, region, cluster_size, \
         actor_kind, actor_id, actor_name, 'running', 1, 'pending', 0, 0, 0, 0, created_at, updated_at FROM branches;";
    for change in [
        "UPDATE branches SET production = 1;",
        "UPDATE branches SET generation = 2;",
        "UPDATE branches SET state = 'pending';",
        "UPDATE branches SET desired = 'gone', live_name = NULL;",
        child,
    ] {
        let (_home, store) = furnished(change);
        assert_eq!(candidates(&store, 1000), 0, "{change}");
        assert!(!falls_asleep(&store, 1000), "{change}");
    }
}
