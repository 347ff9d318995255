//! Records, folders and servers that do not fit each other; servers that do not do what they should.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bough_testkit::{Bough, Options, wait_until};
use serde_json::json;

use crate::told::{
    BOUGH, doctor, doctor_at, fold, is_root, options, paste, pid_of, place_of, set_up, wait_restarted,
    with_shop,
};

const LIMIT: Duration = Duration::from_secs(60);

fn is_over(pid: u32) -> bool {
    !PathBuf::from(format!("/proc/{pid}/exe")).exists() || fs::read_link(format!("/proc/{pid}/exe")).is_err()
}

#[test]
fn what_no_record_knows() {
    let mut bough = Bough::start_with(BOUGH, options());
    bough.stop();
    fold(&bough);
    // A backup of the metadata from before there was a database.
    let names = ["store.sqlite", "audit-heads"];
    let backup: Vec<Vec<u8>> =
        names.iter().map(|name| fs::read(bough.data_dir().join(name)).expect("its bytes")).collect();
    bough.serve();
    bough.database("shop");
    let (id, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    bough.stop();
    fold(&bough);
    for (name, bytes) in names.iter().zip(backup) {
        fs::write(bough.data_dir().join(name), bytes).expect("restored");
    }
    for serves in [false, true] {
        if serves {
            bough.serve();
        }
        let told = doctor(&bough);
        assert_eq!(told.code, 1, "{told:#?}");
        assert_eq!(told.faults(), ["warning branch-folders", "warning branch-servers"]);
        let words = format!("{} is a branch's folder that no record knows", folder.display());
        let mend = told.find("warning", "branch-folders", &words);
        assert!(mend.ends_with(&format!("rm -r {}", folder.display())), "{mend}");
        let words = format!("process {pid} is the server of branch {id}, which no record knows");
        let mend = told.find("warning", "branch-servers", &words);
        assert!(mend.contains(&format!("kill {pid} ")), "{mend}");
    }
    // What the mends say, in turn.
    paste(&format!("kill {pid}"));
    wait_until(LIMIT, "its end", || is_over(pid).then_some(()));
    doctor(&bough).only("warning", "branch-folders", "no record knows");
    paste(&format!("rm -r {}", folder.display()));
    doctor(&bough).assert_sound("mended");
}

#[test]
fn a_record_whose_folder_is_missing() {
    let mut bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    bough.stop();
    assert!(bough.run(&["stop-branches"]).status.success());
    let away = bough.data_dir().parent().expect("a folder").join("away");
    fs::rename(&folder, &away).expect("moved away");
    for serves in [false, true] {
        if serves {
            bough.serve();
        }
        let told = doctor(&bough);
        let words = format!("branch acme/shop/main ({}) has a record, and its folder", name(&folder));
        let mend = told.only("failure", "branch-records", &words);
        assert!(mend.contains("put the folder back"), "{mend}");
        assert_eq!(told.code, 2);
    }
    fs::rename(&away, &folder).expect("moved back");
    wait_restarted(&bough, &folder, pid);
    bough.wait_branch("shop", "main");
    doctor(&bough).assert_sound("mended");
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn servers_whose_folder_is_gone_or_moved() {
    let mut bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    let away = bough.data_dir().parent().expect("a folder").join("away");
    for serves in [true, false] {
        if !serves {
            bough.stop();
        }
        fs::rename(&folder, &away).expect("moved away");
        let told = doctor(&bough);
        let words = format!("(process {pid}) works in {}, and not in its place", away.join("data").display());
        let mend = told.find("failure", "branch-servers", &words);
        paste(mend.split_once(": ").expect("a command").1);
        if serves {
            bough.wait_branch("shop", "main");
        }
        doctor(&bough).assert_sound("moved back while it ran");
        assert_eq!(pid_of(&folder), pid);
    }
    fs::remove_dir_all(&folder).expect("removed under it");
    let told = doctor(&bough);
    let words = format!("its server (process {pid}) runs, and its folder {} is gone", folder.display());
    let mend = told.only("failure", "branch-servers", &words);
    assert!(mend.contains(&format!("/proc/{pid}/fd")), "{mend}");
    fs::create_dir(&folder).expect("an empty one does not help");
    fs::create_dir(folder.join("data")).expect("nor one with a folder in it");
    doctor(&bough).find("failure", "branch-servers", &words);
    paste(&format!("kill -9 {pid}; rm -r {}", folder.display()));
}

#[test]
fn branches_that_a_serving_bough_cannot_bring_up() {
    let bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    let log = folder.join("error.log");
    fs::remove_file(&log).expect("removed");
    fs::create_dir(&log).expect("a folder in place of its log");
    let pid = pid_of(&folder);
    paste(&format!("kill -9 {pid}"));
    let told = wait_until(LIMIT, "it was tried", || {
        let told = doctor(&bough);
        told.raw.contains("is not ready, after").then_some(told)
    });
    told.find("failure", "branch-records", "branch acme/shop/main");
    told.find("failure", "branch-records", "error.log: Is a directory");
    fs::remove_dir(&log).expect("removed");
    wait_restarted(&bough, &folder, pid);
    bough.wait_branch("shop", "main");
    doctor(&bough).assert_sound("mended");

    let stage = folder.join("stage.json");
    let before = fs::read(&stage).expect("its bytes");
    fs::remove_file(&stage).expect("removed");
    let told = doctor(&bough);
    let mend = told.only("failure", "branch-folders", "stage.json is missing or cannot be read");
    assert!(mend.contains("put stage.json back"), "{mend}");
    fs::write(&stage, before).expect("put back");
    if is_root() {
        paste(&format!("chown --reference={0} {0}/stage.json; chmod 600 {0}/stage.json", folder.display()));
    }
    doctor(&bough).assert_sound("mended");
}

#[test]
fn servers_that_do_not_answer() {
    let bough = with_shop();
    bough.database("other");
    let (_, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    paste(&format!("kill -STOP {pid}"));
    let mend =
        doctor(&bough).only("failure", "branch-servers", &format!("(process {pid}) is stopped by a signal"));
    assert_eq!(mend, format!("kill -CONT {pid}"));
    paste(&mend);
    doctor(&bough).assert_sound("mended");

    let (socket, real) = (folder.join("mysql.sock"), folder.join("real.sock"));
    fs::rename(&socket, &real).expect("moved away");
    let words = format!("(process {pid}) runs and does not answer");
    let mend = doctor(&bough).only("warning", "branch-servers", &words);
    assert!(mend.contains(&format!("kill {pid}, and Bough starts it again")), "{mend}");
    let admin = bough.admin();
    let path = admin.org("/databases/other/branches/main");
    let other = admin.get(&path).expect(200).str("/id").to_owned();
    symlink(folder.with_file_name(other).join("mysql.sock"), &socket).expect("another one's");
    doctor(&bough).only("failure", "branch-servers", "the server that answers calls itself");
    fs::rename(&real, &socket).expect("put back");
    doctor(&bough).assert_sound("mended");
}

#[test]
fn one_that_runs_as_somebody_else() {
    if !is_root() {
        return crate::skipped("only root can start programs as other accounts");
    }
    let mut bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    bough.stop();
    assert!(bough.run(&["stop-branches"]).status.success());
    // As somebody does who knows no better.
    let line = format!(
        "cd {0}/data && exec /usr/sbin/mariadbd --no-defaults --user=root --datadir={0}/data --socket={0}/s.sock \
         --skip-networking --innodb-data-file-path=ibdata1:4M:autoextend --innodb-undo-tablespaces=0 2>{0}/x.log",
        folder.display()
    );
    let mut server = std::process::Command::new("sh").args(["-c", &line]).spawn().expect("started");
    let pid = server.id();
    let told = wait_until(LIMIT, "it works there", || {
        let told = doctor(&bough);
        told.raw.contains("runs a database server in its folder as root").then_some(told)
    });
    let mend = told.find(
        "failure",
        "branch-servers",
        &format!("process {pid} runs a database server in its folder"),
    );
    assert!(mend.ends_with(&format!("kill {pid}")), "{mend}");
    server.kill().expect("ended");
    server.wait().expect("its end");
    // It leaves files of root's behind.
    let told = doctor(&bough);
    if !told.faults().is_empty() {
        let mend = told.only("failure", "branch-folders", "do not belong to");
        paste(&mend);
    }
    doctor(&bough).assert_sound("mended");
}

#[test]
fn a_server_from_before_an_upgrade() {
    let folder = tempfile::Builder::new().prefix("b-").tempdir_in("/tmp").expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let programs = folder.path();
    let program = programs.join("mariadbd");
    let install = || {
        let half = programs.join("half");
        fs::copy("/usr/sbin/mariadbd", &half).expect("a copy");
        fs::rename(&half, &program).expect("in its place, as a package does it");
    };
    install();
    let script = "#!/bin/sh\nexec /usr/bin/mariadb-install-db \"$@\"\n";
    fs::write(programs.join("mariadb-install-db"), script).expect("a script");
    fs::set_permissions(programs.join("mariadb-install-db"), fs::Permissions::from_mode(0o755))
        .expect("its mode");
    symlink("/usr/bin/mariadb", programs.join("mariadb")).expect("a link");
    let mut env = options().env;
    env.push(("BOUGH_ENGINE_BINARIES".to_owned(), programs.to_str().expect("text").to_owned()));
    let bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    bough.database("shop");
    let (_, place) = place_of(&bough, "main");
    let pid = pid_of(&place);
    doctor(&bough).assert_sound("the installed one");

    install();
    let told = doctor(&bough);
    told.assert_sound("a note is no fault");
    let mend = told.find("note", "server-versions", "runs a program that was replaced since it started");
    assert!(mend.contains(&format!("kill {pid} ")), "{mend}");

    let version = |say: &str| {
        let _ = fs::remove_file(&program);
        fs::write(&program, format!("#!/bin/sh\necho 'mariadbd  Ver {say} for debian-linux-gnu'\n"))
            .expect("a script");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        doctor(&bough)
    };
    let told = version("99.1.2-MariaDB");
    let mend = told.find("note", "server-versions", "branch acme/shop/main");
    assert!(mend.contains(&format!("kill {pid} ")), "{mend}");
    told.find("note", "server-versions", "runs mariadb-");
    told.find("note", "server-versions", "; installed is mariadb-99.1.2");
    let told = version("10.11.0-MariaDB");
    told.only("warning", "server-versions", "newer than the installed mariadb-10.11.0");

    fs::remove_file(&program).expect("removed");
    install();
    paste(&format!("kill {pid}"));
    wait_restarted(&bough, &place, pid);
    doctor(&bough).assert_sound("mended");
}

#[test]
fn names_that_would_move_the_cursor() {
    let bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    let branches = folder.parent().expect("a folder");
    let evil = branches.join("x\u{1b}[2J\r\u{202e}y'; $(reboot)");
    fs::create_dir(&evil).expect("a folder");
    fs::create_dir(branches.join("half.new")).expect("another");
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        let output = bough.run(args);
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("[2J"), "{text}");
        let hidden = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(hidden, None, "{text}");
    }
    let told = doctor(&bough);
    assert_eq!(told.faults(), ["warning branch-folders"; 2]);
    told.find("warning", "branch-folders", "x\\u{1b}[2J\\u{d}\\u{202e}y'; $(reboot) is not Bough's");
}

#[test]
fn half_made_ones_and_many_of_a_kind() {
    let bough = set_up();
    let branches = bough.data_dir().join("engine/branches");
    fs::create_dir_all(&branches).expect("folders");
    if is_root() {
        paste(&format!(
            "chown -R bough: {0} 2>/dev/null || chown -R nobody: {0}",
            branches.parent().expect("it").display()
        ));
    }
    paste(&format!("chmod 700 {0} {0}/..", branches.display()));
    fs::create_dir(branches.join("aaaaaaaaaaaa.new")).expect("a folder");
    let told = doctor(&bough);
    told.find("note", "branch-folders", "aaaaaaaaaaaa.new is half-made; the next start removes it");
    for number in 0..16 {
        File::create(branches.join(format!("odd-{number}"))).expect("a file");
    }
    let told = doctor(&bough);
    assert_eq!(told.faults().iter().filter(|fault| *fault == "warning branch-folders").count(), 16);
    let text = String::from_utf8(bough.run(&["doctor"]).stdout).expect("text");
    assert_eq!(text.matches("is not Bough's").count(), 12, "{text}");
    assert!(text.contains("and 5 more of branch-folders; all of them: --json"), "{text}");
}

#[test]
fn branches_that_wait_for_somebody_to_serve() {
    let mut bough = with_shop();
    bough.stop();
    let made = bough.run(&["admin", "token", "list", "--organization", "acme", "--json"]);
    assert!(made.status.success());
    // A store that nobody serves may be written meanwhile, as by `bough admin`.
    doctor_at(&bough.data_dir(), &[], &[]).assert_sound("after a command");
    bough.serve();
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough.kill();
    let told = doctor(&bough);
    told.assert_sound("killed while it made a branch");
    told.find("note", "serving", "nobody serves");
    bough.serve();
    bough.wait_branch("shop", "dev");
    doctor(&bough).assert_sound("serving again");
}
