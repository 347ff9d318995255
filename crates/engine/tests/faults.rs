//! What machines do to branches: programs that are missing, sockets that others listen on, a start of the
//! machine in between, disks that fail. Each time the branch is as it should be again, or says what is wrong.
#![allow(clippy::print_stderr, reason = "what was skipped, and why")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bough_engine::{EngineError, Place, Step, wait_until};
use bough_model::Desired;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Rig, StopAtEnd, converge, edit_record, open_engine, open_engine_with, root_spec, servers_in};

fn one_row(engine: &bough_engine::ManagedEngine, spec: &bough_engine::BranchSpec) {
    let mut conn = engine.connect(&spec.id).expect("a session");
    conn.execute("CREATE TABLE `shop_1`.kept (id INT PRIMARY KEY)").expect("a table");
    conn.execute("INSERT INTO `shop_1`.kept VALUES (7)").expect("a row");
}

fn has_its_row(engine: &bough_engine::ManagedEngine, spec: &bough_engine::BranchSpec) {
    let mut conn = engine.connect(&spec.id).expect("a session");
    let row = conn.query_one("SELECT id FROM `shop_1`.kept").expect("the row");
    assert_eq!(row.u64("id").expect("a number"), 7);
}

#[test]
fn a_program_that_goes_missing_is_named_and_comes_back() {
    let rig = Rig::new();
    let folder = rig.folder.join("programs");
    std::fs::create_dir(&folder).expect("a folder");
    let real = bough_engine::Binaries::find(None).expect("the programs");
    for program in [&real.mariadbd, &real.install_db] {
        std::os::unix::fs::symlink(program, folder.join(program.file_name().expect("a name")))
            .expect("a link");
    }
    let engine = StopAtEnd(open_engine_with(&rig.folder.join("engine"), Some(&folder)));
    let engine = &engine.0;
    let spec = root_spec("programaaaaa");
    converge(engine, &spec, Desired::Running);
    one_row(engine, &spec);
    engine.execute(&spec, Step::StopServer).expect("stopped");
    std::fs::remove_file(folder.join("mariadbd")).expect("removed");
    let error = engine.execute(&spec, Step::StartServer).expect_err("no program");
    let told = error.to_string();
    assert!(told.contains("mariadbd") && told.contains("apt-get install mariadb-server-core"), "{told}");
    std::os::unix::fs::symlink(&real.mariadbd, folder.join("mariadbd")).expect("a link");
    converge(engine, &spec, Desired::Running);
    has_its_row(engine, &spec);
}

#[test]
fn a_socket_that_somebody_listens_on_is_taken_back() {
    let rig = Rig::new();
    let spec = root_spec("socketaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    one_row(&rig.engine, &spec);
    rig.engine.execute(&spec, Step::StopServer).expect("stopped");
    let socket = rig.engine.address(&spec.id).path;
    let stranger = UnixListener::bind(&socket).expect("a socket in its place");
    converge(&rig.engine, &spec, Desired::Running);
    has_its_row(&rig.engine, &spec);
    stranger.set_nonblocking(true).expect("set");
    assert!(stranger.accept().is_err(), "nobody ever spoke to the stranger");

    // One that puts itself there while the server runs is not spoken to either.
    std::fs::remove_file(&socket).expect("removed");
    let stranger = UnixListener::bind(&socket).expect("a socket in its place");
    let again = open_engine(&rig.folder.join("engine"));
    let seen = again.observe(&spec.id).expect("observed");
    assert!(matches!(seen.server, bough_engine::ServerState::Stranger { .. }), "{seen:?}");
    assert_eq!(servers_in(&rig.folder, &spec.id).len(), 1, "its own server goes on");
    drop(stranger);
}

#[test]
fn after_a_start_of_the_machine_everything_is_found_as_it_was() {
    let rig = Rig::new();
    let spec = root_spec("rebootaaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    one_row(&rig.engine, &spec);
    rig.engine.execute(&spec, Step::StopServer).expect("stopped");
    // The records are of another run of the machine; the number of the server belongs to somebody else now.
    let other = || serde_json::json!("00000000-0000-0000-0000-000000000000");
    edit_record(&rig.folder, &spec.id, "stage.json", |stage| stage["copied_in_boot"] = other());
    let record = rig.folder.join("engine/branches").join(spec.id.as_str()).join("server.json");
    let me = serde_json::json!({
        "pid": std::process::id(), "start_ticks": 1, "boot_id": other(), "exe": "/usr/sbin/mariadbd", "server_id": 1
    });
    std::fs::write(&record, me.to_string()).expect("written");
    let next = Rig::again(&rig.folder);
    converge(&next.engine, &spec, Desired::Running);
    has_its_row(&next.engine, &spec);

    // A copy that had not reached the disk is not trusted: it is made anew. Nothing was in it.
    let fresh = root_spec("unsyncedaaaa");
    next.engine.execute(&fresh, Step::CopyTemplate).expect("copied");
    edit_record(&rig.folder, &fresh.id, "stage.json", |stage| stage["copied_in_boot"] = other());
    assert_eq!(next.engine.observe(&fresh.id).expect("observed").place, Place::Staged);
    converge(&next.engine, &fresh, Desired::Running);
}

/// A small filesystem of its own in a file; unmounted at the end.
struct Disk {
    image: std::path::PathBuf,
    mounted: std::path::PathBuf,
}

impl Disk {
    /// `None` where nothing can be mounted, which is said.
    fn mount(folder: &Path, megabytes: u64) -> Option<Self> {
        let (image, mounted) = (folder.join("disk"), folder.join("mounted"));
        std::fs::create_dir(&mounted).expect("a folder");
        std::fs::File::create(&image).and_then(|file| file.set_len(megabytes << 20)).expect("an image");
        let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        if !done(Command::new("mkfs.ext4").arg("-q").arg(&image))
            || !done(Command::new("mount").args(["-o", "loop,errors=continue"]).arg(&image).arg(&mounted))
        {
            eprintln!("skipped: a filesystem in a file can only be mounted by root, with loop devices");
            return None;
        }
        std::fs::set_permissions(&mounted, std::fs::Permissions::from_mode(0o711)).expect("permissions");
        Some(Self { image, mounted })
    }

    fn forget_what_was_read(&self) {
        let _ = Command::new("sync").arg("-f").arg(&self.mounted).status();
        std::fs::write("/proc/sys/vm/drop_caches", "3").expect("dropped");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.mounted).status();
    }
}

/// The end of the disk cannot be read any more, and later it can.
#[test]
fn a_disk_that_fails_is_said_and_nothing_is_lost() {
    const DISK_MEGABYTES: u64 = 400;
    let rig = Rig::new();
    let Some(disk) = Disk::mount(&rig.folder, DISK_MEGABYTES) else { return };
    let engine = StopAtEnd(open_engine(&disk.mounted.join("engine")));
    let engine = &engine.0;
    let spec = root_spec("diskaaaaaaaa");
    converge(engine, &spec, Desired::Running);
    one_row(engine, &spec);
    engine.execute(&spec, Step::StopServer).expect("stopped");
    disk.forget_what_was_read();
    let whole = std::fs::read(&disk.image).expect("the image");
    let file = std::fs::File::options().write(true).open(&disk.image).expect("the image");
    // What is left are the tables of the filesystem itself, and the first of what was written.
    file.set_len(DISK_MEGABYTES << 20 >> 3).expect("cut");
    disk.forget_what_was_read();
    let error =
        (0..2).find_map(|_| engine.execute(&spec, Step::StartServer).err()).expect("it cannot be read");
    let told = error.to_string();
    assert!(
        matches!(error, EngineError::Io { .. } | EngineError::Died { .. }) && told.len() > 40,
        "what is wrong, in somebody's words: {told}"
    );
    assert!(servers_in(&disk.mounted, &spec.id).is_empty());
    std::fs::write(&disk.image, &whole).expect("repaired");
    disk.forget_what_was_read();
    converge(engine, &spec, Desired::Running);
    has_its_row(engine, &spec);
    engine.execute(&spec, Step::StopServer).expect("stopped");
}

/// Says of the newest binary log that it was closed as it should be.
fn call_its_log_closed(data: &Path) {
    let logs = std::fs::read_dir(data).expect("the data directory").flatten().map(|entry| entry.path());
    let newest = logs
        .filter(|path| path.file_stem().is_some_and(|stem| stem == "binlog"))
        .filter(|path| path.extension().is_some_and(|end| end.to_string_lossy().starts_with('0')))
        .max()
        .expect("a binary log");
    let mut bytes = std::fs::read(&newest).expect("read");
    // Behind the mark of the file, in the head of its first event: its flags.
    bytes[4 + 17] &= !1;
    std::fs::write(&newest, bytes).expect("written");
}

/// A server that is killed while it stops, its binary log closed and its last commits not on the disk yet, says of itself
/// that somebody must come. What was acknowledged is there all the same, and nobody needs to come.
#[test]
fn a_server_that_was_killed_while_it_stopped_starts_with_all_that_was_acknowledged() {
    const TRIES: u32 = 20;
    let rig = Rig::new();
    let spec = root_spec("closingaaaaa");
    converge(&rig.engine, &spec, Desired::Running);
    let folder = rig.folder.join("engine/branches").join(spec.id.as_str());
    let mut conn = rig.engine.connect(&spec.id).expect("a session");
    conn.execute("CREATE TABLE `shop_1`.kept (id INT PRIMARY KEY)").expect("a table");
    for number in 1..=TRIES {
        conn.execute(format!("INSERT INTO `shop_1`.kept VALUES ({number})")).expect("acknowledged");
        for pid in servers_in(&rig.folder, &spec.id) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
        }
        let gone = || servers_in(&rig.folder, &spec.id).is_empty().then_some(());
        wait_until(Duration::from_secs(10), Duration::from_millis(2), gone).expect("it is gone");
        call_its_log_closed(&folder.join("data"));
        converge(&rig.engine, &spec, Desired::Running);
        conn = rig.engine.connect(&spec.id).expect("a session");
        let row = conn.query_one("SELECT COUNT(*) AS n FROM `shop_1`.kept").expect("a count");
        assert_eq!(row.u64("n").expect("a number"), u64::from(number));
        // Whether the commit was on the disk is chance.
        let said = std::fs::read_to_string(folder.join("error.log")).expect("its log");
        if said.contains("prepared transactions!") {
            return;
        }
    }
    panic!("{TRIES} servers had their last commit on the disk");
}
