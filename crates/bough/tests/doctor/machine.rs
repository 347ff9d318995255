//! File system, room, descriptors, clock, address, control groups.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::told::{Told, doctor, doctor_at, fold, paste, set_up, with_shop};

#[test]
fn the_file_system_is_named() {
    let bough = set_up();
    let told = doctor(&bough);
    let level = |level: &str| {
        let fits =
            |finding: &&serde_json::Value| finding["check"] == "filesystem" && finding["level"] == level;
        told.findings.iter().find(fits).map(|finding| finding["what"].as_str().expect("words").to_owned())
    };
    // Which of the two is this machine's.
    let what = level("ok").or_else(|| level("note")).expect("one of them");
    assert!(what.contains(", mounted at /"), "{what}");
    assert!(what.ends_with("copies share blocks") || what.contains("cannot share blocks"), "{what}");
}

/// The doctor on a directory that a small file system of its own is mounted on, or `None` where that is not
/// allowed.
fn on_small_disk(options: &str, fill: &str) -> Option<Told> {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs \"$0\" || exit 99; chmod 711 \"$0\"; cd \"$0\"; {fill}; mkdir data; \
         exec \"$1\" doctor --json --data-dir data"
    );
    let mut command = Command::new("unshare");
    let own = if crate::told::is_root() { "-m" } else { "-rm" };
    command.args([own, "sh", "-c", &script]).arg(folder.path()).arg(crate::told::BOUGH);
    let output = command
        .env("BOUGH_SERVER_HTTP", "127.0.0.1:0")
        .env("BOUGH_SERVER_MYSQL", "127.0.0.1:0")
        .output()
        .ok()?;
    output.stdout.starts_with(b"{").then(|| Told::of(&output))
}

#[test]
fn little_room() {
    let small = on_small_disk("size=100m", ":");
    let Some(told) = small else {
        return crate::skipped("no file system can be mounted here");
    };
    let mend = told.find("warning", "disk", "about 1 more empty branches");
    assert!(mend.contains("du -xh"), "{mend}");
    told.find("note", "filesystem", "on tmpfs, mounted at");
    let told = on_small_disk("size=70m", ":").expect("as before");
    told.find("failure", "disk", "about 0 more empty branches");
    let told = on_small_disk("size=100m", "head -c 50m /dev/zero > filled").expect("as before");
    told.find("failure", "disk", "only 50 MiB are free");
    let told = on_small_disk("size=1g,nr_inodes=500", ":").expect("as before");
    let mend = told.find("warning", "inodes", "4 more empty branches");
    assert!(mend.contains("du --inodes"), "{mend}");
    let told = on_small_disk("size=1g,nr_inodes=50", ":").expect("as before");
    told.find("failure", "inodes", "0 more empty branches");
    let told = on_small_disk("size=1g", ":").expect("as before");
    told.find("ok", "disk", "more empty branches");
    told.find("ok", "inodes", "");
}

#[test]
fn few_descriptors() {
    let mut bough = set_up();
    let few = ["sh", "-c", "ulimit -n 512; exec \"$0\" \"$@\""];
    let told = doctor_at(&bough.data_dir(), &few, &[]);
    let mend =
        told.only("warning", "descriptors", "started from here may have 512 files open, and may need 8448");
    assert!(mend.contains("LimitNOFILE=16384"), "{mend}");
    assert_eq!(told.code, 1);
    let fewer = [("BOUGH_SERVER_CONNECTIONS_MAX", "200")];
    doctor_at(&bough.data_dir(), &few, &fewer).assert_sound("connections are few, too");

    // The limit of the one that serves counts, and not that of whoever asks.
    bough.serve();
    doctor_at(&bough.data_dir(), &few, &[]).assert_sound("it has enough itself");
    paste(&format!("prlimit --pid {} --nofile=1000:1000", bough.pid()));
    let words = format!("Bough (process {}) may have 1000 files open, and may need 8448", bough.pid());
    doctor(&bough).only("warning", "descriptors", &words);
}

#[test]
fn a_clock_that_was_set_back() {
    let bough = set_up();
    let heads = bough.data_dir().join("audit-heads");
    fs::write(&heads, "").expect("written");
    let file = File::options().write(true).open(&heads).expect("opened");
    let at = |ahead| SystemTime::now() + Duration::from_secs(ahead);
    file.set_modified(at(3 * 86_400 + 7_260)).expect("a time to come");
    let told = doctor(&bough);
    let words = format!("3 d 2 h before the last change of {}", heads.display());
    let mend = told.find("warning", "clock", &words);
    assert!(mend.contains("timedatectl") && mend.contains("expired tokens"), "{mend}");
    file.set_modified(at(0)).expect("now");
    let told = doctor(&bough);
    told.find("ok", "clock", "the clock says ");
}

#[test]
fn a_clock_behind_the_newest_row() {
    let mut bough = with_shop();
    let admin = bough.admin();
    let made = admin.get(&admin.org("/databases/shop")).expect(200).str("/created_at").to_owned();
    bough.stop();
    // Times are microseconds in eight bytes; the year that all of this test's rows begin with is moved.
    let path = fold(&bough);
    let mut bytes = fs::read(&path).expect("its bytes");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_micros();
    let recent = |micros: u64| u128::from(micros) <= now && now - u128::from(micros) < 600_000_000;
    let mut moved = 0;
    for at in 0..bytes.len() - 8 {
        let eight: [u8; 8] = bytes[at..at + 8].try_into().expect("eight");
        let micros = u64::from_be_bytes(eight);
        if recent(micros) {
            bytes[at..at + 8].copy_from_slice(&(micros + 365 * 86_400_000_000).to_be_bytes());
            moved += 1;
        }
    }
    assert!(moved > 3, "{moved} times, made {made}");
    fs::write(&path, bytes).expect("written");
    doctor(&bough).find("warning", "clock", "364 d 23 h before the newest row of the store");
}

#[test]
fn an_address_that_cannot_be_had() {
    let mut bough = set_up();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let dir = bough.data_dir();
    let at = |http: &str| doctor_at(&dir, &[], &[("BOUGH_SERVER_HTTP", http)]);
    let told = at(&address.to_string());
    let words = format!("{address} is taken by process {} (", std::process::id());
    let mend = told.only("failure", "address", &words);
    assert!(
        mend.contains(&format!("ps -fp {}", std::process::id())) && mend.contains("[server] http"),
        "{mend}"
    );
    // Kept for documents: no machine has it.
    at("192.0.2.1:8080").only(
        "failure",
        "address",
        "no interface of this machine has the address of 192.0.2.1:8080",
    );
    at("localhost:8080").only("failure", "address", "\"localhost:8080\" is no address to listen on");
    at("[::1]:0").find("ok", "address", "[::1]:0 takes any free port");
    let told = doctor_at(&dir, &[], &[("BOUGH_SERVER_MYSQL", &address.to_string())]);
    let mend = told.only("failure", "address", &words);
    assert!(mend.contains("[server] mysql") && mend.contains("--mysql ADDR"), "{mend}");
    drop(taken);
    at(&address.to_string()).find("ok", "address", "is free");

    // What this directory's own Bough listens on is not taken by somebody else.
    bough.serve();
    let own = bough.base().strip_prefix("http://").expect("an address").to_owned();
    let told = doctor_at(&bough.data_dir(), &[], &[("BOUGH_SERVER_HTTP", &own)]);
    told.assert_sound("its own");
    told.find("ok", "address", &format!("listens on {own}"));
}

#[test]
fn one_that_serves_and_does_not_answer() {
    let bough = with_shop();
    let pid = bough.pid();
    paste(&format!("kill -STOP {pid}"));
    let mend = doctor(&bough).only("failure", "serving", "is stopped by a signal");
    assert_eq!(mend, format!("kill -CONT {pid}"));
    paste(&mend);
    doctor(&bough).assert_sound("mended");
    let addresses = bough.data_dir().join("run/addresses.json");
    let before = fs::read(&addresses).expect("its bytes");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    fs::write(&addresses, format!("{{\"http\":\"{free}\"}}")).expect("written");
    doctor(&bough).only("failure", "address", &format!("should listen on {free}, but takes no connection"));
    fs::write(&addresses, before).expect("written");
    fs::remove_file(&addresses).expect("removed");
    doctor(&bough).find("note", "address", "does not listen: it starts or ends");
}

#[test]
fn clients_that_nobody_lets_in() {
    let mut bough = with_shop();
    bough.stop();
    let elsewhere = [("BOUGH_GATEWAY_IN_SERVE", "false")];
    bough.serve_with_env(&elsewhere);
    bough.wait_ready();
    let dir = bough.data_dir();
    let told = doctor_at(&dir, &[], &elsewhere);
    told.only("failure", "gateway", "no gateway process runs");

    // The certificate of Bough's own, as if it were the operator's.
    let pem = dir.join("tls/server.pem").display().to_string();
    let with = |certificate: &str, address: &str| {
        let own = [
            ("BOUGH_GATEWAY_TLS_CERTIFICATE", certificate),
            ("BOUGH_GATEWAY_TLS_KEY", &pem),
            ("BOUGH_GATEWAY_PUBLIC_ADDRESS", address),
        ];
        doctor_at(&dir, &[], &own)
    };
    with(&pem, "127.0.0.1:3316").find("ok", "certificate", "one for 127.0.0.1");
    with(&pem, "db.example.com:3306").find("warning", "certificate", "told to connect to db.example.com");
    with("/nowhere.pem", "").find("failure", "certificate", "/nowhere.pem cannot be read");
    doctor_at(&dir, &[], &[("BOUGH_GATEWAY_TLS_KEY", &pem)]).find("failure", "certificate", "set together");
}

#[test]
fn groups_with_limits_are_only_noted() {
    let told = doctor(&set_up());
    let found: Vec<_> = told.findings.iter().filter(|finding| finding["check"] == "cgroup").collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(["ok", "note"].contains(&found[0]["level"].as_str().expect("a level")), "{found:?}");
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    assert!(v2 || found[0]["level"] == "note", "without cgroup v2: {found:?}");
}
