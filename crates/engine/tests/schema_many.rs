//! Many tables with foreign keys between them, and views in chains: copied whole, in one order or another.
//! `make test-schemas` does it with a thousand; MariaDB takes 12 syncs of the disk to make one.
#![allow(clippy::print_stderr, reason = "figures for whoever runs this by hand")]

mod support;

use std::time::Instant;

use bough_engine::Step;
use bough_model::Desired;
use support::{Rig, child_spec, converge, root_spec};

/// Tables, unless [`HOW_MANY`] says another number.
const TABLES: usize = 250;
/// The environment variable that says how many tables.
const HOW_MANY: &str = "BOUGH_SCHEMA_TABLES";
const VIEWS: usize = 150;
/// Each view reads the next one by name, which a copy by name alone would find missing, but for the last of
/// so many, which reads a table.
const CHAIN: usize = 30;

#[test]
fn many_tables() {
    let tables = std::env::var(HOW_MANY).ok().and_then(|number| number.parse().ok()).unwrap_or(TABLES);
    let rig = Rig::new();
    let parent = root_spec("thouaaaaaaaa");
    let child = child_spec("thoubbbbbbbb", "thouaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    from.execute("SET SESSION sql_log_bin = 0, foreign_key_checks = 0").expect("set");
    from.execute("USE `shop_1`").expect("the schema");
    for n in 0..tables {
        let other = (n * 7 + 1) % tables;
        from.execute(format!(
            "CREATE TABLE t{n} (id BIGINT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100) NOT NULL DEFAULT 'a', \
             b DATETIME, c DECIMAL(10,2), up BIGINT, KEY k (a), KEY l (b, c), \
             CONSTRAINT f{n} FOREIGN KEY (up) REFERENCES t{other} (id) ON DELETE SET NULL)"
        ))
        .expect("a table");
    }
    for n in (0..VIEWS).rev() {
        let below = if n % CHAIN == CHAIN - 1 { format!("t{n}") } else { format!("v{:03}", n + 1) };
        from.execute(format!("CREATE VIEW v{n:03} AS SELECT id, a, c FROM {below} WHERE id > {n}"))
            .expect("a view");
    }
    for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts, Step::CopySchema] {
        let begun = Instant::now();
        rig.engine.execute(&child, step).expect("a step");
        eprintln!("{}: {:?}", step.name(), begun.elapsed());
    }
    let mut to = rig.engine.connect(&child.id).expect("a session");
    // Each text was compared by the copy itself; here is that nothing was left out.
    for (what, expected) in [
        ("TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA", tables),
        ("TABLES WHERE TABLE_TYPE = 'VIEW' AND TABLE_SCHEMA", VIEWS),
        ("REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA", tables),
    ] {
        let question = format!("SELECT COUNT(*) AS n FROM information_schema.{what} = 'shop_1'");
        assert_eq!(to.query_one(&question).expect("a row").u64("n").expect("n"), expected as u64, "{what}");
    }
}
