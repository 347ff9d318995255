//! The data directory: whose, how open, links, folders above it, its key.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::told::{BOUGH, doctor, doctor_at, is_root, paste, place_of, set_up, with_shop};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

#[test]
fn modes_that_are_too_open_or_too_shut() {
    let mut bough = with_shop();
    bough.stop();
    let dir = bough.data_dir();
    let main = bough.branch_folders().remove(0);
    let branch = format!("engine/branches/{main}");
    let data = format!("{branch}/data");
    let cases: &[(&str, u32, &str, &str, &str)] = &[
        ("", 0o777, "failure", "mode", "put files of their own"),
        ("", 0o775, "failure", "mode", "put files of their own"),
        ("store.sqlite", 0o640, "failure", "mode", "others can read or change it"),
        ("audit-heads", 0o644, "failure", "mode", "others can read or change it"),
        ("secrets/master-key", 0o604, "failure", "mode", "others can read or change it"),
        ("secrets", 0o755, "warning", "mode", "others can look into it"),
        ("run", 0o777, "failure", "mode", "put files of their own"),
        ("run/lock", 0o666, "failure", "mode", "others can read or change it"),
        ("identity", 0o666, "warning", "mode", "others can change it"),
        ("engine", 0o755, "warning", "mode", "others can look into it"),
        ("engine/branches", 0o711, "warning", "mode", "others can look into it"),
        ("engine/trash", 0o300, "failure", "mode", "the branch servers are kept out"),
        (&branch, 0o750, "warning", "branch-folders", "others can look into it"),
        (&data, 0o500, "failure", "branch-folders", "the branch servers are kept out"),
    ];
    for (name, mode, level, check, words) in cases {
        let path = if name.is_empty() { dir.clone() } else { dir.join(name) };
        set_mode(&path, *mode);
        let told = doctor(&bough);
        let what = format!("{} has mode {mode:04o}: ", path.display());
        let mend = told.only(level, check, &what);
        told.find(level, check, words);
        assert!(mend.starts_with("chmod ") && mend.ends_with(path.to_str().expect("text")), "{mend}");
        paste(&mend);
        doctor(&bough).assert_sound(&format!("{name} is mended"));
    }
    set_mode(&dir, 0o755);
    let told = doctor(&bough);
    told.assert_sound("names can be seen");
    let mend = told.find("note", "mode", "others can see the names of what is in it");
    assert_eq!(mend, format!("chmod 0711 {}", dir.display()));
    fs::write(dir.join("bough.toml"), "").expect("settings");
    set_mode(&dir.join("bough.toml"), 0o666);
    doctor(&bough).only("failure", "mode", "others can decide which programs Bough runs");
}

#[test]
fn owners() {
    if !is_root() {
        return crate::skipped("only root can give files away");
    }
    let mut bough = with_shop();
    let (main, _) = place_of(&bough, "main");
    bough.stop();
    let dir = bough.data_dir();
    let branch = format!("engine/branches/{main}");
    for (name, check, words) in [
        ("run/lock", "owner", "belongs to daemon, and root runs Bough"),
        ("store.sqlite", "owner", "belongs to daemon, and root runs Bough"),
        ("secrets", "owner", "belongs to daemon, and root runs Bough"),
        ("engine/branches", "owner", "belongs to daemon, and"),
        (&*branch, "branch-folders", "belongs to daemon, and"),
        (&*format!("{branch}/data/ibdata1"), "branch-folders", "1 files do not belong to"),
    ] {
        let path = dir.join(name);
        std::os::unix::fs::lchown(&path, Some(1), Some(1)).expect("given away");
        let told = doctor(&bough);
        let mend = told.find("failure", check, words);
        assert!(mend.starts_with("chown "), "{mend}");
        // SQLite would give the store's log away, too, so that is not looked at.
        let others = if name == "store.sqlite" { vec!["failure owner", "failure store"] } else { vec![] };
        assert!(told.faults() == others || told.faults().len() == 1, "{told:?}");
        paste(&mend);
        doctor(&bough).assert_sound(&format!("{name} is mended"));
    }
    // As after a copy that lost its owners.
    paste(&format!("chown -R root:root {}", dir.display()));
    let told = doctor(&bough);
    let engine = dir.join("engine");
    let mend = told.find("failure", "owner", &format!("{} belongs to root, and", engine.display()));
    paste(&mend);
    doctor(&bough).assert_sound("the engine's account has its files again");
}

#[test]
fn as_another_account() {
    if !is_root() {
        return crate::skipped("only root can run things as other accounts");
    }
    let bough = set_up();
    let above = bough.data_dir().parent().expect("a folder").to_owned();
    let program = above.join("bough");
    fs::copy(BOUGH, &program).expect("a copy that everybody can reach");
    set_mode(&program, 0o755);
    let as_daemon = |args: &[&str], dir: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=daemon", "--regid=daemon", "--clear-groups"]).arg(&program).args(args);
        command
            .arg("--data-dir")
            .arg(dir)
            .env("BOUGH_SERVER_HTTP", "127.0.0.1:0")
            .env("BOUGH_SERVER_MYSQL", "127.0.0.1:0");
        command.output().expect("it runs")
    };
    // Root's directory, seen by another: little can be seen, and that is said once.
    let told = crate::told::Told::of(&as_daemon(&["doctor", "--json"], &bough.data_dir()));
    let mend = told.only("failure", "account", "belongs to root, and daemon asks: most of it cannot be seen");
    assert!(mend.contains("run this as root"), "{mend}");

    // Another's directory: in order for itself, and for root.
    let dir = above.join("daemons");
    fs::create_dir(&dir).expect("a folder");
    std::os::unix::fs::chown(&dir, Some(1), Some(1)).expect("given away");
    let made = as_daemon(&["setup", "--organization", "acme", "--email", "a@example.com", "--json"], &dir);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let told = crate::told::Told::of(&as_daemon(&["doctor", "--json"], &dir));
    told.assert_sound("its own");
    told.find("ok", "account", "Bough and its branch servers run as daemon");
    let told = doctor_at(&dir, &[], &[]);
    told.assert_sound("seen by root");
    told.find("ok", "account", "Bough and its branch servers run as daemon");

    // What root leaves behind keeps the other one out.
    fs::write(dir.join("run/lock"), "").expect("a file of root's");
    set_mode(&dir.join("run/lock"), 0o600);
    let mend =
        doctor_at(&dir, &[], &[]).only("failure", "owner", "lock belongs to root, and daemon runs Bough");
    paste(&mend);
    crate::told::Told::of(&as_daemon(&["doctor", "--json"], &dir)).assert_sound("mended");
}

#[test]
fn links_where_folders_belong() {
    let mut bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    bough.stop();
    assert!(bough.run(&["stop-branches"]).status.success());
    let dir = bough.data_dir();
    let away = dir.parent().expect("a folder").join("away");
    for (path, level, check) in [
        (dir.join("secrets"), "warning", "link"),
        (dir.join("run"), "warning", "link"),
        (dir.join("engine/branches"), "failure", "link"),
        (dir.join("engine/templates"), "failure", "link"),
        (folder.clone(), "failure", "branch-folders"),
        (folder.join("data"), "failure", "branch-folders"),
    ] {
        fs::rename(&path, &away).expect("moved away");
        symlink(&away, &path).expect("a link");
        let told = doctor(&bough);
        let words = format!("{} is a link to {}", path.display(), away.display());
        let mend = told.find(level, check, &words);
        assert_eq!(told.code, if level == "failure" { 2 } else { 1 }, "{told:#?}");
        if level == "failure" {
            paste(&mend);
        } else {
            fs::remove_file(&path).expect("the link");
            fs::rename(&away, &path).expect("moved back");
        }
        doctor(&bough).assert_sound(&format!("{} is mended", path.display()));
    }
    fs::rename(folder.join("data"), &away).expect("moved away");
    fs::write(folder.join("data"), "").expect("a file");
    doctor(&bough).find("failure", "branch-folders", "data is no folder");
    fs::remove_file(folder.join("data")).expect("removed");
    doctor(&bough).find("failure", "branch-folders", "data is missing");
    fs::rename(&away, folder.join("data")).expect("moved back");
    fs::remove_dir(folder.join("tmp")).expect("removed");
    let mend = doctor(&bough).only("failure", "branch-folders", "tmp is missing");
    paste(&mend);
    symlink("/etc/passwd", folder.join("data/odd")).expect("a link");
    #[allow(unused_must_use, reason = "an ordinary account owns it already")]
    {
        std::os::unix::fs::lchown(folder.join("data/odd"), Some(owner(&folder)), None);
    }
    doctor(&bough).only("warning", "branch-folders", "1 things are neither files nor folders");
    // The data directory itself may be one: the engine resolves it.
    let link = dir.parent().expect("a folder").join("link");
    fs::remove_file(folder.join("data/odd")).expect("removed");
    symlink(&dir, &link).expect("a link");
    doctor_at(&link, &[], &[]).assert_sound("through a link");
}

fn owner(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).expect("its metadata"))
}

#[test]
fn a_folder_above_that_cannot_be_passed() {
    if !is_root() {
        return crate::skipped("an ordinary account runs its own servers, in its own folders");
    }
    let bough = set_up();
    let above = bough.data_dir().parent().expect("a folder").to_owned();
    set_mode(&above, 0o700);
    let words = format!("cannot pass {}, so it cannot reach", above.display());
    let mend = doctor(&bough).only("failure", "reach", &words);
    assert_eq!(mend, format!("chmod o+x {}", above.display()));
    paste(&mend);
    doctor(&bough).assert_sound("mended");
    set_mode(&bough.data_dir(), 0o700);
    let mend =
        doctor(&bough).only("failure", "reach", &format!("cannot pass {}", bough.data_dir().display()));
    paste(&mend);
    set_mode(&above, 0o700);
    let told = doctor_at(&above.join("not-yet"), &[], &[]);
    told.only("failure", "reach", &format!("cannot pass {}", above.display()));
    set_mode(&above, 0o711);
}

#[test]
fn what_is_no_data_directory() {
    let bough = set_up();
    let above = bough.data_dir().parent().expect("a folder").to_owned();
    doctor_at(&above, &[], &[]).only("failure", "data-dir", "is no data directory: it holds");
    doctor_at(Path::new(BOUGH), &[], &[]).find("failure", "data-dir", "is not a folder");
    let spaced = above.join("with space");
    doctor_at(&spaced, &[], &[]).only("failure", "data-dir", "may hold neither spaces");

    let identity = bough.data_dir().join("identity");
    let before = fs::read(&identity).expect("its bytes");
    fs::write(&identity, "bough data directory 7\n").expect("written");
    doctor(&bough).only("failure", "data-dir", "was made by another version of Bough");
    fs::remove_file(&identity).expect("removed");
    let mend = doctor(&bough).only("failure", "data-dir", "identity is missing, although there is a store");
    paste(&mend);
    assert_eq!(fs::read(&identity).expect("its bytes"), before);
}

#[test]
fn the_master_key() {
    let bough = set_up();
    let key = bough.data_dir().join("secrets/master-key");
    let before = fs::read(&key).expect("its bytes");
    fs::write(&key, "not a key").expect("written");
    let told = doctor(&bough);
    told.find("failure", "master-key", "does not hold a master key");
    told.find("failure", "audit", "cannot be checked without the master key");
    fs::remove_file(&key).expect("removed");
    let told = doctor(&bough);
    let mend = told.find("failure", "master-key", "cannot be read");
    assert!(mend.contains("back from a backup"), "{mend}");
    fs::write(&key, vec![b'0'; 64]).expect("another key");
    set_mode(&key, 0o600);
    doctor(&bough).only("failure", "audit", "not one of the 6 entries of the audit log fits the master key");
    fs::write(&key, before).expect("the right one");
    doctor(&bough).assert_sound("mended");
}

#[test]
fn settings_that_cannot_be_used() {
    let bough = set_up();
    let file = bough.data_dir().join("bough.toml");
    fs::write(&file, "[server]\nhtpp = \"127.0.0.1:1\"\n").expect("written");
    doctor(&bough).only("failure", "settings", "htpp");
    fs::write(&file, "[server\n").expect("written");
    doctor(&bough).only("failure", "settings", "bough.toml");
    fs::write(&file, "[defaults]\ncluster_size = \"PS_7\"\n").expect("written");
    doctor(&bough).only("failure", "settings", "PS_7");
    fs::remove_file(&file).expect("removed");
    let broken = doctor_at(&bough.data_dir(), &[], &[("BOUGH_SERVER_CONNECTIONS_MAX", "many")]);
    broken.only("failure", "settings", "connections_max");
    drop(bough);

    // A size that branches have must stay.
    let mut bough = with_shop();
    bough.stop();
    let file = bough.data_dir().join("bough.toml");
    let size = "[[cluster_size]]\nname = \"PS_20\"\ncpu = \"1\"\nram_mib = 512\nbuffer_pool_mib = 64\nredo_log_mib = 16\n\
        max_connections = 50\n";
    let defaults = "[defaults]\ncluster_size = \"PS_20\"\ndevelopment_cluster_size = \"PS_20\"\n";
    fs::write(&file, format!("{defaults}{size}")).expect("written");
    doctor(&bough).only(
        "failure",
        "settings",
        "branches of cluster size PS_10, which the settings do not have",
    );
    fs::remove_file(&file).expect("removed");
}

#[test]
fn the_account_of_the_servers() {
    let bough = set_up();
    let dir = bough.data_dir();
    let told = doctor_at(&dir, &[], &[("BOUGH_ENGINE_USER", "nobody-of-that-name")]);
    told.find("failure", "account", "nobody-of-that-name");
    let told = doctor_at(&dir, &[], &[("BOUGH_ENGINE_USER", "root")]);
    told.find("failure", "account", "[engine] user \"root\"");
}
