//! Running the doctor, and reading what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bough_testkit::{Bough, Options, wait_until};
use serde_json::{Value, json};

pub const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// What the doctor said.
pub struct Told {
    pub code: i32,
    pub findings: Vec<Value>,
    pub raw: String,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit code {}", self.code)?;
        for finding in self.findings.iter().filter(|finding| finding["level"] != "ok") {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl Told {
    pub fn of(output: &Output) -> Self {
        let raw = String::from_utf8(output.stdout.clone()).expect("it says text");
        let said: Value = serde_json::from_str(&raw)
            .unwrap_or_else(|error| panic!("{error}: {raw}{}", String::from_utf8_lossy(&output.stderr)));
        let findings = said["findings"].as_array().expect("a list").clone();
        let code = output.status.code().expect("it ends by itself");
        let is = |level: &str| findings.iter().any(|finding| finding["level"] == json!(level));
        let expected = if is("failure") { 2 } else { i32::from(is("warning")) };
        assert_eq!((code, said["sound"].as_bool()), (expected, Some(expected == 0)), "{raw}");
        for finding in &findings {
            let keys: Vec<&String> = finding.as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["check", "level", "what", "mend"], "{finding}");
            let bad = finding["level"] == json!("warning") || finding["level"] == json!("failure");
            assert!(!bad || finding["mend"].is_string(), "every fault has its mend: {finding}");
        }
        Self { code, findings, raw }
    }

    /// What is worse than a note, as `level check`.
    pub fn faults(&self) -> Vec<String> {
        let bad = |finding: &&Value| !["ok", "note"].contains(&text(finding, "level"));
        let told = |finding: &Value| format!("{} {}", text(finding, "level"), text(finding, "check"));
        let mut faults: Vec<String> = self.findings.iter().filter(bad).map(told).collect();
        faults.sort();
        faults
    }

    #[track_caller]
    pub fn assert_sound(&self, when: &str) {
        assert_eq!(self.faults(), Vec::<String>::new(), "{when}: {self:#?}");
        assert_eq!(self.code, 0, "{when}");
    }

    /// The one finding of this check, level and words; its mend.
    #[track_caller]
    pub fn find(&self, level: &str, check: &str, words: &str) -> String {
        let fits = |finding: &&Value| {
            text(finding, "check") == check
                && text(finding, "level") == level
                && text(finding, "what").contains(words)
        };
        let found: Vec<&Value> = self.findings.iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{level} {check} with {words:?} in {self:#?}");
        found[0]["mend"].as_str().unwrap_or_default().to_owned()
    }

    /// As [`Told::find`], and nothing else is worse than a note.
    #[track_caller]
    pub fn only(&self, level: &str, check: &str, words: &str) -> String {
        let mend = self.find(level, check, words);
        assert_eq!(self.faults(), [format!("{level} {check}")], "{self:#?}");
        mend
    }
}

fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_else(|| panic!("{key} of {finding}"))
}

/// A Bough whose settings name free ports: what else runs on this machine is not asked about.
pub fn options() -> Options {
    let free = |key: &str| (format!("BOUGH_SERVER_{key}"), "127.0.0.1:0".to_owned());
    Options { env: vec![free("HTTP"), free("MYSQL")], ..Options::default() }
}

pub fn set_up() -> Bough {
    Bough::set_up(BOUGH, options())
}

/// Serving, with the database `shop` and its branch `main`.
pub fn with_shop() -> Bough {
    let bough = Bough::start_with(BOUGH, options());
    bough.database("shop");
    bough
}

pub fn doctor(bough: &Bough) -> Told {
    Told::of(&bough.run(&["doctor", "--json"]))
}

/// The doctor on some directory, started by `shell` if there is one: a command that takes one to run.
pub fn doctor_at(dir: &Path, shell: &[&str], env: &[(&str, &str)]) -> Told {
    let mut command = match shell.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(BOUGH);
            command
        }
        None => Command::new(BOUGH),
    };
    command
        .args(["doctor", "--json", "--data-dir"])
        .arg(dir)
        .env("BOUGH_SERVER_HTTP", "127.0.0.1:0")
        .env("BOUGH_SERVER_MYSQL", "127.0.0.1:0");
    command.envs(env.iter().copied()).stdin(Stdio::null());
    Told::of(&command.output().expect("it runs"))
}

/// Pastes a mend into a shell.
#[track_caller]
pub fn paste(mend: &str) {
    let done = Command::new("bash").args(["-c", mend]).output().expect("a shell");
    assert!(done.status.success(), "{mend}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The id of `shop`'s branch, and its folder.
pub fn place_of(bough: &Bough, branch: &str) -> (String, PathBuf) {
    let admin = bough.admin();
    let path = admin.org(&format!("/databases/shop/branches/{branch}"));
    let id = admin.get(&path).expect(200).str("/id").to_owned();
    let folder = bough.data_dir().join("engine/branches").join(&id);
    (id, folder)
}

/// Moves the log of a store that nobody has open into its file, so that the file alone is the store.
pub fn fold(bough: &Bough) -> PathBuf {
    let path = bough.data_dir().join("store.sqlite");
    drop(bough_store::Store::open(&path).expect("it opens"));
    let log = path.with_file_name("store.sqlite-wal");
    wait_until(Duration::from_secs(60), "the store's log is in its file", || (!log.exists()).then_some(()));
    path
}

/// The process of a branch's server.
pub fn pid_of(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("mysqld.pid")).expect("its number");
    text.trim().parse().expect("a number")
}

/// Waits until `shop/main` is served by another process than `before`, and answers. MariaDB hangs when it is
/// asked to end while it starts, so a test does not end in that moment.
pub fn wait_restarted(bough: &Bough, folder: &Path, before: u32) {
    wait_until(Duration::from_secs(60), "another server that answers", || {
        let text = std::fs::read_to_string(folder.join("mysqld.pid")).ok()?;
        let other = text.trim().parse::<u32>().is_ok_and(|pid| pid != before);
        let answers = || bough.run(&["shell", "shop", "main", "--", "-e", "SELECT 1"]).status.success();
        (other && answers()).then_some(())
    });
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
