//! The store against what disks, other programs and crashes do to it: what was acknowledged stays, what
//! cannot be used is left as it is, and a clear sentence says why.
//!
//! Several tests need a process that dies, or that has other rights or another disk: it is this test's own
//! program, started anew with [`another_process`] as its only test.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::time::Duration;

use bough_model::{MembershipId, Role, UserId};
use bough_store::{NEWEST_SCHEMA, Store, StoreError, users};
use rusqlite::Connection;
use support::{
    Chance, anywhere, at, bytes_in, close, id_text, now, numbers, open, organization_id, place, put,
};

const PART: &str = "BOUGH_STORE_TEST_PART";
const PATH: &str = "BOUGH_STORE_TEST_PATH";

/// Writes the n-th organization; durable when this returns.
fn write(store: &Store, number: u64) -> Result<(), StoreError> {
    store.write(move |tx| put(tx, number))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).expect("said");
}

// ---- the other process ---------------------------------------------------------------------------

/// Not a test by itself: what the other process does.
#[test]
fn another_process() {
    let (Ok(part), Ok(path)) = (std::env::var(PART), std::env::var(PATH)) else { return };
    let path = Path::new(&path);
    match part.as_str() {
        "open" => match Store::open(path) {
            Ok(_) => say("opened"),
            Err(error) => say(&format!("refused: {error}")),
        },
        "write" => write_for_ever(path),
        "migrate-half" => migrate_half(path),
        "fill" => fill(path),
        "change" => set_role(&open(path), Role::Admin).expect("a membership"),
        "too-large" => say(&write_until_refused(&open(path), 0).1),
        other => panic!("no part {other}"),
    }
}

fn command_for(part: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    told(&mut command, part, path);
    command
}

fn told(command: &mut Command, part: &str, path: &Path) {
    command.args(["--exact", "another_process", "--nocapture"]).env(PART, part).env(PATH, path);
}

fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the other process")
}

/// Through a shell, which sets things up and becomes the other process.
fn run_in_shell(mut shell: Command, script: &str, part: &str, path: &Path) -> Output {
    let program = std::env::current_exe().expect("this program");
    shell.args(["sh", "-c", &format!("{script} && exec \"$0\" \"$@\"")]).arg(program);
    told(&mut shell, part, path);
    run(shell)
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn start(part: &str, path: &Path) -> Child {
    command_for(part, path).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the other process")
}

fn write_for_ever(path: &Path) {
    let store = open(path);
    let taken = numbers(path).last().map_or(0, |last| last + 1_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in (taken + thread..).step_by(4) {
                    write(store, number).expect("written");
                    say(&format!("ack {number}"));
                }
            });
        }
    });
}

/// A migration that dies in the middle of its statements, with so little memory that part of it has
/// reached the disk already.
fn migrate_half(path: &Path) {
    let connection = Connection::open(path).expect("a connection");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = 1; BEGIN").expect("begun");
    let whole = include_str!("../src/migrations/0001_first.sql");
    let (half, _) = whole.split_once("CREATE TABLE audit_events").expect("a middle");
    connection.execute_batch(half).expect("half of it");
    let filler = "CREATE TABLE filler AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 5000) \
                  SELECT n, randomblob(200) AS bytes FROM n";
    connection.execute_batch(filler).expect("more than the cache holds");
    say("half");
    std::process::abort();
}

/// Writes from `first` on until the store refuses. How many it took, and why it took no more.
fn write_until_refused(store: &Store, first: u64) -> (u64, String) {
    for number in first.. {
        if let Err(error) = write(store, number) {
            return (number - first, format!("{error:?}: {error}"));
        }
    }
    unreachable!("it takes no end of them")
}

/// On a disk of its own that is nearly full.
fn fill(path: &Path) {
    let ballast = path.with_file_name("ballast");
    std::fs::write(&ballast, vec![0; 256 * 1024]).expect("ballast");
    let store = open(path);
    let (written, why) = write_until_refused(&store, 0);
    assert!(written > 0, "it was not full at once: {why}");
    assert!(why.starts_with("DiskFull: "), "{why}");
    assert!(matches!(write(&store, 500_000), Err(StoreError::DiskFull)), "still full");
    assert_eq!(numbers(path).len() as u64, written, "what was acknowledged, and only that");
    std::fs::remove_file(&ballast).expect("room again");
    write(&store, 600_000).expect("written, without another start");
    drop(store);
    let there = numbers(path);
    assert_eq!(there.len() as u64, written + 1);
    assert_eq!(there.last(), Some(&600_000));
    open(path);
    say(&format!("filled after {written}"));
}

// ---- opening -------------------------------------------------------------------------------------

fn version_of(path: &Path) -> usize {
    let connection = Connection::open(path).expect("a connection");
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number");
    usize::try_from(version).expect("not negative")
}

fn set_version(connection: &Connection, version: usize) {
    let version = i64::try_from(version).expect("small");
    connection.pragma_update(None, "user_version", version).expect("another version");
}

#[test]
fn a_store_is_made_and_opened_again() {
    let home = place();
    let store = open(&home.path);
    assert_eq!((store.path(), version_of(&home.path)), (home.path.as_path(), NEWEST_SCHEMA));
    write(&store, 1).expect("written");
    drop(store);
    open(&home.path);
    assert_eq!(numbers(&home.path), [1]);
    // An empty file is how the binary makes it, so that nobody else can read it.
    let home = place();
    std::fs::write(&home.path, b"").expect("an empty file");
    open(&home.path);
    assert_eq!(version_of(&home.path), NEWEST_SCHEMA);
}

#[test]
fn many_processes_may_make_it_at_once() {
    let home = place();
    let children: Vec<Child> = (0..8).map(|_| start("open", &home.path)).collect();
    for child in children {
        let output = child.wait_with_output().expect("its end");
        assert!(printed(&output).contains("opened"), "{}", printed(&output));
    }
    assert_eq!(version_of(&home.path), NEWEST_SCHEMA);
}

#[test]
fn a_migration_that_dies_half_way_is_made_anew() {
    let home = place();
    let output = run(command_for("migrate-half", &home.path));
    assert_eq!(output.status.signal(), Some(6), "{}", printed(&output));
    let wal = std::fs::metadata(home.path.with_file_name("store.sqlite-wal")).expect("its log");
    assert!(wal.len() > 500_000, "half of it is on the disk: {} bytes", wal.len());
    assert_eq!(version_of(&home.path), 0);
    let store = open(&home.path);
    assert_eq!(version_of(&home.path), NEWEST_SCHEMA);
    write(&store, 1).expect("written");
    let sound = store.read(bough_store::audit::heads);
    assert_eq!(sound.expect("the other half, too").len(), 1);
    let filler = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'filler'";
    let left: i64 = Connection::open(&home.path)
        .and_then(|connection| connection.query_row(filler, [], |row| row.get(0)))
        .expect("a count");
    assert_eq!(left, 0, "nothing of the half");
}

#[test]
fn a_process_killed_while_it_makes_the_store_loses_nothing() {
    let mut chance = Chance(7);
    let mut early = 0;
    for round in 0..25 {
        let home = place();
        let mut child = start("open", &home.path);
        std::thread::sleep(Duration::from_millis(chance.below(40) as u64));
        child.kill().expect("killed");
        child.wait().expect("its end");
        early += u32::from(!home.path.exists() || version_of(&home.path) == 0);
        let store = open(&home.path);
        write(&store, round).expect("written");
        assert_eq!((version_of(&home.path), numbers(&home.path)), (NEWEST_SCHEMA, vec![round]));
    }
    assert!(early > 0, "no round was killed before the end");
}

#[test]
fn a_migration_that_fails_leaves_the_store_as_it_was() {
    let home = place();
    let connection = Connection::open(&home.path).expect("a connection");
    // Somebody else's tables under our names.
    connection
        .execute_batch("CREATE TABLE denials (theirs TEXT); INSERT INTO denials VALUES ('x')")
        .expect("made");
    drop(connection);
    let Err(error) = Store::open(&home.path) else { panic!("opened") };
    assert!(matches!(error, StoreError::Migration { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("denials already exists") && text.contains("as it was before"), "{text}");
    assert!(text.len() < 300, "a sentence, not a migration: {text}");
    let connection = Connection::open(&home.path).expect("a connection");
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    assert_eq!((count("SELECT COUNT(*) FROM sqlite_schema"), count("SELECT COUNT(*) FROM denials")), (1, 1));
}

#[test]
fn a_newer_store_is_left_alone() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1).expect("written");
    close(store);
    let newer = NEWEST_SCHEMA + 1;
    let connection = Connection::open(&home.path).expect("a connection");
    set_version(&connection, newer);
    drop(connection);
    let before = std::fs::read(&home.path).expect("its bytes");
    let Err(error) = Store::open(&home.path) else { panic!("opened") };
    assert!(
        matches!(error, StoreError::Newer { found, known: NEWEST_SCHEMA, .. } if found == newer),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer version of Bough"), "{error}");
    assert!(std::fs::read(&home.path).expect("its bytes") == before, "not one byte differs");
}

/// Also when the newer version crashed: what is in its log is for it to take up.
#[test]
fn a_newer_store_keeps_its_log() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1).expect("written");
    let connection = Connection::open(&home.path).expect("a connection");
    set_version(&connection, NEWEST_SCHEMA + 1);
    // As after a crash: files of a moment in which the log was not yet in the store.
    let crashed = place();
    for name in ["store.sqlite", "store.sqlite-wal"] {
        std::fs::copy(home.path.with_file_name(name), crashed.path.with_file_name(name)).expect("copied");
    }
    let without_index = |files: Vec<(String, Vec<u8>)>| {
        files.into_iter().filter(|(name, _)| !name.ends_with("-shm")).collect::<Vec<_>>()
    };
    let before = bytes_in(crashed.folder.path());
    assert!(before[1].1.len() > 4_096, "there is something in the log");
    let Err(error) = Store::open(&crashed.path) else { panic!("opened") };
    assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
    assert!(without_index(bytes_in(crashed.folder.path())) == before, "not one byte differs");
}

fn refused_as_corrupt(path: &Path) -> String {
    let before = std::fs::read(path).expect("its bytes");
    let Err(error) = Store::open(path) else { panic!("opened") };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(std::fs::read(path).expect("its bytes") == before, "not one byte differs");
    let text = error.to_string();
    assert!(text.contains("store.sqlite is damaged or not a database"), "{text}");
    text
}

#[test]
fn what_is_no_database_is_left_alone() {
    let home = place();
    for bytes in [&b"{\"not\": \"a database\"}"[..], &[0x5a; 20_000], &b"SQLite format 3\0"[..], &[0; 4_096]]
    {
        std::fs::write(&home.path, bytes).expect("written");
        refused_as_corrupt(&home.path);
        std::fs::remove_file(&home.path).expect("removed");
    }
}

#[test]
fn a_damaged_page_is_found_at_the_start() {
    let home = place();
    let store = open(&home.path);
    for number in 0..300 {
        write(&store, number).expect("written");
    }
    close(store);
    let whole = std::fs::read(&home.path).expect("its bytes");
    let pages = whole.len() / 4_096;
    let mut chance = Chance(11);
    let mut found = 0;
    for page in 1..pages {
        let mut damaged = whole.clone();
        let middle = page * 4_096..(page + 1) * 4_096;
        for byte in &mut damaged[middle] {
            *byte = u8::try_from(chance.below(256)).expect("a byte");
        }
        std::fs::write(&home.path, &damaged).expect("written");
        refused_as_corrupt(&home.path);
        found += 1;
    }
    assert!(found > 20, "{found} pages");
    // Cut short.
    std::fs::write(&home.path, &whole[..whole.len() - 3 * 4_096]).expect("written");
    refused_as_corrupt(&home.path);
    // And whole again: nothing has stuck.
    std::fs::write(&home.path, &whole).expect("written");
    open(&home.path);
    assert_eq!(numbers(&home.path).len(), 300);
}

/// The operator's own doing: another program keeps the file to itself.
#[test]
fn a_store_that_another_program_keeps_to_itself() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1).expect("written");
    close(store);
    let other = Connection::open(&home.path).expect("a connection");
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT").expect("kept");
    let Err(error) = Store::open(&home.path) else { panic!("opened") };
    assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
    assert!(error.to_string().contains("locked by another program"), "{error}");
    drop(other);
    open(&home.path);
    assert_eq!(numbers(&home.path), [1]);
}

/// All who wait for the lock are told when the first has waited long enough, and not one after the other.
#[test]
fn writes_that_wait_for_another_program_are_refused_together() {
    let home = place();
    let store = open(&home.path);
    let other = Connection::open(&home.path).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let (ended, has_ended) = channel();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (store, ended) = (&store, ended.clone());
            scope.spawn(move || ended.send(write(store, number)).expect("somebody listens"));
        }
        assert!(store.read(|reader| reader.store_version()).is_ok(), "reading goes on");
        let first = has_ended.recv().expect("an answer");
        other.execute_batch("COMMIT").expect("unlocked: whoever still waits would get through");
        for refused in has_ended.iter().take(15).chain([first]) {
            assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
        }
    });
    write(&store, 99).expect("written, without another start");
    assert_eq!(numbers(&home.path), [99], "nothing of what was refused");
}

#[test]
fn a_folder_that_may_not_be_written() {
    let home = place();
    let folder = home.folder.path();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o555)).expect("its mode");
    let output = if std::fs::metadata("/proc/self").expect("this process").uid() == 0 {
        // Modes do not bind root. The program goes where anybody can start it.
        let elsewhere = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(elsewhere.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
        let program = elsewhere.path().join("store-test");
        std::fs::copy(std::env::current_exe().expect("this program"), &program).expect("copied");
        let mut command = Command::new(&program);
        told(&mut command, "open", &home.path);
        command.uid(65_534).gid(65_534);
        run(command)
    } else {
        run(command_for("open", &home.path))
    };
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).expect("its mode");
    let text = printed(&output);
    assert!(text.contains("refused: the metadata database") && text.contains("cannot be opened"), "{text}");
    assert!(!home.path.exists());
}

// ---- full and broken disks -----------------------------------------------------------------------

/// On a file system of half a megabyte. Where none can be mounted, the writer's own unit tests have the
/// same error by a limit on the file's pages.
#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let home = place();
    let mount = "mount -t tmpfs -o size=1m none \"$(dirname \"$BOUGH_STORE_TEST_PATH\")\"";
    let root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    let own_disk = || {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount").args((!root).then_some("--map-root-user"));
        unshare
    };
    let mountable = own_disk().args(["sh", "-c", mount]).env(PATH, &home.path).output();
    if !mountable.is_ok_and(|output| output.status.success()) {
        say("no file system can be mounted here; the full disk is left to the unit tests");
        return;
    }
    let output = run_in_shell(own_disk(), mount, "fill", &home.path);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains("filled after"), "{}", printed(&output));
}

/// What the disk refuses for another reason than want of room: here, the size of a single file.
#[test]
fn a_write_that_the_disk_refuses_is_no_success() {
    let home = place();
    let shell = Command::new("env");
    // In blocks of 512 bytes, as POSIX says; the signal would end the process.
    let output = run_in_shell(shell, "ulimit -f 1000; trap '' XFSZ", "too-large", &home.path);
    let text = printed(&output);
    assert!(text.contains("Failed(\"disk I/O error\")"), "{text}");
    let there = numbers(&home.path);
    assert!(there.len() > 5, "{there:?}");
    assert_eq!(there, (0..there.len() as u64).collect::<Vec<_>>(), "the acknowledged ones, without a gap");
    let store = open(&home.path);
    write(&store, 700_000).expect("written");
}

// ---- writing -------------------------------------------------------------------------------------

#[test]
fn sixty_four_writers_at_once() {
    let home = place();
    let store = open(&home.path);
    let start = Barrier::new(64);
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (store, start, path) = (&store, &start, &home.path);
            scope.spawn(move || {
                start.wait();
                write(store, number).expect("written");
                assert!(
                    numbers(path).contains(&number),
                    "{number} is there for everybody once it is answered"
                );
            });
        }
    });
    assert_eq!(numbers(&home.path), (0..64).collect::<Vec<_>>());
}

#[test]
fn a_statement_that_fails_rolls_back_its_own_write_only() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1).expect("written");
    let twice = store.write(|tx| {
        put(tx, 2)?;
        let user = UserId::parse(&id_text(1)).expect("an id");
        let insert = || users::insert(tx, &anywhere(), &user, "a@example.com", "Ada", "x", now());
        insert()?;
        insert()
    });
    assert!(matches!(twice, Err(StoreError::Failed(_))), "{twice:?}");
    assert_eq!(numbers(&home.path), [1]);
}

#[test]
fn every_acknowledged_write_survives_kill_9() {
    let home = place();
    open(&home.path);
    let mut chance = Chance(3);
    let mut acknowledged: Vec<u64> = Vec::new();
    for _ in 0..8 {
        let mut child = start("write", &home.path);
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let wanted = 1 + chance.below(150);
        let mut seen = 0;
        let mut line = String::new();
        while seen < wanted {
            line.clear();
            assert!(out.read_line(&mut line).expect("a line") > 0, "it ended by itself");
            let number: Option<u64> = line.trim().strip_prefix("ack ").and_then(|number| number.parse().ok());
            seen += usize::from(number.is_some());
            acknowledged.extend(number);
        }
        child.kill().expect("killed");
        assert_eq!(child.wait().expect("its end").signal(), Some(9));
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("the rest");
        // The very last line may be cut short by the kill.
        let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
        acknowledged.extend(whole.lines().filter_map(|line| line.strip_prefix("ack ")?.parse::<u64>().ok()));
        let there = numbers(&home.path);
        let lost: Vec<_> =
            acknowledged.iter().filter(|number| there.binary_search(number).is_err()).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        let checked = open(&home.path);
        drop(checked);
    }
    assert!(acknowledged.len() > 200, "{}", acknowledged.len());
}

// ---- telling caches ------------------------------------------------------------------------------

/// Changes what caches hold: the membership of the first user in the first organization.
fn set_role(store: &Store, role: Role) -> Result<(), StoreError> {
    store.write(move |tx| {
        let membership = MembershipId::parse(&id_text(1)).expect("an id");
        let user = UserId::parse(&id_text(1)).expect("an id");
        users::set_member(tx, &at(&organization_id(1)), &membership, &user, role, now()).map(drop)
    })
}

#[test]
fn what_caches_compare_grows_for_everybody_at_once() {
    let home = place();
    let (here, elsewhere) = (open(&home.path), open(&home.path));
    let user = UserId::parse(&id_text(1)).expect("an id");
    let made = user.clone();
    let written = here.write(move |tx| {
        put(tx, 1)?;
        users::insert(tx, &anywhere(), &made, "a@example.com", "Ada", "x", now())
    });
    written.expect("an organization and somebody");
    let versions = || {
        let version = |store: &Store| store.read(|reader| reader.store_version()).expect("a number");
        (version(&here), version(&elsewhere))
    };
    let before = versions();
    assert_eq!(before.0, before.1);
    write(&here, 2).expect("written");
    assert_eq!(versions(), before, "what no cache holds does not matter");
    set_role(&here, Role::Admin).expect("a membership");
    assert_eq!(versions(), (before.0 + 1, before.0 + 1));
    set_role(&elsewhere, Role::Member).expect("a membership");
    assert_eq!(versions(), (before.0 + 2, before.0 + 2));
    let output = run(command_for("change", &home.path));
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(versions(), (before.0 + 3, before.0 + 3), "another process, such as `bough admin`");
    // A change that was not kept is none.
    let user = user.clone();
    let undone: Result<(), StoreError> = here.write(move |tx| {
        users::remove_member(tx, &at(&organization_id(1)), &user)?;
        Err(StoreError::Changed)
    });
    assert!(undone.is_err());
    assert_eq!(versions(), (before.0 + 3, before.0 + 3));
}

#[test]
fn several_reads_see_one_and_the_same_moment() {
    let home = place();
    let store = open(&home.path);
    write(&store, 1).expect("written");
    let count = |reader: &bough_store::Reader| bough_store::admin::count_organizations(reader, &anywhere());
    let (before, after) = store
        .read(|reader| {
            reader.consistently(|reader| {
                let before = count(reader)?;
                write(&store, 2)?;
                Ok::<_, StoreError>((before, count(reader)?))
            })
        })
        .expect("two counts");
    assert_eq!((before, after), (1, 1));
    assert_eq!(store.read(count).expect("a count"), 2);
}
