//! A real Bough in a directory of its own.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Client, wait_until};

/// Longest wait for a start, a stop or a branch; a machine that builds at the same time is slow.
const LIMIT: Duration = Duration::from_secs(60);

/// How a Bough is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Environment variables, such as `BOUGH_API_RATE_LIMIT_PER_MINUTE`. The rate limit is lifted
    /// unless it stands here.
    pub env: Vec<(String, String)>,
    /// Further arguments of `serve`.
    pub args: Vec<String>,
    /// The folder below which it has its directory; the temporary one unless given.
    pub within: Option<PathBuf>,
    /// The first administrator's password; made up when it is absent.
    pub password: Option<String>,
}

/// A service token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Token {
    /// The value of the header `Authorization`.
    pub fn authorization(&self) -> String {
        format!("{}:{}", self.id, self.secret)
    }
}

/// A Bough that is set up, and serves or does not at the moment.
pub struct Bough {
    binary: PathBuf,
    dir: TempDir,
    options: Options,
    child: Option<Child>,
    base: String,
    setup: Token,
    /// The organization that it was set up with.
    pub organization: String,
}

impl Bough {
    /// Sets up a Bough and starts it. `binary` is `env!("CARGO_BIN_EXE_bough")`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(binary: &str) -> Self {
        Self::start_with(binary, Options::default())
    }

    /// As [`Bough::start`], with options.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(binary: &str, options: Options) -> Self {
        let mut bough = Self::set_up(binary, options);
        bough.serve();
        bough
    }

    /// Sets up a Bough and does not start it.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn set_up(binary: &str, options: Options) -> Self {
        // Short: the path of a branch server's socket may have 107 bytes.
        let within = options.within.clone().unwrap_or_else(|| PathBuf::from("/tmp"));
        let dir = TempDir::with_prefix_in("b-", within).expect("a directory");
        // The servers' account must be able to pass through.
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).expect("its mode");
        let organization = "acme".to_owned();
        let mut bough = Self {
            binary: PathBuf::from(binary),
            dir,
            options,
            child: None,
            base: String::new(),
            setup: Token { id: String::new(), secret: String::new() },
            organization: organization.clone(),
        };
        let setup = ["setup", "--organization", &organization, "--email", "ada@example.com", "--json"];
        let made = match bough.options.password.clone() {
            None => bough.run_json(&setup),
            Some(password) => {
                let setup = [&setup[..], &["--password-stdin"]].concat();
                let output = bough.run_with_input(&setup, &password);
                serde_json::from_slice(&output.stdout).expect("what was set up")
            }
        };
        bough.setup = token_of(&made["service_token"]);
        bough
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The address that it serves on, such as `http://127.0.0.1:1234`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address that it takes MySQL clients on.
    ///
    /// # Panics
    /// When it takes none.
    pub fn mysql_address(&self) -> String {
        let text = std::fs::read_to_string(self.data_dir().join("run/addresses.json")).expect("addresses");
        let addresses: Value = serde_json::from_str(&text).expect("addresses");
        addresses["mysql"].as_str().expect("it takes MySQL clients").to_owned()
    }

    /// The token that holds everything.
    pub fn setup_token(&self) -> &Token {
        &self.setup
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).arg("--data-dir").arg(self.data_dir());
        command.env("BOUGH_API_RATE_LIMIT_PER_MINUTE", "0").env("BOUGH_LOG_LEVEL", "debug");
        command.envs(self.options.env.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Runs a command of the binary on its data directory to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(&self, args: &[&str]) -> Output {
        let (own, client): (Vec<&str>, Vec<&str>) = match args.iter().position(|arg| *arg == "--") {
            Some(at) => (args[..at].to_vec(), args[at..].to_vec()),
            None => (args.to_vec(), Vec::new()),
        };
        self.command(&own).args(client).output().expect("the binary runs")
    }

    /// Runs a command that must succeed, with something to read.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        let output = self.try_with_input(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a command with something to read, however it ends.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn try_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut to = child.stdin.take().expect("its input");
        to.write_all(input.as_bytes()).expect("it reads");
        drop(to);
        child.wait_with_output().expect("it ends")
    }

    /// Runs a command that must succeed and answer JSON.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn run_json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?} answered {text:?}: {error}"))
    }

    /// Starts serving and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn serve(&mut self) {
        self.serve_with_env(&[]);
        self.wait_ready();
    }

    /// Starts serving with further environment variables, and does not wait.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn serve_with_env(&mut self, env: &[(&str, &str)]) {
        self.serve_with(&[], env);
    }

    /// Starts serving with further arguments and environment variables, and does not wait.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn serve_with(&mut self, args: &[&str], env: &[(&str, &str)]) {
        let _ = std::fs::remove_file(self.data_dir().join("run/addresses.json"));
        let log = File::options().create(true).append(true).open(self.dir.path().join("log")).expect("a log");
        let mut command = self.command(&["serve", "--http", "127.0.0.1:0", "--mysql", "127.0.0.1:0"]);
        command.args(&self.options.args).args(args).envs(env.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(Stdio::from(log)).spawn();
        self.child = Some(child.expect("the binary runs"));
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it does not, or ends.
    pub fn wait_ready(&mut self) {
        let file = self.data_dir().join("run/addresses.json");
        let address = wait_until(LIMIT, "serving", || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "ended with {ended:?}: {}", self.log());
            let text = std::fs::read_to_string(&file).ok()?;
            serde_json::from_str::<Value>(&text).ok()?["http"].as_str().map(str::to_owned)
        });
        self.base = format!("http://{address}");
        wait_until(LIMIT, "ready", || (self.anonymous().get("/readyz").status == 200).then_some(()));
    }

    /// The process's number.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// The memory that it holds, in KiB, as the system counts it.
    ///
    /// # Panics
    /// When it does not run.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Kills it as a crash would. Branch servers go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Waits until it has ended by itself, as at a kill point.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        wait_until(limit, "the end of the process", || self.ended())
    }

    /// How it has ended by itself; `None` while it runs. One that runs is ended with the test.
    ///
    /// # Panics
    /// When it was not started.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        let status = self.child.as_mut().expect("it runs").try_wait().expect("it can be asked")?;
        self.child = None;
        Some(status)
    }

    /// Stops it as an operator would. Branch servers go on.
    ///
    /// # Panics
    /// When it does not end with success.
    pub fn stop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it can be signalled");
        let status = self.wait_ended(LIMIT);
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Somebody with the token that holds everything.
    pub fn admin(&self) -> Client {
        self.client(&self.setup)
    }

    /// Somebody with a token.
    pub fn client(&self, token: &Token) -> Client {
        Client::new(&self.base, &self.organization, Some(token.authorization()))
    }

    /// Somebody without a credential.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.base, &self.organization, None)
    }

    /// Makes a token through the API. `database` is a name, `*` for all, or empty for the organization.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn token(&self, grants: &[(&str, &[&str])]) -> Token {
        let admin = self.admin();
        let token =
            token_of(&admin.post(&admin.org("/service-tokens"), &json!({"name": "test"})).expect(200).json);
        let path = admin.org(&format!("/service-tokens/{}/access", token.id));
        for (database, access) in grants.iter().filter(|(_, access)| !access.is_empty()) {
            admin.post(&path, &json!({"database": database, "access": access})).expect(200);
        }
        token
    }

    /// Another organization, with a token that holds everything in it.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn foreign(&self, organization: &str) -> Token {
        let email = format!("admin@{organization}.example.com");
        let made =
            self.run_json(&["admin", "organization", "create", organization, "--email", &email, "--json"]);
        token_of(&made["service_token"])
    }

    /// Makes a database and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn database(&self, name: &str) {
        let admin = self.admin();
        admin.post(&admin.org("/databases"), &json!({"name": name})).expect(201);
        self.wait_branch(name, "main");
    }

    /// Waits until a branch is ready, and answers it.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn wait_branch(&self, database: &str, branch: &str) -> Value {
        let admin = self.admin();
        let path = admin.org(&format!("/databases/{database}/branches/{branch}"));
        let mut last = Value::Null;
        let limit = std::time::Instant::now() + LIMIT;
        while std::time::Instant::now() < limit {
            last = admin.get(&path).expect(200).json;
            if last["ready"] == json!(true) {
                return last;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{database}/{branch} is not ready: {last}\n{}", self.log());
    }

    /// Runs SQL on a branch through `bough shell`, and answers what it prints, without headings.
    ///
    /// # Panics
    /// When the statement fails.
    #[track_caller]
    pub fn sql(&self, database: &str, branch: &str, sql: &str) -> String {
        let output =
            self.run(&["shell", database, branch, "--", "--batch", "--skip-column-names", "-e", sql]);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// The ids of branches that have a folder on disk.
    pub fn branch_folders(&self) -> Vec<String> {
        names(&self.data_dir().join("engine/branches"))
    }

    /// The processes of branch servers of this directory.
    pub fn branch_servers(&self) -> Vec<u32> {
        let root = std::fs::canonicalize(self.data_dir()).unwrap_or_else(|_| self.data_dir());
        let here = |pid: &u32| {
            let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let zombie = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            cwd.is_ok_and(|cwd| cwd.starts_with(root.join("engine"))) && !zombie
        };
        names(Path::new("/proc")).iter().filter_map(|name| name.parse().ok()).filter(here).collect()
    }
}

impl Drop for Bough {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(4_000);
            let tail = (tail..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
            #[allow(clippy::print_stderr, reason = "what a failed test has to say")]
            {
                eprintln!("the end of the log:\n{}", &log[tail..]);
            }
        }
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.run(&["stop-branches"]);
        for pid in self.branch_servers() {
            if let Ok(pid) = i32::try_from(pid) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn token_of(value: &Value) -> Token {
    let text = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}")).to_owned();
    Token { id: text("id"), secret: text("token") }
}
