//! Bough as it is measured: the release build, its address, requests to it, and a CPU of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bough_control::Keys;
use bough_control::model::Secret;
use bough_testkit::{Bough, Options};
use serde_json::Value;

/// The release build of Bough beside this program.
pub fn bough_binary() -> Result<String> {
    let beside = std::env::current_exe()?.with_file_name("bough");
    ensure!(beside.exists(), "{} is missing: cargo build --release --bins", beside.display());
    Ok(beside.display().to_string())
}

/// Bough as it is measured: a log that only warns, no limit of requests.
pub fn measured() -> Options {
    Options { env: vec![("BOUGH_LOG_LEVEL".to_owned(), "warn".to_owned())], ..Options::default() }
}

/// Where it serves.
pub fn address_of(bough: &Bough) -> Result<SocketAddr> {
    Ok(bough.base().trim_start_matches("http://").parse()?)
}

/// The keys that a Bough derives from its master key.
pub fn keys_of(bough: &Bough) -> Result<Keys> {
    let text = fs::read_to_string(bough.data_dir().join("secrets/master-key"))?;
    let bytes = (0..32).map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2).unwrap_or(""), 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>()?;
    let bytes = bytes.try_into().map_err(|_| anyhow::anyhow!("a master key has 32 bytes"))?;
    Ok(Keys::derive(&Secret::new(bytes)))
}

/// The folder of a branch, by its id.
pub fn folder_of(bough: &Bough, id: &str) -> PathBuf {
    bough.data_dir().join("engine/branches").join(id)
}

/// The server of the branch in a folder.
pub fn pid_of_server(folder: &Path) -> Result<u32> {
    let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("server.json"))?)?;
    record["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).context("a server's number")
}

/// How much of something there shall be, unless the environment says otherwise.
pub fn from_env(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.replace('_', "").parse().with_context(|| format!("{name} = {text:?} is no number")),
        Err(_) => Ok(default),
    }
}

/// A GET as it is sent.
pub fn get(path: &str, authorization: &str) -> Vec<u8> {
    request("GET", path, authorization, "")
}

/// A request as it is sent, with a JSON body unless that is empty.
pub fn request(method: &str, path: &str, authorization: &str, body: &str) -> Vec<u8> {
    let about_body = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\nAccept: application/json\r\n\
         User-Agent: bough-bench\r\n{about_body}\r\n{body}"
    )
    .into_bytes()
}

/// Has the generator, which is this program, on the first CPU and the servers on the last one, so that no
/// contestant waits for the load that it is under. Ends when dropped.
pub struct Apart {
    last: usize,
    works: bool,
}

impl Apart {
    /// For these servers.
    pub fn keep(servers: &[u32]) -> Self {
        let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
        let mut apart = Self { last, works: last > 0 };
        apart.works = apart.works
            && servers.iter().all(|pid| pin(*pid, &last.to_string()))
            && pin(std::process::id(), "0");
        apart
    }

    /// Who runs where.
    pub fn says(&self) -> String {
        match (self.works, self.last) {
            (true, last) => format!("the generator has CPU 0, the server that is measured CPU {last}"),
            (false, 0) => "one CPU for all: generator and servers disturb each other".to_owned(),
            (false, _) => "taskset does not work here: generator and servers disturb each other".to_owned(),
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What this program starts later has all CPUs again.
        pin(std::process::id(), &format!("0-{}", self.last));
    }
}

fn pin(pid: u32, cpus: &str) -> bool {
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", cpus, &pid.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
