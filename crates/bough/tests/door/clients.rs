//! Clients of branches, for tests: the `mariadb` shell with a password, and gateway processes of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bough_testkit::{Bough, Client, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Longest wait for what takes a second at most on a machine at rest.
pub const SOON: Duration = Duration::from_secs(30);

/// What opens a branch, as it was told once.
#[derive(Clone)]
pub struct Login {
    pub id: String,
    pub path: String,
    pub address: String,
    pub user: String,
    pub secret: String,
    pub ca: String,
    pub schema: String,
}

impl Login {
    pub fn make(bough: &Bough, admin: &Client, branch: &str, body: &Value) -> Self {
        let path = admin.org(&format!("/databases/shop/branches/{branch}/passwords"));
        let made = admin.post(&path, body).expect(201);
        Self {
            path: format!("{path}/{}", made.str("/id")),
            id: made.str("/id").to_owned(),
            address: made.str("/mysql_address").to_owned(),
            user: made.str("/username").to_owned(),
            secret: made.str("/plain_text").to_owned(),
            ca: bough.data_dir().join("tls/ca.pem").display().to_string(),
            schema: "shop".to_owned(),
        }
    }

    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    pub fn shell(&self) -> Command {
        let mut command = self.shell_without_tls();
        command.args(["--ssl-verify-server-cert", &format!("--ssl-ca={}", self.ca)]);
        command
    }

    pub fn shell_without_tls(&self) -> Command {
        let mut command = self.client("mariadb");
        command.args(["--batch", "--skip-column-names", "--unbuffered", &self.schema]);
        command
    }

    /// A program of MariaDB's, told where to connect and as whom, with TLS.
    pub fn program(&self, name: &str) -> Command {
        let mut command = self.client(name);
        command.args(["--ssl-verify-server-cert", &format!("--ssl-ca={}", self.ca)]);
        command
    }

    fn client(&self, name: &str) -> Command {
        let (host, port) = self.address.rsplit_once(':').expect("host and port");
        let mut command = Command::new(name);
        command.args([
            "--no-defaults",
            &format!("--host={host}"),
            &format!("--port={port}"),
            &format!("--user={}", self.user),
        ]);
        command.env("MYSQL_PWD", &self.secret);
        command
    }

    pub fn run(&self, sql: &str) -> Output {
        self.shell().args(["-e", sql]).output().expect("the shell runs")
    }

    #[track_caller]
    pub fn says(&self, sql: &str) -> String {
        let output = self.run(sql);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// The first error that a statement ends with.
    #[track_caller]
    pub fn error(&self, sql: &str) -> String {
        let output = self.run(sql);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().find(|line| line.starts_with("ERROR "));
        line.unwrap_or_else(|| panic!("no error for {sql}: {said}")).to_owned()
    }

    /// A session that stays open: what it is told to run is answered line by line.
    pub fn open(&self) -> Session {
        let mut shell = self.shell();
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().expect("the shell runs");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut session = Session { child, to: Some(to), from: BufReader::new(from) };
        assert_eq!(session.ask("SELECT 'in'"), "in");
        session
    }
}

pub struct Session {
    child: Child,
    to: Option<std::process::ChildStdin>,
    from: BufReader<std::process::ChildStdout>,
}

impl Session {
    pub fn tell(&mut self, sql: &str) {
        let to = self.to.as_mut().expect("it is open");
        writeln!(to, "{sql};").and_then(|()| to.flush()).expect("the shell reads");
    }

    pub fn ask(&mut self, sql: &str) -> String {
        self.tell(sql);
        self.heard()
    }

    /// The next line that it answers.
    pub fn heard(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    }

    /// Waits until the shell has ended, which reads nothing more, and answers what it complained of.
    pub fn ended(mut self, what: &str) -> String {
        wait_until(SOON, what, || self.child.try_wait().expect("it can be asked"));
        drop(self.to.take());
        let output = self.child.wait_with_output().expect("it has ended");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

pub fn shop(bough: &Bough) -> Client {
    let admin = bough.admin();
    bough.database("shop");
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
    bough.wait_branch("shop", "dev");
    admin
}

/// A gateway process of its own.
pub struct Gateway {
    pub child: Child,
    pub address: String,
    log: Arc<Mutex<String>>,
}

impl Gateway {
    pub fn start(bough: &Bough) -> Self {
        let mut command = Command::new(BOUGH);
        command.args(["gateway", "--mysql", "127.0.0.1:0", "--data-dir"]).arg(bough.data_dir());
        command.env("BOUGH_LOG_FORMAT", "json").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = lines.by_ref().find_map(|line| {
            let line: Value = serde_json::from_str(&line.expect("a line")).expect("a log line");
            Some(line.pointer("/fields/mysql").or_else(|| line.get("mysql"))?.as_str()?.to_owned())
        });
        // Read on, so that it never waits for a reader.
        let log = Arc::<Mutex<String>>::default();
        let noted = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                noted.push_str(&line);
                noted.push('\n');
            }
        });
        Self { child, address: address.expect("it listens"), log }
    }

    /// What it has said since it listens.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A figure of its memory, in KiB: `VmRSS` now, `VmHWM` at most.
    pub fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let figure = line.expect("a figure").trim().trim_end_matches(" kB");
        figure.parse().expect("a number")
    }

    /// How many files and connections it has open.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal)
            .expect("it can be signalled");
        if signal == Signal::SIGSTOP {
            // The signal is on its way to each of its threads.
            let stands = || are_all_stopped(self.child.id()).then_some(());
            wait_until(SOON, "all its threads to stand still", stands);
        }
    }
}

fn are_all_stopped(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads").flatten();
    threads
        .map(|thread| std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default())
        .all(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')))
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
