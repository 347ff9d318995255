//! Figures in the store: added to, read by whom they belong to, taken away when they are old.

mod support;

use bough_model::{BranchId, OrganizationId, Timestamp, TokenId};
use bough_policy::{Granted, Operation, TokenAt};
use bough_store::figures::{self, Branches, Hour, Requests};
use bough_store::{Store, reconcile};
use rusqlite::Connection;
use support::{at, open, organization_id, place, put, system};

fn token(number: u64) -> TokenId {
    TokenId::parse(&support::id_text(number)).expect("an id")
}

fn granted(organization: &OrganizationId, token: &TokenId) -> Granted<TokenAt> {
    let at = TokenAt { organization: organization.clone(), token: token.clone() };
    system(Operation::GetServiceTokenFigures, at)
}

fn some(count: u64) -> Requests {
    let mut took = [0; figures::LATENCY_CLASSES];
    took.fill(count);
    Requests { count, refusals: 1, micros_sum: 10 * count, micros_max: 100 + count, took }
}

/// Two organizations with two tokens each: the numbers 1 and 2, 3 and 4.
fn furnished() -> (support::Home, Store) {
    let home = place();
    let store = open(&home.path);
    for number in [1, 2] {
        store.write(move |tx| put(tx, number)).expect("an organization");
    }
    let beside = Connection::open(&home.path).expect("a connection");
    for number in 1..=4 {
        beside
            .execute(
                "INSERT INTO service_tokens (id, organization_id, digest, creator_kind, creator_id, creator_name, created_at, \
                 updated_at) VALUES (?, ?, X'00', 'User', 'useraaaaaaaa', 'Ada', 1, 1)",
                rusqlite::params![token(number).as_str(), organization_id(number.div_ceil(2)).as_str()],
            )
            .expect("a token");
    }
    (home, store)
}

fn add(store: &Store, number: u64, hour: i64, requests: Requests) {
    store
        .write(move |tx| figures::add_requests(tx, &token(number), Hour(hour), &requests))
        .expect("they are added");
}

fn rows(store: &Store, organization: u64, number: u64, from: i64) -> Vec<(i64, u64)> {
    let granted = granted(&organization_id(organization), &token(number));
    let rows =
        store.read(|reader| figures::requests(reader, &granted, Hour(from))).expect("they can be read");
    rows.into_iter().map(|(hour, requests)| (hour.0, requests.count)).collect()
}

#[test]
fn requests_add_up_within_their_hour() {
    let (home, store) = furnished();
    add(&store, 1, 10, some(5));
    add(&store, 1, 10, some(2));
    add(&store, 1, 12, some(1));
    add(&store, 2, 10, some(9));
    assert_eq!(rows(&store, 1, 1, 0), [(10, 7), (12, 1)]);
    assert_eq!(rows(&store, 1, 1, 11), [(12, 1)]);
    assert_eq!(rows(&store, 2, 1, 0), [], "a token of another organization");
    let first = store
        .read(|reader| figures::requests(reader, &granted(&organization_id(1), &token(1)), Hour(0)))
        .expect("they can be read")[0]
        .1
        .clone();
    assert_eq!(first, Requests { refusals: 2, micros_sum: 70, micros_max: 105, ..some(7) });
    add(&store, 1, 13, Requests { count: u64::MAX, ..Requests::default() });
    assert_eq!(rows(&store, 1, 1, 13), [(13, i64::MAX.unsigned_abs())], "what does not fit is cut");

    add(&store, 9, 10, some(1));
    assert_eq!(rows(&store, 1, 9, 0), [], "of a token that is gone nothing is kept");
    let beside = Connection::open(&home.path).expect("a connection");
    beside.pragma_update(None, "foreign_keys", true).expect("a setting");
    beside.execute("DELETE FROM service_tokens WHERE id = ?", [token(1).as_str()]).expect("the token goes");
    let left: i64 =
        beside.query_row("SELECT COUNT(*) FROM token_figures", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 1, "and its figures with it");
}

#[test]
fn branches_are_noted_once_an_hour() {
    let (home, store) = furnished();
    let beside = Connection::open(&home.path).expect("a connection");
    beside
        .execute_batch(
            "INSERT INTO databases VALUES ('databaseaaaa', 'id0000000001', 'shop', 'shop', 'shop', 'local', 'PS_10', '',
                'running', 'branchaaaaa1', 0, 0, 0, 0, 1, 0, 0, NULL, NULL, NULL, 'user', 'useraaaaaaaa', 'Ada', 1, 1);",
        )
        .expect("a database");
    for (id, desired, state, due) in [
        ("branchaaaaa1", "running", "ready", 30),
        ("branchaaaaa2", "running", "sleeping", 20),
        ("branchaaaaa3", "running", "pending", 10),
        ("branchaaaaa4", "gone", "ready", 0),
    ] {
        beside
            .execute(
                "INSERT INTO branches (id, organization_id, database_id, name, production, safe_migrations, \
                 deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, generation, state, \
                 schema_ready, attempts, next_try_at, table_count, created_at, updated_at, disk_due_at) VALUES (?1, \
                 'id0000000001', 'databaseaaaa', ?1, 0, 0, 0, 'local', 'PS_DEV', 'user', 'useraaaaaaaa', 'Ada', ?2, 1, ?3, \
                 1, 0, 0, 0, 1, 1, ?4)",
                rusqlite::params![id, desired, state, due],
            )
            .expect("a branch");
    }
    let due = |now: i64, limit: u32| -> Vec<String> {
        let due =
            store.read(|reader| figures::due(reader, Timestamp::from_micros(now), limit)).expect("read");
        due.into_iter().map(|due| due.id.to_string()).collect()
    };
    assert_eq!(due(30, 10), ["branchaaaaa3", "branchaaaaa2", "branchaaaaa1"], "longest due first");
    assert_eq!(due(30, 2), ["branchaaaaa3", "branchaaaaa2"]);
    assert_eq!(due(9, 10), [] as [&str; 0]);
    let measured = |id: &'static str, bytes: Option<u64>| {
        store
            .write(move |tx| {
                let id = BranchId::parse(id).expect("an id");
                figures::record_size(tx, &id, bytes, Timestamp::from_micros(100))
            })
            .expect("noted");
    };
    measured("branchaaaaa2", Some(7_000));
    measured("branchaaaaa3", Some(1));
    measured("branchaaaaa3", None);
    assert_eq!(due(99, 10), ["branchaaaaa1"]);

    // Whatever was measured while it was made or asleep is not what it is now.
    for (id, then) in
        [("branchaaaaa3", vec!["branchaaaaa3", "branchaaaaa1"]), ("branchaaaaa1", vec!["branchaaaaa1"])]
    {
        let id = BranchId::parse(id).expect("an id");
        let wish = store.read(|reader| reconcile::wish(reader, &id)).expect("read").expect("it is there");
        store
            .write(move |tx| reconcile::record_ready(tx, &wish, "10", Timestamp::from_micros(50)))
            .expect("recorded");
        assert_eq!(due(99, 10), then);
        measured("branchaaaaa3", None);
    }
    beside.execute("UPDATE branches SET state = 'pending' WHERE id = 'branchaaaaa3'", []).expect("as before");

    let counted = store.read(figures::count_branches).expect("counted");
    let shop = Branches { count: 3, running: 1, asleep: 1, disk_bytes: 7_001 };
    assert_eq!(counted, [(organization_id(1), shop), (organization_id(2), Branches::default())]);
    let note = |hour: i64, branches: Branches| {
        store
            .write(move |tx| {
                figures::record_branches(tx, &organization_id(1), Hour(hour), &branches)?;
                figures::record_branches(tx, &organization_id(9), Hour(hour), &branches)
            })
            .expect("noted");
    };
    note(5, Branches::default());
    note(5, shop);
    note(6, shop);
    let read = |organization: u64, from: i64| {
        let granted = at(&organization_id(organization));
        store.read(|reader| figures::branches(reader, &granted, Hour(from))).expect("read")
    };
    assert_eq!(read(1, 0), [(Hour(5), shop), (Hour(6), shop)]);
    assert_eq!(read(1, 6), [(Hour(6), shop)]);
    assert_eq!((read(2, 0), read(9, 0)), (vec![], vec![]), "one that is not there is not noted");
}

#[test]
fn old_figures_go_a_few_at_a_time() {
    let (_home, store) = furnished();
    for hour in 0..30 {
        add(&store, 1, hour, some(1));
        let branches = Branches::default();
        store
            .write(move |tx| figures::record_branches(tx, &organization_id(1), Hour(hour), &branches))
            .expect("noted");
    }
    let (mut sweeps, mut gone) = (0, 0);
    while store.read(|reader| figures::has_before(reader, Hour(25))).expect("asked") {
        let before = rows(&store, 1, 1, 0);
        gone += store.write(|tx| figures::sweep(tx, Hour(25), 10)).expect("swept");
        let after = rows(&store, 1, 1, 0);
        assert!(after.len() + 10 >= before.len() && before.ends_with(&after), "the oldest, at most ten");
        sweeps += 1;
    }
    assert_eq!((sweeps, gone), (3, 50));
    assert_eq!(rows(&store, 1, 1, 0).iter().map(|(hour, _)| *hour).collect::<Vec<_>>(), [25, 26, 27, 28, 29]);
    let granted = at(&organization_id(1));
    assert_eq!(store.read(|reader| figures::branches(reader, &granted, Hour(0))).expect("read").len(), 5);
}
