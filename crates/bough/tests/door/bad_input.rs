//! What bad input gets: a clear `{code, message}` and no change; and what a door has to bear: half-sent
//! requests, thousands of idle connections, repetitions, haste.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bough_testkit::{Answer, Bough, Client, Options, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const JSON: (&str, &str) = ("content-type", "application/json");
/// Longest time that `/healthz` may take whatever else happens, on a machine that is busy.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);

/// A refusal of this status, in the form that all have.
#[track_caller]
fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text);
    let texts = |key: &str| answer.json[key].as_str().is_some_and(|text| !text.is_empty());
    assert!(texts("code") && texts("message"), "{}", answer.text);
    let id = answer.header("x-request-id").expect("x-request-id");
    assert!(
        !id.is_empty() && !answer.text.contains(id),
        "a refusal's body names the request: {}",
        answer.text
    );
    assert!(!answer.text.contains('\u{0}') && !answer.text.contains("panicked"), "{}", answer.text);
}

fn alive(bough: &Bough) {
    let started = Instant::now();
    let answer = bough.anonymous().get("/healthz").expect(200);
    let took = started.elapsed();
    assert!(answer.text == "ok\n" && took < ALIVE_WITHIN, "/healthz took {took:?}");
}

fn connect(bough: &Bough) -> TcpStream {
    let stream = TcpStream::connect(bough.base().trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a limit");
    stream
}

/// Sends raw bytes on a connection of their own.
fn send_raw(bough: &Bough, text: &str) -> TcpStream {
    let mut stream = connect(bough);
    stream.write_all(text.as_bytes()).expect("sent");
    stream
}

fn received(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is no matter.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn count(client: &Client) -> Value {
    client.get(&client.org("/service-tokens")).expect(200).json["total_count"].clone()
}

#[test]
fn bodies_headers_and_paths() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let post_line = format!("POST {} HTTP/1.1\r\nhost: x\r\n", admin.org("/service-tokens"));
    let credential = format!("authorization: {}\r\n", bough.setup_token().authorization());
    // Half a request, half a body, a body that breaks off, nonsense: nobody waits for them.
    let half = send_raw(&bough, "GET /v1/regions HTTP/1.1\r\nhost: x\r\nx-slow: ");
    let half_body =
        send_raw(&bough, &format!("{post_line}{credential}content-length: 100\r\n\r\n{{\"name\": "));
    let started = Instant::now();
    alive(&bough);
    let broken = send_raw(&bough, &format!("{post_line}{credential}content-length: 100\r\n\r\n{{}}"));
    broken.shutdown(std::net::Shutdown::Write).expect("half closed");
    let text = received(broken);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{text}");
    let nonsense = "\u{1}\u{2}GARBAGE / / /\r\n\r\n".to_owned();
    let lengths = format!("{post_line}{credential}content-length: 5\r\ncontent-length: 6\r\n\r\n{{}}   ");
    let smuggled =
        format!("{post_line}{credential}transfer-encoding: xchunked\r\ncontent-length: 3\r\n\r\n{{}} ");
    for raw in [nonsense, lengths, smuggled] {
        let text = received(send_raw(&bough, &raw));
        assert!(text.starts_with("HTTP/1.1 400"), "{raw}: {text}");
    }

    let (path, databases) = (admin.org("/service-tokens"), admin.org("/databases"));
    let before = count(&admin);
    let deep = format!("{{\"x\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bad: [&[u8]; 13] = [
        b"{",
        b"[]",
        b"null",
        b"5",
        b"\"name\"",
        b"{}{}",
        b"{'name': 'x'}",
        b"{\"name\": \"\xff\"}",
        b"{\"name\": nul}",
        b"{\"name\": \"x\", \"name\": \"y\"}",
        b"{\"name\": {\"a\": 1}}",
        b"\0",
        deep.as_bytes(),
    ];
    for body in bad {
        refused(&admin.send("POST", &path, &[JSON], Some(body)), 400);
        refused(&admin.send("POST", &databases, &[JSON], Some(body)), 400);
    }
    let large = vec![b' '; 10 * 1024 * 1024];
    refused(&admin.send("POST", &path, &[JSON], Some(&large)), 413);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml; charset=utf-8", "json"]
    {
        refused(&admin.send("POST", &path, &[("content-type", kind)], Some(b"{}")), 415);
    }
    let long = "x".repeat(64 * 1024);
    refused(&admin.send("GET", "/v1/organizations", &[("x-long", &long)], None), 431);
    refused(&bough.anonymous().send("GET", "/v1/regions", &[("x-long", &long)], None), 431);
    assert_eq!(count(&admin), before, "nothing was made");

    // Who may not know gets the 404, whatever the body.
    let nobody = bough.client(&bough.token(&[]));
    for (kind, body) in [("application/json", &b"{"[..]), ("text/plain", b"x"), ("application/json", &large)]
    {
        let answer = nobody.send("POST", &path, &[("content-type", kind)], Some(body));
        refused(&answer, 404);
        assert_eq!(answer.str("/message"), "Not Found");
        refused(&bough.anonymous().send("POST", &path, &[("content-type", kind)], Some(body)), 401);
    }

    let made = |answer: Answer| assert!(answer.expect(200).json["token"].is_string());
    for kind in
        ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"]
    {
        made(admin.send(
            "POST",
            &path,
            &[("content-type", kind)],
            Some(b"{\"whatever\": [1, {}], \"name\": \"x\"}"),
        ));
        made(admin.send("POST", &path, &[("content-type", kind)], Some(b"")));
        made(admin.send("POST", &path, &[("content-type", kind)], Some(b" \r\n ")));
    }
    made(admin.send("POST", &path, &[], Some(b"{}")));
    let regions = admin.get("/v1/regions").expect(200).text;
    for path in ["//v1/regions", "/v1//regions", "/v1/regions/", "///v1///regions//"] {
        assert_eq!(admin.get(path).expect(200).text, regions, "{path}");
    }

    for path in ["/v1", "/v1/", "/v1/nonsense", "/v1/organizations/acme/nonsense", "/v1/Regions"] {
        refused(&admin.get(path), 404);
        refused(&bough.anonymous().get(path), 401);
    }
    // Outside the API's part of the addresses there are pages: who is nobody is asked who he is first.
    let page = bough.anonymous().get("/nonsense").expect(303);
    assert_eq!(page.header("location"), Some("/login?next=%2Fnonsense"));
    for (method, path) in
        [("PUT", &*databases), ("DELETE", &*path), ("POST", "/v1/regions"), ("BREW", "/v1/regions")]
    {
        refused(&admin.send(method, path, &[JSON], Some(b"{}")), 405);
        refused(&bough.anonymous().send(method, path, &[JSON], Some(b"{}")), 401);
    }
    for name in ["%00", "%ff%fe", "a%2Fb", "%3Cb%3E", "x'%20OR%201=1--", "%2e%2e", &"a".repeat(5_000)] {
        refused(&admin.get(&format!("{databases}/{name}")), 404);
        refused(&admin.get(&admin.org(&format!("/service-tokens/{name}"))), 404);
        admin.get(&format!("{databases}?q={name}")).expect(200);
    }

    // The half-sent body is given up after a while; the server has not waited for it.
    alive(&bough);
    let text = received(half_body);
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("request_timeout"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(35), "after {:?}", started.elapsed());
    drop(half);
}

#[test]
fn idle_connections() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("raised");
    let wanted = if hard >= 5_500 { 5_000 } else { 2_000 };
    if wanted < 5_000 {
        #[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
        {
            println!("only {wanted} connections: the limit of open files is {hard}");
        }
    }
    // All of them come from one address.
    let env = vec![("BOUGH_SERVER_CONNECTIONS_PER_ADDRESS".to_owned(), "0".to_owned())];
    let bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    let idle: Vec<TcpStream> = (0..wanted).map(|_| connect(&bough)).collect();
    alive(&bough);
    // All of them are held, and served when they ask.
    for mut stream in idle.iter().step_by(wanted / 10) {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    assert_eq!(bough.admin().get("/v1/organizations").status, 200);
}

#[test]
fn repeated_requests() {
    let mut bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let path = admin.org("/service-tokens");
    let post = |client: &Client, path: &str, key: &str, body: &Value| {
        client.send("POST", path, &[JSON, ("idempotency-key", key)], Some(body.to_string().as_bytes()))
    };
    let body = json!({"name": "once"});
    let first = post(&admin, &path, "k1", &body).expect(200);
    assert!(first.json["token"].is_string() && first.header("idempotent-replay").is_none());
    let before = count(&admin);
    let mut without = first.json.clone();
    without["token"] = Value::Null;
    let replayed = |answer: &Answer| {
        assert_eq!(
            (answer.status, answer.header("idempotent-replay")),
            (200, Some("true")),
            "{}",
            answer.text
        );
        assert_eq!(answer.json, without, "the same, but for the secret");
    };
    replayed(&post(&admin, &path, "k1", &body));
    refused(&post(&admin, &path, "k1", &json!({"name": "other"})), 422);
    assert_eq!(count(&admin), before);
    // Another path and another principal have keys of their own.
    let second = bough.token(&[("", &["write_service_tokens"])]);
    let other = post(&bough.client(&second), &path, "k1", &body).expect(200);
    assert!(other.json["id"] != first.json["id"] && other.json["token"].is_string());
    post(&admin, &format!("{path}/{}/rotate", second.id), "k1", &json!({})).expect(200);
    // What was refused was not carried out, and may be tried again.
    refused(&post(&admin, &path, "k2", &json!({"ttl": -1})), 422);
    assert!(post(&admin, &path, "k2", &json!({"ttl": 60})).expect(200).json["token"].is_string());
    for wrong in ["", &"k".repeat(256)] {
        refused(&post(&admin, &path, wrong, &body), 400);
    }
    // Twenty at once: one is carried out; the others wait their turn or are given its answer.
    let before = count(&admin).as_u64().expect("a number");
    let statuses: Vec<(u16, bool)> = std::thread::scope(|scope| {
        let send = || {
            let answer = post(&admin, &path, "k3", &body);
            (answer.status, answer.header("idempotent-replay").is_some())
        };
        let sent: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
        sent.into_iter().map(|sent| sent.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|one| **one == (200, false)).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|one| matches!(one, (200, _) | (409, false))), "{statuses:?}");
    assert_eq!(count(&admin), json!(before + 1));
    bough.stop();
    bough.serve();
    replayed(&post(&bough.admin(), &path, "k1", &body));
}

#[test]
fn too_many_requests() {
    let env = vec![("BOUGH_API_RATE_LIMIT_PER_MINUTE".to_owned(), "5".to_owned())];
    let bough = Bough::start_with(BOUGH, Options { env, ..Options::default() });
    let admin = bough.admin();
    for left in (0..5).rev() {
        let answer = admin.get("/v1/organizations").expect(200);
        assert_eq!(answer.header("ratelimit-remaining"), Some(&*left.to_string()));
    }
    let answer = admin.get("/v1/organizations");
    refused(&answer, 429);
    let wait: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("Retry-After");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.str("/code"), "too_many_requests");
    refused(&admin.get("/v1/nonsense"), 429);
    // Somebody else has a limit of his own, and so has guessing.
    let other = bough.foreign("globex");
    bough.client(&other).get("/v1/organizations").expect(200);
    let wrong = bough.anonymous().with_authorization(Some("x"));
    for _ in 0..5 {
        refused(&wrong.get("/v1/organizations"), 401);
    }
    refused(&wrong.get("/v1/organizations"), 429);
    alive(&bough);
}

#[test]
fn a_request_has_one_id_everywhere() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let answer = admin.post(&admin.org("/service-tokens"), &json!({})).expect(200);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    let entry = admin.get(&admin.org("/audit-log?limit=1")).expect(200);
    assert_eq!(
        (entry.str("/data/0/request_id"), entry.str("/data/0/audit_action")),
        (&*id, "service_token.created")
    );
    assert_ne!(entry.header("x-request-id"), Some(&*id));
    wait_until(Duration::from_secs(5), "the id in the log", || bough.log().contains(&id).then_some(()));
    for path in ["/v1/regions", "/v1/nonsense"] {
        assert!(admin.get(path).header("x-request-id").is_some(), "{path}");
    }
}
