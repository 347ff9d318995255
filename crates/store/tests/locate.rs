//! What a path names: by name and by id, and nothing else that happens to lie beside it.

mod support;

use bough_store::{Reader, StoreError, locate};
use rusqlite::Connection;
use support::{close, open, place, put};

/// Organization, id, live name: null is one that shall be gone.
const DATABASES: &[(u64, &str, Option<&str>)] = &[
    (1, "dbaaaaaaaaaa", Some("alpha")),
    (1, "dbbbbbbbbbbb", Some("beta")),
    (1, "dbcccccccccc", None),
    (2, "dbdddddddddd", Some("alpha")),
];
/// Database, id, live name, production.
const BRANCHES: &[(&str, &str, Option<&str>, bool)] = &[
    ("dbaaaaaaaaaa", "braaaaaaaaaa", Some("main"), true),
    ("dbaaaaaaaaaa", "brbbbbbbbbbb", Some("dev"), false),
    ("dbaaaaaaaaaa", "brcccccccccc", None, false),
    ("dbbbbbbbbbbb", "brdddddddddd", Some("main"), true),
    ("dbdddddddddd", "breeeeeeeeee", Some("zeta"), false),
];

fn fill(path: &std::path::Path) {
    let db = Connection::open(path).expect("a connection");
    for (organization, id, name) in DATABASES {
        db.execute(
            "INSERT INTO databases (id, organization_id, name, live_name, schema_name, region, cluster_size, notes, \
             desired, default_branch_id, deletion_protected, require_approval_for_deploy, restrict_branch_region, \
             allow_data_branching, foreign_keys_enabled, insights_raw_queries, production_branch_web_console, \
             actor_kind, actor_id, actor_name, created_at, updated_at) \
             VALUES (?1, ?2, 'x', ?3, 'x', 'local', 'PS_DEV', '', ?4, 'x', 0, 0, 0, 0, 0, 0, 0, 'System', 'x', 'x', 1, 1)",
            (id, support::id_text(*organization), name, if name.is_some() { "running" } else { "gone" }),
        )
        .expect("a database");
    }
    for (database, id, name, production) in BRANCHES {
        db.execute(
            "INSERT INTO branches (id, organization_id, database_id, name, live_name, production, safe_migrations, \
             deletion_protected, region, cluster_size, actor_kind, actor_id, actor_name, desired, generation, state, \
             schema_ready, attempts, next_try_at, table_count, created_at, updated_at) \
             VALUES (?1, 'x', ?2, 'x', ?3, ?4, 0, 0, 'local', 'PS_DEV', 'System', 'x', 'x', ?5, 1, 'ready', 1, 0, 0, 0, 1, 1)",
            (id, database, name, production, if name.is_some() { "running" } else { "gone" }),
        )
        .expect("a branch");
    }
}

/// The ids that a path names: of the database, of the branch, and its class.
fn named(reader: &Reader, organization: &str, database: &str, branch: &str) -> Option<(String, String)> {
    let found =
        locate::path(reader, organization, Some(database), Some(branch)).expect("it is looked for")?;
    let branch = found.branch.map_or(String::new(), |(id, production)| format!("{id} {production}"));
    Some((found.database.map_or(String::new(), |id| id.to_string()), branch))
}

#[test]
fn names_and_ids_and_nothing_beside_them() {
    let home = place();
    let store = open(&home.path);
    store
        .write(|tx| {
            put(tx, 1)?;
            put(tx, 2)
        })
        .expect("two organizations");
    fill(&home.path);
    let (alpha, beta, other) = ("dbaaaaaaaaaa", "dbbbbbbbbbbb", "dbdddddddddd");
    let both = |database: &str, branch: &str| Some((database.to_owned(), branch.to_owned()));
    let cases = [
        // By name, by id, and mixed.
        ("org-1", "alpha", "main", both(alpha, "braaaaaaaaaa true")),
        ("org-1", alpha, "dev", both(alpha, "brbbbbbbbbbb false")),
        ("org-1", "alpha", "brbbbbbbbbbb", both(alpha, "brbbbbbbbbbb false")),
        ("org-1", beta, "brdddddddddd", both(beta, "brdddddddddd true")),
        ("org-2", "alpha", "zeta", both(other, "breeeeeeeeee false")),
        // A neighbour of what is asked for is not it: before, between, behind.
        ("org-1", "alph", "main", both("", "")),
        ("org-1", "alpha0", "main", both("", "")),
        ("org-1", "zeta", "main", both("", "")),
        ("org-2", "zeta", "main", both("", "")),
        ("org-1", "dbaaaaaaaaa9", "main", both("", "")),
        ("org-1", "zzzzzzzzzzzz", "main", both("", "")),
        ("org-1", "alpha", "de", both(alpha, "")),
        ("org-1", "alpha", "dew", both(alpha, "")),
        ("org-1", "alpha", "zz", both(alpha, "")),
        ("org-1", "alpha", "braaaaaaaaa9", both(alpha, "")),
        // What is another's, or shall be gone, is not here.
        ("org-1", other, "main", both("", "")),
        ("org-1", "alpha", "brdddddddddd", both(alpha, "")),
        ("org-1", "beta", "dev", both(beta, "")),
        ("org-1", "beta", "zeta", both(beta, "")),
        ("org-1", "dbcccccccccc", "main", both("", "")),
        ("org-1", "alpha", "brcccccccccc", both(alpha, "")),
        ("org-1", "Alpha", "main", both("", "")),
        ("org-3", "alpha", "main", None),
    ];
    for (organization, database, branch, expected) in cases {
        let got = store.read(|reader| Ok::<_, StoreError>(named(reader, organization, database, branch)));
        assert_eq!(got.expect("read"), expected, "{organization}/{database}/{branch}");
    }
    close(store);
}
