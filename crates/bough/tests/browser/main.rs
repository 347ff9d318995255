//! The pages in a real browser: Debian's Chromium, driven by playwright-core from node's own test runner. What
//! is tried stands in `specs/`, one file for each subject; what they share, in `lib/`. Each file has a Bough of
//! its own.
//!
//! `scripts/setup.sh test` brings browser, node and packages. Where they cannot be had these tests say so and
//! pass, but in CI, where nobody reads what is missing, they fail.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bough_testkit::{Bough, Options};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");

/// Longest time of all tests of one file.
const LIMIT: Duration = Duration::from_secs(580);
/// The same while pictures are taken.
const PICTURES_LIMIT: Duration = Duration::from_secs(900);
/// How long the browser has to end when that is over.
const GRACE: Duration = Duration::from_secs(10);
/// The oldest node that has all that is used.
const NODE: (u32, u32) = (18, 15);
/// The first administrator's.
const PASSWORD: &str = "correct horse battery staple";

/// Files that are not run yet, because the pages that they are about are not there. To run some:
/// `BOUGH_BROWSER_SPECS=seed_flow cargo test -p bough --test browser others`.
const LATER: &[&str] = &[];

/// What is no page of its own among what is asked for by GET: how these end.
const NO_PAGES: &[&str] = &["/events", "/bough-ca.pem"];

#[test]
fn harness() {
    run("harness");
}

#[test]
fn login() {
    run("login");
}

/// Each page, narrow in dark and ordinary in light: nothing stands out, nothing serious for axe-core. With
/// `BOUGH_SCREENSHOTS=FOLDER`, as `make screenshots` has it, a picture of each in four widths.
#[test]
fn pages() {
    run("pages");
}

#[test]
fn reference() {
    run("reference");
}

/// From login to a branch that curl makes with the token from the page.
#[test]
fn seed_flow() {
    run("seed_flow");
}

#[test]
fn account() {
    run("account");
}

/// From a branch's page to its rows, with the line that is copied there.
#[test]
fn connect() {
    run("connect");
}

/// Statements in the console, with the keyboard, cancelled, and without script.
#[test]
fn console() {
    run("console");
}

#[test]
fn settings() {
    run("settings");
}

#[test]
fn sessions() {
    run("sessions");
}

#[test]
fn databases() {
    run("databases");
}

#[test]
fn tokens() {
    run("tokens");
}

#[test]
fn others() {
    let wanted = std::env::var("BOUGH_BROWSER_SPECS").unwrap_or_default();
    for spec in wanted.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        run(spec);
    }
}

#[test]
fn no_file_is_forgotten() {
    let own = std::fs::read_to_string(Path::new(FOLDER).join("main.rs")).expect("this file");
    for entry in std::fs::read_dir(Path::new(FOLDER).join("specs")).expect("the folder") {
        let file = entry.expect("an entry").file_name().into_string().expect("a name");
        let spec = file.strip_suffix(".mjs").expect("a module");
        let is_run = own.contains(&format!("    run({spec:?});"));
        assert!(is_run != LATER.contains(&spec), "{file} must be run, or stand in LATER");
    }
}

#[test]
fn every_page_has_a_row() {
    let rows = std::fs::read_to_string(Path::new(FOLDER).join("pages.mjs")).expect("the pages");
    // Below a common beginning they are written as templates.
    let rows = rows.replace("${TOKENS}", "/{organization}/settings/service-tokens").replace('`', "'");
    let missing: Vec<&str> = bough_dashboard::PAGES
        .iter()
        .filter(|page| page.method == "GET" && !NO_PAGES.iter().any(|end| page.path.ends_with(end)))
        .map(|page| page.path)
        .filter(|path| !rows.contains(&format!("'{path}'")))
        .collect();
    assert!(missing.is_empty(), "not in pages.mjs, so nobody looks at them: {missing:?}");
}

/// The program of that name, as the system finds it.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found.into_iter().find(|path| path.is_file())
}

struct Tools {
    node: PathBuf,
    chromium: PathBuf,
}

fn tools() -> Result<Tools, String> {
    let node = program(&["node", "nodejs"]).ok_or("node is missing (Debian: nodejs)")?;
    let said = Command::new(&node).arg("--version").output().map_err(|error| format!("node: {error}"))?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < NODE {
        return Err(format!("node is {version}, and {}.{} is needed", NODE.0, NODE.1));
    }
    if !Path::new(FOLDER).join("node_modules/playwright-core").is_dir() {
        return Err("playwright-core is missing (scripts/browser.sh installs it)".to_owned());
    }
    let own = std::env::var_os("BOUGH_CHROMIUM").map(PathBuf::from);
    let chromium = own.or_else(|| program(&["chromium"])).ok_or("chromium is missing (Debian: chromium)")?;
    Ok(Tools { node, chromium })
}

/// Runs one file of tests against a Bough of its own.
#[allow(clippy::print_stderr, reason = "what was not measured has to be said")]
fn run(spec: &str) {
    let file = Path::new(FOLDER).join("specs").join(format!("{spec}.mjs"));
    assert!(file.is_file(), "{} is not there", file.display());
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
            assert!(
                !ci,
                "the browser tests cannot run: {why}; scripts/setup.sh test installs what they need"
            );
            eprintln!("skipped: {spec} in the browser: {why}; scripts/setup.sh test installs what it needs");
            return;
        }
    };
    let bough =
        Bough::start_with(BOUGH, Options { password: Some(PASSWORD.to_owned()), ..Options::default() });
    let scratch = tempfile::tempdir().expect("a folder");
    let evidence = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(spec);
    let _ = std::fs::remove_dir_all(&evidence);
    let mut node = Command::new(&tools.node);
    node.arg("--test").arg("--test-reporter=spec").arg(&file).current_dir(FOLDER);
    node.env("BOUGH_URL", bough.base())
        .env("BOUGH_EMAIL", "ada@example.com")
        .env("BOUGH_PASSWORD", PASSWORD)
        .env("BOUGH_ORGANIZATION", &bough.organization)
        .env("BOUGH_AUTHORIZATION", bough.setup_token().authorization())
        .env("BOUGH_BINARY", BOUGH)
        .env("BOUGH_DATA_DIR", bough.data_dir())
        .env("BOUGH_CHROMIUM", &tools.chromium)
        .env("BOUGH_EVIDENCE", &evidence)
        // What the browser leaves goes with the test.
        .env("HOME", scratch.path())
        .env("TMPDIR", scratch.path())
        .env_remove("NODE_OPTIONS");
    let pictures = std::env::var_os("BOUGH_SCREENSHOTS").is_some_and(|folder| !folder.is_empty());
    let limit = if pictures { PICTURES_LIMIT } else { LIMIT };
    let (output, in_time) = within(limit, node);
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(in_time, "{spec} was not done within {limit:?}:\n{said}\n{complained}");
    assert!(output.status.success(), "{spec} failed in the browser:\n{said}\n{complained}");
    // A file without tests passes, too.
    assert!(
        said.contains("# pass ") || said.contains("ℹ pass "),
        "{spec} did not report:\n{said}\n{complained}"
    );
    let none = said.contains("pass 0\n");
    assert!(!none, "{spec} has no tests:\n{said}\n{complained}");
    eprintln!("{said}");
}

/// Runs a program to its end; one that takes longer is ended with all that it started. Answers whether it was in
/// time.
fn within(limit: Duration, mut command: Command) -> (Output, bool) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().expect("node runs");
    let reading = (reader(child.stdout.take()), reader(child.stderr.take()));
    let in_time = ended(&mut child, limit);
    if !in_time {
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        // Told to end, playwright ends its browsers, which are in groups of their own.
        let _ = killpg(group, Signal::SIGTERM);
        ended(&mut child, GRACE);
        let _ = killpg(group, Signal::SIGKILL);
    }
    let status = child.wait().expect("it ends");
    let (stdout, stderr) = (reading.0.join().expect("it was read"), reading.1.join().expect("it was read"));
    (Output { status, stdout, stderr }, in_time)
}

fn reader<R: std::io::Read + Send + 'static>(from: Option<R>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn ended(child: &mut Child, limit: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < limit {
        if child.try_wait().expect("it can be asked").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
