//! What clients can do to a door without saying anything sensible: drip, stall, pour, never read, come
//! in thousands. Others are served meanwhile, and the memory that all of it takes is bounded.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bough_testkit::{Bough, Raw, RawAnswer, Wire, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for `/healthz` whatever else happens, on a machine that is busy. Somebody who has to wait
/// until a dripping client is given up waits for half a minute.
const ALIVE_WITHIN: Duration = Duration::from_secs(20);
/// How often somebody asks who was not heard.
const TRIES: usize = 5;
/// Connections from one address that say nothing whole.
const DRIPPING: usize = 10_000;
/// Files that this process needs beside its connections.
const OWN_FILES: u64 = 500;

pub fn say(line: &str) {
    #[allow(clippy::print_stdout, reason = "a test says what it measured and what it leaves out")]
    {
        println!("{line}");
    }
}

/// As many connections as wanted, or as the system lets this process have.
pub fn affordable(wanted: usize) -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("raised");
    let room = usize::try_from(hard.saturating_sub(OWN_FILES)).unwrap_or(usize::MAX);
    if room < wanted {
        say(&format!("only {room} connections instead of {wanted}: the limit of open files is {hard}"));
    }
    wanted.min(room)
}

fn open(bough: &Bough) -> TcpStream {
    Wire::to(bough.base(), LIMIT).take().expect("a connection")
}

/// Asks, and once more on another connection where that had to give way before it was heard: as clients do.
fn patient(wire: &mut Wire, request: &Raw) -> RawAnswer {
    let tried = (0..TRIES).find_map(|_| {
        let answer = wire.ask(request);
        if answer.is_err() {
            wire.end();
        }
        answer.ok()
    });
    tried.unwrap_or_else(|| panic!("{} {}: not heard", request.method, request.target))
}

/// How long `/healthz` takes on a connection of its own.
fn alive(bough: &Bough) -> Duration {
    let started = Instant::now();
    let answer = patient(&mut Wire::to(bough.base(), LIMIT), &Raw::new("GET", "/healthz"));
    let took = started.elapsed();
    assert_eq!((answer.status, &*answer.body), (200, &b"ok\n"[..]));
    assert!(took < ALIVE_WITHIN, "/healthz took {took:?}");
    took
}

fn figure(bough: &Bough, name: &str) -> u64 {
    let page = bough.anonymous().get("/metrics").expect(200).text;
    let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("a figure");
    line.trim().parse().expect("a number")
}

/// How many requests have been answered with a status.
fn answered(bough: &Bough, operation: &str, status: u16) -> u64 {
    let name = format!("bough_api_requests_total{{operation=\"{operation}\",status=\"{status}\"}}");
    let page = bough.anonymous().get("/metrics").expect(200).text;
    page.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok()).unwrap_or(0)
}

/// Whether the other side has ended a connection.
fn ended(stream: &TcpStream) -> bool {
    let mut byte = [0];
    let _ = stream.set_nonblocking(true);
    let end = match stream.peek(&mut byte) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    let _ = stream.set_nonblocking(false);
    end
}

#[test]
fn ten_thousand_that_drip_keep_nobody_out() {
    let bough = Bough::start(BOUGH);
    let wanted = affordable(DRIPPING);
    let admin =
        Raw::new("GET", "/v1/organizations").header("authorization", &bough.setup_token().authorization());
    // Somebody who keeps his connection, and makes another one when it had to give way.
    let mut kept = Wire::to(bough.base(), LIMIT);
    assert_eq!(patient(&mut kept, &admin).status, 200);
    let quiet = bough.resident_kib();
    let (over, held, came) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let drip = |share: usize| {
        let drop_in = || {
            let mut stream = open(&bough);
            let _ = stream.write_all(b"GET /v1/regions HTTP/1.1\r\nhost: x\r\nx-slow: ");
            came.fetch_add(1, Ordering::Relaxed);
            stream
        };
        let mut streams: Vec<TcpStream> = Vec::new();
        while streams.len() < share && !over.load(Ordering::Relaxed) {
            streams.push(drop_in());
            held.fetch_add(1, Ordering::Relaxed);
        }
        while !over.load(Ordering::Relaxed) {
            for stream in &mut streams {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                // Whoever is sent away comes back.
                if stream.write_all(b"x").is_err() || ended(stream) {
                    *stream = drop_in();
                }
            }
        }
    };
    let (slowest, checks) = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| drip(wanted / 2));
        }
        let watch = || {
            let (mut slowest, mut checks, mut since) = (Duration::ZERO, 0, 0);
            // While they come, and while all of them are held and come back.
            while since < 200 {
                slowest = slowest.max(alive(&bough));
                assert_eq!(patient(&mut kept, &admin).status, 200);
                checks += 1;
                since += usize::from(held.load(Ordering::Relaxed) >= wanted / 2 * 2);
            }
            (slowest, checks)
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(watch));
        over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let (given_up, grown) =
        (figure(&bough, "bough_connections_given_up_total"), bough.resident_kib() - quiet);
    say(&format!(
        "{} connections came, {wanted} at once; {given_up} gave way; /healthz was asked {checks} times and took {slowest:?} \
         at most; memory grew by {grown} KiB",
        came.load(Ordering::Relaxed)
    ));
    assert!(given_up >= 5_000 || wanted < DRIPPING, "{given_up} gave way: the limit was not reached");
    assert!(grown < 128 * 1024, "memory grew by {grown} KiB");
    nobody_is_left(&bough);
}

/// Waits until there are no more connections than those of whoever asks.
fn nobody_is_left(bough: &Bough) {
    wait_until(LIMIT, "no connection is left", || (figure(bough, "bough_connections ") <= 3).then_some(()));
}

/// What clients send that mean harm, or are broken, or are no clients of HTTP at all.
fn nonsense(bough: &Bough) -> Vec<Vec<u8>> {
    let tokens = bough.admin().org("/service-tokens");
    let credential = bough.setup_token().authorization();
    let get = |target: &str| Raw::new("GET", target);
    let post = |body: Vec<u8>| {
        let request = Raw::new("POST", &tokens).header("authorization", &credential);
        Raw { body: Some(body), ..request }
    };
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() / 2);
        bytes
    };
    let many = (0..5_000).fold(get("/v1/regions"), |request, at| request.header(&format!("x-{at}"), "x"));
    let chunked = Raw::new("POST", &tokens).header("authorization", &credential);
    let chunked = chunked.header("transfer-encoding", "chunked");
    let chunks = |text: &str| Raw { body: Some(text.as_bytes().to_vec()), ..chunked.clone() }.bytes();
    let deep =
        |open: &str, close: &str| format!("{{\"x\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
    vec![
        Vec::new(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\0".repeat(10_000),
        b"GET /".to_vec(),
        cut(get("/v1/regions").header("x-slow", "x").bytes()),
        get(&format!("/v1/{}", "u".repeat(1_000_000))).bytes(),
        get(&format!("/v1/regions?{}", "q=1&".repeat(2_000))).bytes(),
        get("/v1/regions").header("x-large", &"h".repeat(300_000)).bytes(),
        many.bytes(),
        get("/v1/regions").header("authorization", "x").bytes(),
        get("/v1/regions").bytes().repeat(50),
        get("/v1/openapi.json").bytes().repeat(20),
        cut(post(vec![b' '; 100_000]).bytes()),
        post(vec![b'['; 1_000_000]).bytes(),
        post(deep("[", "]").into_bytes()).bytes(),
        post(deep("{\"x\":", "}").into_bytes()).bytes(),
        post(b"{}".to_vec()).header("content-length", "99999999999999999999").bytes(),
        post(b"{}".to_vec()).header("expect", "100-continue").bytes(),
        Raw { body: Some(vec![b' '; 2_000_000]), ..Raw::new("POST", &tokens) }.bytes(),
        chunks("ffffffffffffffff\r\n{}"),
        chunks(&format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "extension".repeat(10_000))),
        chunks(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "trailer: x\r\n".repeat(10_000))),
        chunks(&"1\r\n \r\n".repeat(20_000)),
    ]
}

#[test]
fn nothing_is_left_of_connections_that_misbehave() {
    /// Connections before memory is measured, and after.
    const FIRST: usize = 2_000;
    const THEN: usize = 6_000;
    let bough = Bough::start(BOUGH);
    let kinds = nonsense(&bough);
    let misbehave = |count: usize| {
        let answered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (kinds, answered, bough) = (&kinds, &answered, &bough);
                scope.spawn(move || {
                    for number in (thread..count).step_by(2) {
                        let mut stream = open(bough);
                        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a limit");
                        // Whether it is taken is not the question, nor whether it is answered.
                        let _ = stream.write_all(&kinds[number / 2 % kinds.len()]);
                        if number % 3 == 0 {
                            let _ = stream.shutdown(std::net::Shutdown::Write);
                            let mut start = [0; 12];
                            let whole = stream.read_exact(&mut start).is_ok();
                            assert!(!whole || !start.ends_with(b" 500"), "{number}");
                            answered.fetch_add(usize::from(whole), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        nobody_is_left(&bough);
        answered.into_inner()
    };
    misbehave(FIRST);
    let before = bough.resident_kib();
    let answered = misbehave(THEN);
    let after = bough.resident_kib();
    say(&format!("{THEN} connections, {answered} answered: {before} KiB before, {after} KiB after"));
    assert!(answered > THEN / 6, "only {answered} were answered");
    assert!(after < before + 20 * 1024, "{before} KiB before, {after} KiB after");
    assert!(!bough.log().contains("panicked"), "something panicked");
    alive(&bough);
}

#[test]
fn clients_that_never_read_and_bodies_that_never_end() {
    let bough = Bough::start(BOUGH);
    let quiet = bough.resident_kib();
    let many = affordable(500);
    // Each asks for 200 MB, and takes none of it.
    let asked = Raw::new("GET", "/v1/openapi.json").bytes().repeat(2_000);
    let pouring: Vec<TcpStream> = (0..many)
        .map(|_| {
            let mut stream = open(&bough);
            stream.set_write_timeout(Some(Duration::from_millis(20))).expect("a limit");
            let _ = stream.write_all(&asked);
            stream
        })
        .collect();
    alive(&bough);
    let unread = bough.resident_kib() - quiet;
    // All but the last byte of the largest body, from somebody who may send it.
    let tokens = bough.admin().org("/service-tokens");
    let request = Raw::new("POST", &tokens).header("authorization", &bough.setup_token().authorization());
    let body = Raw { body: Some(vec![b' '; 1024 * 1024]), ..request };
    let mut bytes = body.bytes();
    bytes.pop();
    let stalled: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = open(&bough);
            let _ = stream.write_all(&bytes);
            stream
        })
        .collect();
    alive(&bough);
    let refused = wait_until(LIMIT, "bodies for which there is no room are refused", || {
        let refused = answered(&bough, "create_service_token", 503);
        (refused >= 100).then_some(refused)
    });
    let unfinished = bough.resident_kib() - quiet;
    say(&format!(
        "{many} that do not read: {unread} KiB more; with 200 MiB of unfinished bodies offered, of which {refused} were \
         refused: {unfinished} KiB more"
    ));
    assert!(unread < 256 * 1024, "{unread} KiB");
    assert!(unfinished < 512 * 1024, "{unfinished} KiB");
    drop((pouring, stalled));
    nobody_is_left(&bough);
    let whole = wait_until(LIMIT, "a large body is taken in again", || {
        let answer = Wire::to(bough.base(), LIMIT).ask(&body).expect("an answer");
        (answer.status != 503).then_some(answer)
    });
    assert_eq!(whole.status, 200, "{}", whole.text());
}

#[test]
fn those_who_wait_do_not_hold_up_those_who_change() {
    let bough = Bough::start(BOUGH);
    bough.database("shop");
    let admin = bough.admin();
    let path = admin.org("/databases/shop/branches/main");
    let id = admin.get(&path).expect(200).str("/id").to_owned();
    let folder = bough.data_dir().join("engine/branches").join(id);
    let away = folder.with_extension("away");
    // As long as its folder is missing, the branch cannot be ready again.
    std::fs::rename(&folder, &away).expect("the folder is moved");
    for pid in bough.branch_servers() {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("killed");
    }
    let pending = || admin.get(&path).expect(200).json["ready"] == serde_json::json!(false);
    wait_until(LIMIT, "the branch is pending", || pending().then_some(()));
    let wait = Raw::new("GET", &format!("{path}?wait=ready"));
    let ask = |token: &bough_testkit::Token| {
        let request = wait.clone().header("authorization", &token.authorization());
        let mut wire = Wire::to(bough.base(), LIMIT + LIMIT);
        wire.send(&request.bytes()).expect("sent");
        wire
    };
    let eager: Vec<_> = (0..5).map(|_| bough.token(&[("shop", &["read_branch"])])).collect();
    // More than there are threads for work that takes its time.
    let waiting: Vec<Wire> = eager.iter().flat_map(|token| (0..160).map(|_| ask(token))).collect();
    // Some are let wait. All others are answered with what there is.
    let told = || answered(&bough, "get_branch", 200);
    wait_until(LIMIT, "most are told not to wait", || (told() >= 600).then_some(()));
    let started = Instant::now();
    admin.post(&admin.org("/service-tokens"), &serde_json::json!({})).expect(200);
    assert!(started.elapsed() < ALIVE_WITHIN, "a change took {:?}", started.elapsed());
    alive(&bough);
    std::fs::rename(&away, &folder).expect("the folder is put back");
    let answers: Vec<RawAnswer> =
        waiting.into_iter().map(|mut wire| wire.answer(false).expect("an answer")).collect();
    let ready = |answer: &&RawAnswer| answer.json()["ready"] == serde_json::json!(true);
    assert!(answers.iter().all(|answer| answer.status == 200));
    let waited = answers.iter().filter(ready).count();
    assert!((50..=300).contains(&waited), "{waited} waited");
}
