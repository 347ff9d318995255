//! Changes of a running branch: its size, restarts on request, and a newer version of the server.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bough_engine::{BranchSpec, Place, Plan, Step, plan};
use bough_model::Desired;
use bough_mysql_client::Connection;
use support::{Rig, converge, root_spec, servers_in};

fn number(conn: &mut Connection, sql: &str) -> u64 {
    conn.query_one(sql).expect("an answer").u64("n").expect("a number")
}

#[test]
fn a_size_is_changed_on_the_running_server() {
    let rig = Rig::new();
    let small = root_spec("sizeaaaaaaaa");
    converge(&rig.engine, &small, Desired::Running);
    let server = servers_in(&rig.folder, &small.id);
    let mut session = rig.engine.connect(&small.id).expect("a session");
    session.execute("CREATE TABLE `shop_1`.t (id INT PRIMARY KEY, pad LONGBLOB)").expect("a table");
    session.execute("INSERT INTO `shop_1`.t SELECT seq, REPEAT('x', 100000) FROM mysql.seq_1_to_200").ok();

    let mut large = small.clone();
    large.size.buffer_pool_bytes = 96 << 20;
    large.size.redo_log_bytes = 32 << 20;
    large.size.max_connections = 77;
    for spec in [&large, &small, &large] {
        let seen = rig.engine.observe(&spec.id).expect("observed");
        assert_eq!(plan(Desired::Running, spec, &seen), Plan::Do(Step::Resize));
        converge(&rig.engine, spec, Desired::Running);
        let pool = number(&mut session, "SELECT @@innodb_buffer_pool_size AS n");
        assert_eq!(pool, spec.size.buffer_pool_bytes, "read back by SQL, in a session that was open before");
        assert_eq!(number(&mut session, "SELECT @@innodb_log_file_size AS n"), spec.size.redo_log_bytes);
        assert_eq!(
            number(&mut session, "SELECT @@max_connections AS n"),
            u64::from(spec.size.max_connections)
        );
    }
    assert_eq!(servers_in(&rig.folder, &small.id), server, "it was not restarted");

    // A server that is started again has the size from the start.
    rig.engine.execute(&large, Step::StopServer).expect("stopped");
    rig.engine.execute(&large, Step::StartServer).expect("started");
    let seen = rig.engine.observe(&large.id).expect("observed");
    assert_eq!(plan(Desired::Running, &large, &seen), Plan::Settled);
}

#[test]
fn a_restart_is_done_once() {
    let rig = Rig::new();
    let spec = root_spec("restaaaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    let before = servers_in(&rig.folder, &spec.id);
    let again = BranchSpec { restarts: 1, ..spec };
    converge(&rig.engine, &again, Desired::Running);
    let after = servers_in(&rig.folder, &again.id);
    assert_ne!(after, before);
    converge(&rig.engine, &again, Desired::Running);
    assert_eq!(servers_in(&rig.folder, &again.id), after, "once");
}

/// The server's programs in a folder of their own, the server calling itself another version: the same
/// program with other digits in it.
fn programs(folder: &Path, version: &str) {
    std::fs::create_dir_all(folder).expect("a folder");
    let real = bough_engine::Binaries::find(None).expect("the programs");
    let own = real.flavor.to_string();
    let own = own.strip_prefix("mariadb-").expect("a version");
    assert_eq!(own.len(), version.len(), "the digits keep their places");
    let mut bytes = std::fs::read(&real.mariadbd).expect("the server's program");
    for at in 0..bytes.len() - own.len() {
        if bytes[at..].starts_with(own.as_bytes()) {
            bytes[at..at + own.len()].copy_from_slice(version.as_bytes());
        }
    }
    install(&bytes, &folder.join("mariadbd"));
    let client = real.client.expect("the client");
    let check = client.with_file_name("mariadb-check");
    for program in [real.install_db, client, check, real.upgrade.expect("the upgrade")] {
        let link = folder.join(program.file_name().expect("a name"));
        if !link.exists() {
            std::os::unix::fs::symlink(program, link).expect("a link");
        }
    }
}

/// As a package does it: the new file takes the old one's name.
fn install(bytes: &[u8], path: &Path) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).expect("written");
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    std::fs::rename(&new, path).expect("renamed");
}

fn real_version() -> String {
    let flavor = bough_engine::Binaries::find(None).expect("the programs").flavor;
    flavor.to_string().trim_start_matches("mariadb-").to_owned()
}

/// The real version with another digit in place of the last one of its minor part.
fn another_minor(version: &str) -> String {
    let (major, rest) = version.split_once('.').expect("a version");
    let (minor, patch) = rest.split_once('.').expect("a version");
    let (kept, last) = minor.split_at(minor.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    format!("{major}.{kept}{other}.{patch}")
}

#[test]
fn an_upgrade_of_the_package_touches_no_server_until_it_is_restarted() {
    let rig = Rig::new();
    let folder: PathBuf = rig.folder.join("programs");
    let real = real_version();
    let older = another_minor(&real);
    programs(&folder, &older);
    let engine = support::open_engine_with(&rig.folder.join("engine"), Some(&folder));
    let spec = root_spec("upgraaaaaaaa");
    converge(&engine, &spec, Desired::Running);
    let server = servers_in(&rig.folder, &spec.id);
    let version_of = |engine: &bough_engine::ManagedEngine| {
        let seen = engine.observe(&spec.id).expect("observed");
        seen.figures.expect("it answers").flavor.to_string()
    };
    assert_eq!(version_of(&engine), format!("mariadb-{older}"));

    programs(&folder, &real);
    assert_eq!(engine.flavor().to_string(), format!("mariadb-{real}"), "noticed without a start of Bough");
    converge(&engine, &spec, Desired::Running);
    // Neither by the Bough that started it nor by another.
    let next = support::open_engine_with(&rig.folder.join("engine"), Some(&folder));
    converge(&next, &spec, Desired::Running);
    assert_eq!(servers_in(&rig.folder, &spec.id), server);
    assert_eq!(version_of(&next), format!("mariadb-{older}"));
    assert!(next.alive(&spec.id), "its program was removed, and it is still found");

    let mut conn = next.connect(&spec.id).expect("a session");
    conn.execute("CREATE TABLE `shop_1`.kept (id INT PRIMARY KEY)").expect("a table");
    conn.execute("INSERT INTO `shop_1`.kept VALUES (7)").expect("a row");
    // What the upgrade has to mend: a table that the older version did not have.
    conn.execute("DROP TABLE mysql.gtid_slave_pos").expect("dropped");
    drop(conn);
    let restarted = BranchSpec { restarts: 1, ..spec.clone() };
    let mut steps = Vec::new();
    loop {
        let seen = next.observe(&spec.id).expect("observed");
        match plan(Desired::Running, &restarted, &seen) {
            Plan::Do(step) => {
                steps.push(step);
                next.execute(&restarted, step).expect("done");
            }
            Plan::Settled => break,
            Plan::Blocked { why } => panic!("{why}"),
        }
    }
    let expected = [Step::StopServer, Step::StartServer, Step::UpgradeTables, Step::SealAccounts];
    assert_eq!(steps, expected, "the upgrade once, and the accounts are shut again");
    assert_eq!(version_of(&next), format!("mariadb-{real}"));
    let mut conn = next.connect(&spec.id).expect("a session");
    assert_eq!(number(&mut conn, "SELECT id AS n FROM `shop_1`.kept"), 7);
    assert_eq!(number(&mut conn, "SELECT COUNT(*) AS n FROM mysql.gtid_slave_pos"), 0, "made again");
    assert_eq!(
        number(
            &mut conn,
            "SELECT COUNT(*) AS n FROM mysql.global_priv WHERE User NOT IN ('mariadb.sys', SUBSTRING_INDEX(CURRENT_USER(), '@', 1)) AND User NOT LIKE 'planetscale-%'"
        ),
        0,
        "no account came with it"
    );
    drop(conn);

    // Back to the older version: its files would suffer, so nothing is started.
    next.execute(&restarted, Step::StopServer).expect("stopped");
    programs(&folder, &older);
    let seen = next.observe(&spec.id).expect("observed");
    let Plan::Blocked { why } = plan(Desired::Running, &restarted, &seen) else { panic!("{seen:?}") };
    assert!(why.contains("install"), "{why}");
    assert_eq!(seen.place, Place::Present);
}
