//! Canaries: a value of its own in every place that takes a secret, and in every place that does not and
//! might be given one by mistake. Afterwards none of them is in the log, in a refusal, in the audit log, in
//! the figures, in the store (also its write-ahead log), or in any other file.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bough_model::PasswordVerifiers;
use bough_testkit::{Bough, Options, Raw, RawAnswer, Token, Wire, wait_until};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(60);
/// So much of a secret is not found by chance, in bytes.
const TELLING: usize = 16;

/// What must be nowhere.
struct Canary {
    name: String,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Canaries(Vec<Canary>);

impl Canaries {
    /// A token's secret: without its prefix, which is no secret.
    fn token(&mut self, name: &str, secret: &str) {
        let text = secret.strip_prefix("pscale_tkn_").expect("a token's secret").to_owned();
        self.plain(name, &text);
    }

    /// A password's secret, likewise; and what it is verified with, which is kept encrypted only.
    fn password(&mut self, name: &str, secret: &str) {
        self.plain(name, secret.strip_prefix("pscale_pw_").expect("a password's secret"));
        let verifiers = PasswordVerifiers::of(secret.as_bytes());
        self.bytes(&format!("{name}, the one verifier"), verifiers.native());
        self.bytes(&format!("{name}, the other verifier"), verifiers.sha2());
    }

    fn plain(&mut self, name: &str, text: &str) {
        self.bytes(name, text.as_bytes());
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= TELLING, "{name} is too short to be told from anything else");
        self.0.push(Canary { name: name.to_owned(), bytes: bytes.to_vec() });
    }

    /// The names of those of which a telling part stands in some bytes: the beginning or the end.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let parts = |canary: &Canary| {
            let bytes = &canary.bytes;
            [bytes[..TELLING].to_vec(), bytes[bytes.len() - TELLING..].to_vec()]
        };
        let needles: Vec<(usize, Vec<u8>)> =
            self.0.iter().enumerate().flat_map(|(at, canary)| parts(canary).map(|part| (at, part))).collect();
        // What begins a needle: few bytes of a large file do, so the rest is looked at seldom.
        let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
        let mut begins = vec![false; 1 << 16];
        for (_, needle) in &needles {
            begins[pair(needle)] = true;
        }
        let mut found = vec![false; self.0.len()];
        for at in 0..bytes.len().saturating_sub(TELLING - 1) {
            if begins[pair(&bytes[at..])] {
                for (canary, needle) in &needles {
                    found[*canary] |= bytes[at..].starts_with(needle);
                }
            }
        }
        self.0.iter().zip(found).filter(|(_, found)| *found).map(|(canary, _)| canary.name.as_str()).collect()
    }

    #[track_caller]
    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        let found = self.found_in(bytes);
        assert!(found.is_empty(), "in {place}: {found:?}");
    }
}

/// Looks at every file below a folder, and counts them.
fn look_through(folder: &Path, canaries: &Canaries, seen: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            look_through(&path, canaries, seen);
        } else if kind.is_file() && entry.file_name() != "master-key" {
            let bytes = std::fs::read(&path).expect("a file");
            canaries.assert_absent(&path.display().to_string(), &bytes);
            seen.push(format!("{}:{}", path.display(), bytes.len()));
        }
    }
}

/// Sends things, and keeps what is not a success: that is what clients write into their logs.
struct Sender<'a> {
    bough: &'a Bough,
    wire: Wire,
    credential: String,
    refusals: String,
    sent: usize,
}

impl Sender<'_> {
    fn send(&mut self, request: &Raw) -> Option<RawAnswer> {
        let answer = self.wire.ask(request).ok();
        if answer.as_ref().is_none_or(|answer| answer.status >= 400) {
            self.wire.end();
        }
        if let Some(answer) = answer.as_ref().filter(|answer| answer.status >= 300) {
            let _ = writeln!(self.refusals, "{}\n{}\n", answer.head, answer.text());
        }
        self.sent += 1;
        answer
    }

    fn admin(&mut self, method: &str, target: &str) -> Raw {
        Raw::new(method, target).header("authorization", &self.credential)
    }

    /// A secret where it does not belong: in the path, the query, and in headers.
    fn misplace(&mut self, secret: &str) {
        let root = format!("/v1/organizations/{}", self.bough.organization);
        let escaped: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let half = secret.replace('_', "%5F");
        for text in [secret, &escaped, &half, &format!("id:{secret}"), &format!("x{secret}")] {
            for path in [
                format!("/v1/{text}"),
                format!("/v1/organizations/{text}"),
                format!("{root}/{text}"),
                format!("{root}/databases/{text}"),
                format!("{root}/databases/{text}/branches/{text}"),
                format!("{root}/databases/shop/branches/{text}/schema"),
                format!("{root}/service-tokens/{text}"),
                format!("{root}/service-tokens/{text}/access"),
                format!("{root}/members/{text}"),
                format!("{root}/databases/{}/{text}", "x".repeat(280)),
                format!("/avatars/{text}"),
                format!("/{text}"),
            ] {
                for method in ["GET", "DELETE", "POST", "BREW"] {
                    let request = self.admin(method, &path);
                    self.send(&request);
                    self.send(&Raw::new(method, &path));
                }
            }
            for name in [
                "q",
                "page",
                "per_page",
                "wait",
                "order",
                "production",
                "token",
                "filters[]",
                "starting_after",
            ] {
                for path in
                    ["/databases", "/databases/shop/branches", "/databases/shop/branches/main", "/audit-log"]
                {
                    let request = self.admin("GET", &format!("{root}{path}?{name}={text}&{text}={name}"));
                    self.send(&request);
                }
            }
        }
        for name in [
            "cookie",
            "user-agent",
            "referer",
            "x-api-key",
            "proxy-authorization",
            "content-type",
            "if-match",
            "idempotency-key",
            "x-request-id",
            "host",
        ] {
            let request = self.admin("POST", &format!("{root}/service-tokens")).header(name, secret);
            self.send(&Raw { body: Some(b"{\"ttl\": 60}".to_vec()), ..request });
            let request = Raw::new("GET", "/v1/regions").header(name, secret);
            self.send(&request);
        }
    }

    /// A secret in each field of each body, where it is no fit value and where it could be one.
    fn misplace_in_bodies(&mut self, secret: &str, token: &str, password: &str) {
        let description = self.bough.anonymous().get("/v1/openapi.json").expect(200).json;
        let organization = self.bough.organization.clone();
        for (path, methods) in description["paths"].as_object().expect("paths") {
            let path = path.replace("{organization}", &organization).replace("{database}", "shop");
            let id = if path.contains("/passwords/") { password } else { token };
            let path = format!("/v1{}", path.replace("{branch}", "main").replace("{id}", id));
            for (method, operation) in methods.as_object().expect("methods") {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                let name = schema["$ref"].as_str().map(|name| name.trim_start_matches('#'));
                let Some(body) = name.and_then(|name| description.pointer(name)) else { continue };
                let fields: Vec<&String> = body["properties"].as_object().expect("fields").keys().collect();
                let mut bodies =
                    vec![json!(secret), json!([secret]), json!({secret: secret}), json!({"unknown": secret})];
                for field in &fields {
                    for value in [
                        json!(secret),
                        json!([secret]),
                        json!({"a": secret}),
                        json!([{"database": secret, "accesses": [secret]}]),
                    ] {
                        let others = fields
                            .iter()
                            .filter(|other| other != &field)
                            .map(|other| ((*other).clone(), fitting(other)));
                        bodies.push(json!({*field: value}));
                        bodies.push(Value::Object(others.chain([((*field).clone(), value)]).collect()));
                    }
                }
                for body in bodies {
                    let request = self.admin(&method.to_uppercase(), &path).json(&body);
                    self.send(&request);
                }
            }
        }
    }
}

/// Something that the field of this name may hold, so that the others are looked at.
fn fitting(field: &str) -> Value {
    match field {
        "access" | "accesses" => json!(["read_branch"]),
        "grants" | "cidrs" => json!([]),
        "operation" => json!("get_branch"),
        "database" => json!("shop"),
        "name" | "new_name" => json!("UPPER is refused"),
        _ => Value::Null,
    }
}

#[test]
fn no_secret_is_kept_or_repeated_anywhere() {
    let mut canaries = Canaries::default();
    let password = "canary-of-the-setup-password-9f2c";
    canaries.plain("the password of setup", password);
    let env = vec![("BOUGH_LOG_LEVEL".to_owned(), "trace".to_owned())];
    let options = Options { env, password: Some(password.to_owned()), ..Options::default() };
    let mut bough = Bough::start_with(BOUGH, options);
    bough.database("shop");
    let admin = bough.admin();
    let tokens = admin.org("/service-tokens");
    canaries.token("the token of setup", &bough.setup_token().secret);

    // Everything that makes a secret or takes one, through the API and beside it.
    let made = admin.post(&tokens, &json!({"name": "made"})).expect(200);
    canaries.token("a token", made.str("/token"));
    let own = format!("{tokens}/{}", made.str("/id"));
    let rotated = admin.post(&format!("{own}/rotate"), &json!({"overlap_seconds": 60})).expect(200);
    canaries.token("a rotated token", rotated.str("/token"));
    let key = "canary-of-an-idempotency-key-77aa";
    canaries.plain("an idempotency key", key);
    let with_key = [("idempotency-key", key), ("content-type", "application/json")];
    for _ in 0..2 {
        let answer = admin.send("POST", &tokens, &with_key, Some(b"{}")).expect(200);
        if let Some(secret) = answer.json["token"].as_str() {
            canaries.token("a token with a key", secret);
        }
    }
    let passwords = admin.org("/databases/shop/branches/main/passwords");
    let password = admin.post(&passwords, &json!({"name": "app", "ttl": 600})).expect(201);
    canaries.password("a branch's password", password.str("/plain_text"));
    let short = admin.post(&passwords, &json!({"short_secret": true, "role": "reader"})).expect(201);
    canaries.password("a short one", short.str("/plain_text"));
    for _ in 0..2 {
        let answer = admin.send("POST", &passwords, &with_key, Some(b"{}")).expect(201);
        if let Some(secret) = answer.json["plain_text"].as_str() {
            canaries.password("a password with a key", secret);
        }
    }
    let own_password = format!("{passwords}/{}", password.str("/id"));
    admin.send("POST", &format!("{own_password}/renew"), &[], None).expect(200);
    admin.patch(&own_password, &json!({"name": "web", "cidrs": ["10.0.0.0/8"]})).expect(200);
    let command = |args: &[&str], input: Option<&str>| -> Value {
        let args = [&["admin"], args, &["--json"]].concat();
        let output = match input {
            Some(input) => bough.run_with_input(&args, input),
            None => bough.run(&args),
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        canaries_of_output(&output.stderr);
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let people =
        ["canary-of-an-organization-5d1e", "canary-of-a-new-user-aa01b2", "canary-of-a-changed-one-c3d4"];
    for password in people {
        canaries.plain(password, password);
    }
    let globex = ["organization", "create", "globex", "--email", "eve@example.com", "--password-stdin"];
    let founded = command(&globex, Some(people[0]));
    canaries
        .token("another organization's token", founded["service_token"]["token"].as_str().expect("a secret"));
    command(&["user", "create", "bob@example.com", "--password-stdin"], Some(people[1]));
    command(&["user", "set-password", "bob@example.com", "--password-stdin"], Some(people[2]));
    let user = command(&["user", "create", "cy@example.com"], None);
    canaries.plain("a password that was made up", user["password"].as_str().expect("a password"));
    let created = command(&["token", "create", "--organization", "acme", "--all-accesses"], None);
    canaries.token("a token of the operator", created["token"].as_str().expect("a secret"));
    let again = command(&["token", "rotate", created["id"].as_str().expect("an id")], None);
    canaries.token("one that he rotated", again["token"].as_str().expect("a secret"));
    let master =
        std::fs::read_to_string(bough.data_dir().join("secrets/master-key")).expect("the master key");
    canaries.plain("the master key", master.trim());

    // Used rightly, wrongly, and where they do not belong.
    let mut sender = Sender {
        bough: &bough,
        wire: Wire::to(bough.base(), LIMIT),
        credential: bough.setup_token().authorization(),
        refusals: String::new(),
        sent: 0,
    };
    let known: Vec<String> =
        [made.str("/token"), rotated.str("/token"), &bough.setup_token().secret].map(str::to_owned).to_vec();
    for (number, secret) in known.iter().enumerate() {
        for value in [
            format!("{}:{secret}", made.str("/id")),
            format!("{secret}:{}", made.str("/id")),
            secret.clone(),
            format!("Bearer {secret}"),
            format!("Basic {secret}"),
            format!("token {}:{secret}x", made.str("/id")),
            format!("Bearer canary-of-a-bad-header-{number}"),
            format!("canary-of-a-bad-credential-{number}:canary-of-a-bad-secret-{number}"),
        ] {
            for path in ["/v1/organizations", &tokens, "/v1/nonsense", "/v1/regions"] {
                sender.send(&Raw::new("GET", path).header("authorization", &value));
            }
            sender.send(
                &Raw::new("GET", "/v1/regions")
                    .header("authorization", &value)
                    .header("authorization", &value),
            );
        }
    }
    for what in ["header", "credential", "secret"] {
        for number in 0..3 {
            let text = format!("canary-of-a-bad-{what}-{number}");
            canaries.plain(&text, &text);
        }
    }
    let secrets = [known[0].as_str(), password.str("/plain_text"), short.str("/plain_text")];
    for secret in secrets {
        sender.misplace(secret);
        sender.misplace_in_bodies(secret, &bough.token(&[]).id, password.str("/id"));
    }
    // By one who is refused, which is kept as a denial.
    let nothing = bough.token(&[]);
    sender.credential = nothing.authorization();
    sender.misplace(&known[1]);
    let (refusals, sent) = (sender.refusals, sender.sent);

    canaries.assert_absent("a refusal", refusals.as_bytes());
    let denials = format!("{tokens}/{}/denials?per_page=100", nothing.id);
    let denied = wait_until(LIMIT, "refusals are recorded", || {
        let answer = admin.get(&denials).expect(200);
        (answer.data().len() >= 20).then_some(answer)
    });
    canaries.assert_absent("the denials", denied.text.as_bytes());
    assert!(denied.text.contains("[hidden]"), "nothing was hidden in the denials: {}", denied.text);
    let pages = ["", "/access", "/grants", "/denials", "/usage"].map(|path| format!("{own}{path}"));
    let lists = [
        "/service-tokens?per_page=100",
        "/members",
        "/databases",
        "/databases/shop/branches",
        "/databases/shop/passwords?per_page=100",
    ];
    for path in pages.into_iter().chain(lists.map(|path| admin.org(path))).chain(["/metrics".to_owned()]) {
        canaries.assert_absent(&path, admin.get(&path).expect(200).text.as_bytes());
    }
    let mut events = 0;
    let mut path = admin.org("/audit-log?limit=100");
    loop {
        let page = admin.get(&path).expect(200);
        canaries.assert_absent("the audit log", page.text.as_bytes());
        events += page.data().len();
        match page.json["cursor_end"].as_str().filter(|_| page.json["has_next"] == json!(true)) {
            Some(last) => path = admin.org(&format!("/audit-log?limit=100&starting_after={last}")),
            None => break,
        }
    }

    // As a crash leaves it, with what is only in the write-ahead log yet; and as an orderly end does.
    bough.kill();
    let mut seen = Vec::new();
    look_through(&bough.data_dir(), &canaries, &mut seen);
    for name in
        ["store.sqlite:", "store.sqlite-wal:", "audit-heads:", "server.cnf:", "error.log:", "ibdata1:"]
    {
        let looked_at = seen.iter().any(|file| file.contains(name) && !file.ends_with(":0"));
        assert!(looked_at, "no {name} was looked at: {seen:?}");
    }
    bough.serve();
    bough.stop();
    look_through(&bough.data_dir(), &canaries, &mut seen);
    let log = bough.log();
    canaries.assert_absent("the log", log.as_bytes());
    assert!(log.contains("[hidden]") && log.lines().count() > sent / 2, "there is a log to look at");
    assert!(events > 20 && refusals.len() > 100_000, "{events} events, {} bytes of refusals", refusals.len());
}

/// Commands say what goes wrong on standard error, and nothing else.
fn canaries_of_output(stderr: &[u8]) {
    let text = String::from_utf8_lossy(stderr);
    assert!(!text.contains("canary") && !text.contains("pscale_tkn_"), "{text}");
}

#[test]
fn what_looks_for_canaries_finds_them() {
    let mut canaries = Canaries::default();
    let token = Token { id: "abcdefghij12".to_owned(), secret: format!("pscale_tkn_{}", "Ab1_".repeat(11)) };
    canaries.token("a token", &token.secret);
    canaries.plain("a password", "correct-horse-battery");
    for (text, found) in [
        (token.authorization(), vec!["a token"]),
        (token.secret[11..].to_owned(), vec!["a token"]),
        ("x".repeat(1_000) + "correct-horse-battery", vec!["a password"]),
        ("correct-horse-ba".to_owned(), vec!["a password"]),
        ("correct-horse".to_owned(), vec![]),
        (String::new(), vec![]),
    ] {
        assert_eq!(canaries.found_in(text.as_bytes()), found, "{text}");
    }
}
