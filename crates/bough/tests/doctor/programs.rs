//! The database server's programs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bough_testkit::Bough;

use crate::told::{Told, doctor_at, is_root, paste, set_up};

/// A folder with programs of our own, which every account can reach.
fn folder_of(bough: &Bough, programs: &[(&str, &str)]) -> PathBuf {
    let folder = bough.data_dir().parent().expect("a folder").join("programs");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).expect("a folder");
    for (name, script) in programs {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    folder
}

fn doctor_with(bough: &Bough, folder: &Path) -> Told {
    doctor_at(&bough.data_dir(), &[], &[("BOUGH_ENGINE_BINARIES", folder.to_str().expect("text"))])
}

const SERVER: (&str, &str) =
    ("mariadbd", "echo 'mariadbd  Ver 10.11.9-MariaDB for debian-linux-gnu on x86_64'");
const INSTALL: (&str, &str) = ("mariadb-install-db", "echo 'Usage: --auth-root-socket-user=NAME'; exit 1");
const CLIENT: (&str, &str) =
    ("mariadb", "echo 'mariadb  Ver 15.1 Distrib 10.11.9-MariaDB, for debian-linux-gnu'");

#[test]
fn missing_ones_name_their_package() {
    let bough = set_up();
    doctor_with(&bough, &folder_of(&bough, &[SERVER, INSTALL, CLIENT])).assert_sound("all are there");
    for (kept, level, check, package) in [
        ([INSTALL, CLIENT], "failure", "server-program", "mariadb-server-core"),
        ([SERVER, CLIENT], "failure", "install-program", "mariadb-server-core"),
        ([SERVER, INSTALL], "warning", "client-program", "mariadb-client-core"),
    ] {
        let folder = folder_of(&bough, &kept);
        let told = doctor_with(&bough, &folder);
        let mend = told.only(level, check, &format!("is not in {}", folder.display()));
        assert!(mend.contains(&format!("apt-get install {package}")), "{mend}");
        assert_eq!(told.code, if level == "failure" { 2 } else { 1 });
    }
}

#[test]
fn ones_that_do_not_run() {
    let bough = set_up();
    let loading = "echo \"$0: error while loading shared libraries: libssl.so.3\" >&2; exit 127";
    for (script, words) in [
        (loading, "error while loading shared libraries: libssl.so.3"),
        ("exit 1", "--version says nothing"),
        ("kill -9 $$", "--version says nothing"),
        ("sleep 60", "did not end within"),
    ] {
        let folder = folder_of(&bough, &[("mariadbd", script), INSTALL, CLIENT]);
        let mend = doctor_with(&bough, &folder).only("failure", "server-program", words);
        assert!(mend.contains("apt-get install mariadb-server-core"), "{mend}");
    }
    let folder = folder_of(&bough, &[SERVER, ("mariadb-install-db", loading), CLIENT]);
    doctor_with(&bough, &folder).only("failure", "install-program", "loading shared libraries");
    let folder = folder_of(&bough, &[SERVER, INSTALL, ("mariadb", loading)]);
    doctor_with(&bough, &folder).only("warning", "client-program", "loading shared libraries");
}

#[test]
fn ones_of_another_vendor_or_too_old() {
    let bough = set_up();
    let mysql = "echo 'mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)'";
    let folder = folder_of(&bough, &[("mariadbd", mysql), INSTALL, CLIENT]);
    doctor_with(&bough, &folder).only(
        "failure",
        "server-program",
        "is not MariaDB's: it says \"mysqld  Ver 8.4.3",
    );
    let old = "echo 'mariadbd  Ver 10.5.29-MariaDB for debian-linux-gnu'";
    let folder = folder_of(&bough, &[("mariadbd", old), INSTALL, CLIENT]);
    let told = doctor_with(&bough, &folder);
    told.only("warning", "server-program", "is mariadb-10.5.29; Bough is made for 10.11");
    assert_eq!(told.code, 1);
}

#[test]
fn ones_that_the_servers_account_cannot_reach() {
    if !is_root() {
        return crate::skipped("only root runs the servers as another account");
    }
    let bough = set_up();
    let folder = folder_of(&bough, &[SERVER, INSTALL, CLIENT]);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    let told = doctor_with(&bough, &folder);
    told.find("failure", "server-program", "cannot start it: Permission denied");
    told.find("failure", "install-program", "cannot start it: Permission denied");
    paste(&format!("chmod o+x {}", folder.display()));
    doctor_with(&bough, &folder).assert_sound("mended");
}
