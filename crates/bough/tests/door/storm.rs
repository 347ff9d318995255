//! Ten thousand strangers at the gateway's door who say nothing, half of something, or nonsense: it holds a few of them,
//! in little memory, and whoever has a password comes in all the while.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bough_testkit::{Bough, wait_until};
use serde_json::json;

use crate::clients::{Gateway, Login, SOON, shop};
use crate::connections::{affordable, say};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Who comes.
const STRANGERS: usize = 10_000;
/// How often a client that was sent away before it was heard tries again.
const TRIES: usize = 8;
/// What the gateway may take for all of them, in KiB: some 500 at a time have a place.
const GROWTH_MAX_KIB: u64 = 64 * 1024;
/// Files that the gateway may have open when all of them are gone, beyond those before.
const FILES_LEFT_MAX: usize = 8;

/// A request for TLS with nothing behind it.
const WANTS_TLS: &[u8] = &[
    32, 0, 0, 1, 0x85, 0xae, 0xff, 0x01, 0, 0, 0, 1, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
];

/// What strangers say, if anything.
fn openings() -> [Vec<u8>; 8] {
    let with_tls = |rest: &[u8]| [WANTS_TLS, rest].concat();
    [
        Vec::new(),
        // A packet that is announced and does not come; and the largest one.
        vec![200, 0, 0, 1, 5],
        vec![0xff, 0xff, 0xff, 1],
        WANTS_TLS[..20].to_vec(),
        // TLS that is none; that stops in its hello; that is of another time.
        with_tls(b"GET / HTTP/1.1\r\n\r\n"),
        with_tls(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        with_tls(&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]),
        b"\0".repeat(2_000),
    ]
}

fn come(gateway: &Gateway, number: usize, openings: &[Vec<u8>]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(&gateway.address).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(1))).ok()?;
    // It may have been sent away by now.
    let _ = stream.write_all(&openings[number % openings.len()]);
    // Some have no more to say, and listen.
    if (number / openings.len()).is_multiple_of(4) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

/// Whether the gateway has ended it.
fn was_sent_away(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 256];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            // The greeting.
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn patient(login: &Login) -> String {
    let tried = (0..TRIES).find_map(|_| {
        let output = login.run("SELECT 'in'");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    });
    tried.unwrap_or_else(|| panic!("not heard in {TRIES} tries: {}", login.error("SELECT 'in'")))
}

#[test]
fn ten_thousand_strangers_keep_nobody_out() {
    let bough = Bough::start(BOUGH);
    let admin = shop(&bough);
    let gateway = Gateway::start(&bough);
    let login = Login::make(&bough, &admin, "dev", &json!({"name": "p"})).at(&gateway.address);
    let mut session = login.open();
    session.tell("SET @kept = 'kept'");
    let (quiet, files) = (gateway.status_kib("VmRSS"), gateway.files());
    let wanted = affordable(STRANGERS);
    let openings = openings();
    let (over, held, came) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let storm = |first: usize| {
        let mut streams = Vec::new();
        let mut numbers = (first..).step_by(2);
        let mut next = || {
            came.fetch_add(1, Ordering::Relaxed);
            come(&gateway, numbers.next().unwrap_or_default(), &openings)
        };
        while streams.len() < wanted / 2 && !over.load(Ordering::Relaxed) {
            streams.extend(next());
            held.fetch_add(1, Ordering::Relaxed);
        }
        // Whoever is sent away comes back.
        while !over.load(Ordering::Relaxed) {
            for stream in &mut streams {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                if was_sent_away(stream)
                    && let Some(again) = next()
                {
                    *stream = again;
                }
            }
        }
    };
    let (asked, most_files) = std::thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || storm(first));
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (mut asked, mut since, mut most_files) = (0, 0, 0);
            // While they come, and while all of them are there.
            while since < 20 {
                assert_eq!(patient(&login), "in");
                assert_eq!(session.ask("SELECT @kept"), "kept", "who is in stays in");
                most_files = gateway.files().max(most_files);
                asked += 1;
                since += usize::from(held.load(Ordering::Relaxed) >= wanted / 2 * 2);
            }
            (asked, most_files)
        }));
        over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let grown = gateway.status_kib("VmHWM").saturating_sub(quiet);
    say(&format!(
        "{} strangers came, {wanted} at once; clients came in {asked} times meanwhile; the gateway had {most_files} files \
         open at most, {files} before; its memory grew by {grown} KiB at most, from {quiet} KiB",
        came.load(Ordering::Relaxed)
    ));
    assert!(grown < GROWTH_MAX_KIB, "memory grew by {grown} KiB");
    assert!(most_files < files + 2_000, "{most_files} files were open");
    wait_until(SOON, "all strangers are gone", || (gateway.files() <= files + FILES_LEFT_MAX).then_some(()));
    assert_eq!(session.ask("SELECT @kept"), "kept");
    assert_eq!(login.says("SELECT 'in'"), "in", "at the first try");
    let log = gateway.log();
    assert!(!log.contains("panicked") && !log.contains(&login.secret), "{log}");
    assert!(log.lines().count() < 1_000, "strangers do not fill the log");
}
