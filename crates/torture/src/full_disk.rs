//! A disk that fills up under Bough: new branches are refused with a reason, those that run go on or say why
//! not, no acknowledged row is lost, and there is a way back.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bough_testkit::{Answer, Bough, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::{check, rows, say};

/// How large the disk is, in MiB: enough for a handful of branches.
const DISK_MIB: u64 = 300;
/// More branches than fit on it.
const BRANCHES_MAX: usize = 12;
/// Longest wait for one condition, in seconds. MariaDB looks for room once a minute.
const LIMIT_S: u64 = 150;
/// Longest wait for the disk to be let go, in seconds.
const UMOUNT_LIMIT_S: u64 = 20;
/// One statement that writes more than is left on a full disk.
const TOO_MUCH: &str = "INSERT INTO large SELECT seq, REPEAT('x', 250) FROM seq_1_to_100000";
/// What a server answers that: a table is full, the disk is full, a file cannot be written.
const TOO_MUCH_FOR_THE_DISK: [u16; 3] = [1114, 1021, 1026];
/// Most rows that are written to the full disk.
const ROWS_MAX: u64 = 20_000;

/// A small file system of its own; taken away again when dropped.
struct Disk {
    folder: tempfile::TempDir,
    mounted: PathBuf,
}

impl Disk {
    /// Or why there is none.
    fn make() -> Result<Self, String> {
        let folder = tempfile::TempDir::with_prefix_in("bd-", "/tmp").map_err(|error| error.to_string())?;
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
        std::fs::set_permissions(folder.path(), open).map_err(|error| error.to_string())?;
        let (image, mounted) = (folder.path().join("image"), folder.path().join("d"));
        std::fs::create_dir(&mounted).map_err(|error| error.to_string())?;
        let file = File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(DISK_MIB * 1024 * 1024).map_err(|error| error.to_string())?;
        // No room is kept for root, who fills it.
        command("mkfs.ext4", &["-q", "-F", "-m", "0", "-O", "^has_journal"], &[&image])?;
        command("mount", &["-o", "loop"], &[&image, &mounted])?;
        Ok(Self { folder, mounted })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Servers that were killed a moment ago may hold it still.
        let begun = Instant::now();
        while let Err(why) = command("umount", &[], &[&self.mounted]) {
            if begun.elapsed() > Duration::from_secs(UMOUNT_LIMIT_S) {
                say(&format!("{} stays: {why}", self.folder.path().display()));
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn command(program: &str, options: &[&str], paths: &[&Path]) -> Result<(), String> {
    let output = Command::new(program).args(options).args(paths).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {said}")) }
}

/// What happens to a server that met the full disk, once there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is left alone, and looks for room once a minute.
    Wait,
    /// It dies, together with Bough.
    Kill,
}

/// Runs it; `false` when no disk of its own can be had here, which is said.
///
/// # Errors
/// What is not as it must be.
///
/// # Panics
/// When Bough cannot be set up or started.
pub fn run(binary: &str, then: Then) -> Result<bool, String> {
    let disk = match Disk::make() {
        Ok(disk) => disk,
        Err(why) => {
            say(&format!("skipped: the full disk needs root, mkfs.ext4 and a loop device: {why}"));
            return Ok(false);
        }
    };
    let options = Options { within: Some(disk.mounted.clone()), ..Options::default() };
    let mut bough = Bough::start_with(binary, options);
    let done = fill_and_empty(&mut bough, &disk.mounted, then);
    drop(bough);
    done.map(|()| true)
}

fn fill_and_empty(bough: &mut Bough, disk: &Path, then: Then) -> Result<(), String> {
    bough.database("shop");
    bough.sql("shop", "main", rows::TABLE);
    let client = Client::of(bough);
    client.says("CREATE TABLE large (id INT PRIMARY KEY, text CHAR(250))")?;
    let id = bough.wait_branch("shop", "main")["id"].as_str().unwrap_or_default().to_owned();
    let socket = bough.data_dir().join("engine/branches").join(id).join("mysql.sock");
    let mut written = Written::default();
    written.write(&socket, 100)?;
    require(written.acknowledged.len() == 100, "rows can be written while there is room")?;

    // Branches until one is refused, with the reason.
    let mut made = Vec::new();
    let refused = loop {
        let name = format!("b{}", made.len());
        require(made.len() < BRANCHES_MAX, "the disk is too large to be filled with branches")?;
        post(bough, &name).expect(201);
        match decided(bough, &name)? {
            None => made.push(name),
            Some(why) => {
                require(why.contains("MiB free") && why.contains("make room"), &format!("a reason: {why}"))?;
                break name;
            }
        }
    };
    say(&format!("{} branches fit; the next: {}", made.len(), decided(bough, &refused)?.unwrap_or_default()));
    require(made.len() > 1, "some branches fit")?;
    written.write(&socket, 100)?;
    require(written.acknowledged.len() == 200, "running branches have their reserve")?;

    // Nothing at all is left.
    let filler = disk.join("filler");
    fill(&filler)?;
    written.write(&socket, ROWS_MAX)?;
    say(&format!(
        "on the full disk: {} rows acknowledged, then: {}",
        written.acknowledged.len() - 200,
        written.last.as_deref().unwrap_or("no end was found")
    ));
    let (said, errors) = client.run(&format!("{TOO_MUCH}; SELECT CONCAT('still ', 'in')"))?;
    say(&format!("a client of the gateway on the full disk: {errors}"));
    let own = TOO_MUCH_FOR_THE_DISK.iter().any(|errno| errors.starts_with(&format!("ERROR {errno} (HY000)")));
    require(own && errors.lines().count() == 1, &format!("the server's own error, once: {errors}"))?;
    require(said == "still in\n", &format!("its session goes on: {said}"))?;
    let admin = bough.admin();
    let path = admin.org("/databases/shop/branches");
    let listed = admin.try_send("GET", &path, &[], None);
    if let Some(status) = bough.ended() {
        return Err(format!("Bough ended on the full disk: {status}"));
    }
    let listed = listed?;
    require(listed.status == 200, &format!("reading goes on: {} {}", listed.status, listed.text))?;
    let changed = post(bough, "while-full");
    say(&format!("a change on the full disk: {} {}", changed.status, brief(&changed)));
    let says_why = changed.status == 503 && changed.text.contains("disk");
    require(changed.status == 201 || says_why, "a change is made, or refused with the reason")?;

    // The worst moment to die, and to be started again.
    bough.kill();
    std::fs::remove_file(&filler).map_err(|error| error.to_string())?;
    if then == Then::Kill {
        for pid in bough.branch_servers() {
            let pid = Pid::from_raw(i32::try_from(pid).map_err(|error| error.to_string())?);
            kill(pid, Signal::SIGKILL).map_err(|error| error.to_string())?;
        }
    }
    let begun = Instant::now();
    bough.serve();
    for name in made.iter().take(2).chain([&refused]) {
        let deleted = bough.admin().delete(&bough.admin().org(&format!("/databases/shop/branches/{name}")));
        require(deleted.status == 204, &format!("{name} can be deleted: {}", deleted.text))?;
    }
    check::settle_within(bough, begun, Duration::from_secs(LIMIT_S))?;
    say(&format!("back {} ms after there was room again", begun.elapsed().as_millis()));
    let mut conn = rows::open_in(&socket, "shop").map_err(|error| error.to_string())?;
    let found = rows::read(&mut conn).map_err(|error| error.to_string())?;
    let lost = written.acknowledged.difference(&found).count();
    require(lost == 0, &format!("{lost} acknowledged rows are lost"))?;
    // A statement that met the full disk may still wait for the server to look again.
    loop {
        written.write(&socket, 1)?;
        let Some(why) = &written.last else { break };
        let waited = begun.elapsed() < Duration::from_secs(LIMIT_S);
        require(waited, &format!("rows can be written again: {why}"))?;
    }
    say(&format!("rows are written again {} ms after there was room", begun.elapsed().as_millis()));
    client.at(bough).says(&format!("{TOO_MUCH}; DROP TABLE large"))?;
    if changed.status != 201 {
        post(bough, "while-full").expect(201);
    }
    bough.wait_branch("shop", "while-full");
    let report = bough.run_json(&["audit", "verify", "--json"]);
    require(report["sound"] == json!(true), &format!("the audit log: {report}"))
}

fn require(is_so: bool, what: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(format!("not so: {what}")) }
}

fn brief(answer: &Answer) -> String {
    if answer.status < 300 { String::new() } else { answer.text.clone() }
}

fn post(bough: &Bough, name: &str) -> Answer {
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &json!({ "name": name }))
}

/// `None` when the branch is ready, else why not.
fn decided(bough: &Bough, name: &str) -> Result<Option<String>, String> {
    let admin = bough.admin();
    let begun = Instant::now();
    loop {
        let branch = admin.get(&admin.org(&format!("/databases/shop/branches/{name}"))).json;
        if branch["ready"] == json!(true) {
            return Ok(None);
        }
        if let Value::String(why) = &branch["last_error"] {
            return Ok(Some(why.clone()));
        }
        require(
            begun.elapsed() < Duration::from_secs(LIMIT_S),
            &format!("{name} is ready or says why: {branch}"),
        )?;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes until there is no room for another byte.
fn fill(path: &Path) -> Result<(), String> {
    let mut file = File::create(path).map_err(|error| error.to_string())?;
    for size in [1 << 20, 4096, 1] {
        let block = vec![0x5a; size];
        while file.write_all(&block).and_then(|()| file.sync_data()).is_ok() {}
    }
    Ok(())
}

/// A client of `main`, through the gateway: the shell.
struct Client {
    address: String,
    user: String,
    secret: String,
}

impl Client {
    fn of(bough: &Bough) -> Self {
        let admin = bough.admin();
        let path = admin.org("/databases/shop/branches/main/passwords");
        let made = admin.post(&path, &json!({"name": "on the full disk"})).expect(201);
        let (user, secret) = (made.str("/username").to_owned(), made.str("/plain_text").to_owned());
        Self { address: bough.mysql_address(), user, secret }
    }

    /// The same one, of a Bough that was started again.
    fn at(self, bough: &Bough) -> Self {
        Self { address: bough.mysql_address(), ..self }
    }

    /// What the shell prints, and the errors that it tells. It goes on after one.
    fn run(&self, sql: &str) -> Result<(String, String), String> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or_default();
        let mut shell = Command::new("mariadb")
            .args(["--no-defaults", "--batch", "--skip-column-names", "--force", "--ssl"])
            .args([&format!("--host={host}"), &format!("--port={port}"), &format!("--user={}", self.user)])
            .arg("shop")
            .env("MYSQL_PWD", &self.secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("mariadb: {error}"))?;
        // Not as an option: there it does not go on.
        let told = shell.stdin.take().map(|mut to| to.write_all(sql.as_bytes()));
        let output = shell.wait_with_output().map_err(|error| format!("mariadb: {error}"))?;
        require(matches!(told, Some(Ok(()))), "the shell reads")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors: Vec<&str> = errors.lines().filter(|line| line.starts_with("ERROR ")).collect();
        Ok((said, errors.join("\n")))
    }

    fn says(&self, sql: &str) -> Result<(), String> {
        let (_, errors) = self.run(sql)?;
        require(errors.is_empty(), &format!("{sql}: {errors}"))
    }
}

/// Rows of `main`.
#[derive(Default)]
struct Written {
    next: u64,
    acknowledged: BTreeSet<u64>,
    /// Why writing ended early.
    last: Option<String>,
}

impl Written {
    /// So many, or until one is refused.
    fn write(&mut self, socket: &Path, count: u64) -> Result<(), String> {
        self.last = None;
        let mut conn = rows::open_in(socket, "shop").map_err(|error| error.to_string())?;
        for _ in 0..count {
            self.next += 1;
            match rows::write(&mut conn, self.next) {
                Ok(()) => drop(self.acknowledged.insert(self.next)),
                Err(error) => {
                    self.last = Some(error.to_string());
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
