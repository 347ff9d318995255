//! A store of an earlier version of Bough, opened by this one: what is in it stays, and what runs counts as
//! running, so that nobody touches it.

mod support;

use bough_model::{Actor, Digest, Role, SessionId, Timestamp, UserId};
use bough_policy::{DatabaseAt, Located, Operation, Principal, decide};
use bough_store::principals::{self, SessionKey};
use bough_store::sessions::{self, SessionRow};
use bough_store::{NEWEST_SCHEMA, Page, administrators, figures, reconcile};
use rusqlite::Connection;
use support::{anywhere, now, open};

/// The first schema, with a database of three branches: ready, on its way, and being deleted.
fn first_version(path: &std::path::Path) {
    let connection = Connection::open(path).expect("a file");
    connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    connection.execute_batch(include_str!("../src/migrations/0001_first.sql")).expect("the first schema");
    connection
        .execute_batch(
            "INSERT INTO organizations VALUES ('organization', 'acme', 'a@example.com', 1, 1);
             INSERT INTO organizations VALUES ('organizatio2', 'globex', 'b@example.com', 1, 1);
             INSERT INTO service_tokens (id, organization_id, digest, creator_kind, creator_id, creator_name, created_at,
                updated_at) VALUES ('tokenaaaaaaa', 'organization', X'00', 'User', 'useraaaaaaaa', 'Ada', 1, 1),
                ('tokenbbbbbbb', 'organization', X'00', 'User', 'useraaaaaaaa', 'Ada', 1, 1);
             INSERT INTO users VALUES ('useraaaaaaaa', 'ada@example.com', 'Ada', 'hash', NULL, 1, 1);
             INSERT INTO memberships VALUES ('memberaaaaaa', 'organization', 'useraaaaaaaa', 'member', 1, 1);
             INSERT INTO databases VALUES ('databaseaaaa', 'organization', 'shop', 'shop', 'shop', 'local', 'PS_10', '',
                'running', 'branchready1', 0, 0, 0, 0, 1, 0, 0, NULL, NULL, NULL, 'user', 'useraaaaaaaa', 'Ada', 1, 1);
             INSERT INTO database_administrators VALUES ('databaseaaaa', 'useraaaaaaaa');",
        )
        .expect("a database");
    for (id, desired, state, generation) in [
        ("branchready1", "running", "ready", 3),
        ("branchmaking", "running", "pending", 1),
        ("branchgoing1", "gone", "ready", 2),
    ] {
        connection
            .execute(
                "INSERT INTO branches (id, organization_id, database_id, name, live_name, production, safe_migrations, \
                 deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, generation, state, \
                 schema_ready, attempts, next_try_at, table_count, created_at, updated_at) VALUES (?1, 'organization', \
                 'databaseaaaa', ?1, ?1, 0, 0, 0, 'local', 'PS_DEV', 'user', 'useraaaaaaaa', 'Ada', ?2, ?4, ?3, 1, 0, 0, \
                 0, 1, 1)",
                rusqlite::params![id, desired, state, generation],
            )
            .expect("a branch");
    }
    connection.pragma_update(None, "user_version", 1).expect("its version");
}

#[test]
fn branches_that_run_are_left_alone_and_all_is_counted() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("store.sqlite");
    first_version(&path);
    let store = open(&path);
    let (unsettled, unknown) = store
        .read(|reader| {
            let unsettled = reconcile::unsettled(reader, Timestamp::from_micros(10), 10)?;
            Ok::<_, bough_store::StoreError>((unsettled, reconcile::without_version(reader, 10)?))
        })
        .expect("read");
    let mut ids: Vec<String> = unsettled.iter().map(|wish| wish.id.to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["branchgoing1", "branchmaking"], "what was ready is settled");
    let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["branchready1"], "and is asked for its version");
    let (due, counted) = store
        .read(|reader| {
            let due = figures::due(reader, Timestamp::from_micros(10), 10)?;
            Ok::<_, bough_store::StoreError>((due, figures::count_branches(reader)?))
        })
        .expect("read");
    let mut due: Vec<String> = due.iter().map(|due| due.id.to_string()).collect();
    due.sort();
    assert_eq!(due, ["branchmaking", "branchready1"], "nothing was ever measured");
    let counted: Vec<_> = counted.iter().map(|(_, branches)| (branches.count, branches.running)).collect();
    assert_eq!(counted, [(0, 0), (2, 1)]);
    drop(store);
    let connection = Connection::open(&path).expect("the file");
    let counts: Vec<(i64, i64)> = connection
        .prepare("SELECT live_databases, service_tokens FROM organizations ORDER BY name")
        .and_then(|mut rows| rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("counts");
    assert_eq!(counts, [(1, 2), (0, 0)], "what was there is counted");
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(usize::try_from(version), Ok(NEWEST_SCHEMA));
}

#[test]
fn people_of_before_can_log_in_and_are_what_they_were() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("store.sqlite");
    first_version(&path);
    let store = open(&path);
    let user = UserId::parse("useraaaaaaaa").expect("an id");
    let session = SessionRow {
        id: SessionId::parse("sessionaaaaa").expect("an id"),
        user: user.clone(),
        created_at: now(),
        last_seen_at: now(),
        ends_at: now(),
        remote_ip: "192.0.2.1".to_owned(),
        user_agent: String::new(),
    };
    let digest = Digest::of(b"a secret");
    let login = store.read(|reader| principals::login(reader, "ada@example.com")).expect("read");
    assert_eq!(login.expect("an account").user, user);
    store.write(move |tx| sessions::insert(tx, &anywhere(), &session, &digest)).expect("written");
    let known = store.read(|reader| principals::session(reader, SessionKey::Digest(&digest)));
    let known = known.expect("read").expect("a session");
    assert_eq!(known.user.time_zone.as_str(), "UTC");
    let Principal::User { standings, .. } = &*known.principal else { panic!("a person") };
    let standing = standings.values().next().expect("a membership");
    assert_eq!((standing.role, standing.administers.len()), (Role::Member, 1));
    let at = DatabaseAt {
        organization: standings.keys().next().expect("an organization").clone(),
        database: standing.administers[0].clone(),
    };
    let granted = decide(
        &Principal::Trusted { actor: Actor::System("test") },
        Operation::ListDatabaseAdministrators,
        Located::new(at),
    );
    let page = Page { number: 1, size: 10 };
    let (rows, total) = store
        .read(|reader| administrators::list(reader, &granted.expect("Bough itself may"), page))
        .expect("read");
    assert_eq!((rows.len(), total, rows[0].added_at), (1, 1, None), "since when is not known");
}
