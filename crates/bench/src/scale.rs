//! P14: the metadata at full size and at a hundredth of it, side by side: how long requests take, how soon a
//! killed Bough is ready again, how much memory it holds, and how many bytes each thing takes on the disk.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bough_control::model::{ActorKind, ActorRef, AuditEventId, OrganizationId, Timestamp};
use bough_store::audit::{NewEvent, Subject, append};
use bough_store::{Store, StoreError};
use bough_testkit::{Bough, Dice};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::fill::{self, MADE_AT, Tokens};
use crate::load::{self, Kept, Window};
use crate::machine;
use crate::numbers::{Spread, percentile};
use crate::places;
use crate::server::{Apart, address_of, bough_binary, from_env, get, keys_of, measured};
use crate::table::{Line, met, say};

/// All of it, unless `BOUGH_BENCH_DATABASES`, `…_BRANCHES`, `…_TOKENS` say otherwise.
const DATABASES: u64 = 10_000;
const BRANCHES: u64 = 100_000;
const TOKENS: u64 = 1_000_000;
/// Grants of each token.
const GRANTS_EACH: u64 = 10;
/// The smaller one has so many times less.
const SMALLER: u64 = 100;
/// What tokens hold besides, so that each may ask for all that is asked for.
const ON_ORGANIZATION: [&str; 2] = ["read_audit_logs", "read_service_tokens"];
/// Entries of the audit log written in one go.
const ENTRIES_AT_ONCE: u64 = 1_000;
/// Requests that are drawn from, each of another token.
const REQUESTS: u64 = 50_000;
/// Connections at once.
const CONNECTIONS: usize = 8;
/// Rounds of A B B A.
const ROUNDS: u64 = 5;
/// One window, in milliseconds.
const WINDOW_MILLIS: u64 = 3_000;
/// Starts after kill -9.
const STARTS: usize = 5;
/// Writes before each kill, so that there is a log to be read.
const WRITES_BEFORE_KILL: u64 = 50;
/// Longest wait for a start, in seconds.
const START_LIMIT_SECONDS: u64 = 60;
/// Time without requests before memory is looked at, in milliseconds: what was begun has ended.
const SETTLE_MILLIS: u64 = 3_000;
/// How long it is watched while nobody asks, in milliseconds.
const IDLE_MILLIS: u64 = 10_000;
/// Full size against a hundredth, at most.
const P99_GOAL: f64 = 1.5;
/// From kill -9 to `/readyz`, in seconds.
const READY_GOAL_SECONDS: f64 = 2.0;
/// Memory of an idle process with nothing in it, and with all of it, in MiB.
const EMPTY_GOAL_MIB: f64 = 60.0;
const FULL_GOAL_MIB: f64 = 400.0;

/// The kinds of requests, and how many of a hundred are of each.
const MIX: [(&str, u64); 5] = [
    ("GET branch", 60),
    ("list branches", 15),
    ("list databases", 10),
    ("list service tokens", 5),
    ("audit log page", 10),
];

/// One of the two, served.
struct Filled {
    bough: Bough,
    databases: u64,
    branches: u64,
    tokens: u64,
    /// Requests of each kind of [`MIX`].
    requests: Vec<Vec<Vec<u8>>>,
}

/// An entry for each branch, in the real chain.
fn fill_audit_log(bough: &Bough, file: &Path, entries: u64) -> Result<()> {
    let text = Connection::open(file)?
        .query_row("SELECT id FROM organizations LIMIT 1", [], |row| row.get::<_, String>(0))?;
    let organization = OrganizationId::parse(&text).context("an organization's id")?;
    let keys = keys_of(bough)?;
    let store = Store::open(file)?;
    for from in (0..entries).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
        let (key, organization) = (keys.audit().clone(), organization.clone());
        store.write(move |tx| {
            for number in from..entries.min(from + ENTRIES_AT_ONCE) {
                let id = AuditEventId::parse(&fill::id_of(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 10));
                let at = Timestamp::from_micros(MADE_AT + i64::try_from(number).unwrap_or(0));
                let database = Subject {
                    kind: "Database".to_owned(),
                    id: fill::id_of(number),
                    name: places::database_name(number),
                };
                let event = NewEvent {
                    id: id.ok_or(StoreError::Changed)?,
                    actor: ActorRef {
                        kind: ActorKind::ServiceToken,
                        id: fill::id_of_token(number),
                        display_name: format!("bench {number}"),
                    },
                    remote_ip: Some("192.0.2.17".to_owned()),
                    request_id: None,
                    action: "database_branch.created",
                    target: Subject { kind: "DatabaseBranch".to_owned(), ..database.clone() },
                    auditable: database,
                    metadata: "{\"parent_branch\":\"main\"}".to_owned(),
                };
                append(tx, &key, &organization, event, at)?;
            }
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

impl Filled {
    fn of(databases: u64, branches: u64, tokens: u64) -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        bough.database("shop");
        let admin = bough.admin();
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
        bough.wait_branch("shop", "dev");
        bough.stop();
        let filling = Instant::now();
        let file = bough.data_dir().join("store.sqlite");
        let each = branches / databases;
        places::fill(&file, "shop", databases, each)?;
        let wanted = Tokens {
            count: tokens,
            grants: tokens * GRANTS_EACH,
            on_organization: &ON_ORGANIZATION,
            all_read: None,
            databases: (0..databases).map(places::database_id).collect(),
        };
        fill::fill(&file, &bough.organization, &wanted)?;
        fill_audit_log(&bough, &file, branches)?;
        #[allow(clippy::cast_precision_loss, reason = "for people")]
        let gigabytes = std::fs::metadata(&file)?.len() as f64 / 1e9;
        say(&format!(
            "  {databases} databases, {branches} branches, {tokens} tokens with {GRANTS_EACH} grants each, {branches} entries \
             of the audit log: {gigabytes:.2} GB, filled in {:.0} s",
            filling.elapsed().as_secs_f64()
        ));
        bough.serve();
        let mut filled = Self { bough, databases, branches: each, tokens, requests: Vec::new() };
        let mut dice = Dice::new(5);
        for (kind, (_, weight)) in MIX.iter().enumerate() {
            let count = REQUESTS * weight / 100;
            let requests = (0..count).map(|_| filled.request(kind, &mut dice)).collect();
            filled.requests.push(requests);
        }
        Ok(filled)
    }

    /// A request of a kind, by a token of all, for something that it may see.
    fn request(&self, kind: usize, dice: &mut Dice) -> Vec<u8> {
        let below = |dice: &mut Dice, end: u64| dice.next() % end;
        let token = below(dice, self.tokens);
        let database = places::database_name(fill::nth_database(token, 0, self.databases));
        let path = match kind {
            0 => {
                let branch = match below(dice, self.branches) {
                    0 => "main".to_owned(),
                    nth => places::branch_name(nth),
                };
                format!("/databases/{database}/branches/{branch}")
            }
            1 => format!("/databases/{database}/branches"),
            2 => format!("/databases?page={}", 1 + below(dice, 4)),
            3 => format!("/service-tokens?page={}", 1 + below(dice, 4)),
            _ => "/audit-log".to_owned(),
        };
        let authorization = format!("{}:{}", fill::id_of_token(token), fill::secret_of(token));
        get(&self.bough.admin().org(&path), &authorization)
    }

    /// What is answered, before it is timed: as many things as there are, and the right ones.
    fn check(&self) -> Result<()> {
        let admin = self.bough.admin();
        let total = |path: &str| admin.get(&admin.org(path)).expect(200).json["total_count"].clone();
        ensure!(total("/databases") == json!(self.databases + 1), "other databases than were filled in");
        let tokens = total("/service-tokens");
        ensure!(tokens == json!(self.tokens + 1), "{tokens} tokens instead of {}", self.tokens + 1);
        let of_one = total(&format!("/databases/{}/branches", places::database_name(self.databases - 1)));
        ensure!(of_one == json!(self.branches), "{of_one} branches of one database");
        let mut kept = Kept::open(address_of(&self.bough)?)?;
        for (kind, (name, _)) in MIX.iter().enumerate() {
            let answer = kept.ask(&self.requests[kind][0])?;
            let body: Value = serde_json::from_slice(&answer.body)?;
            let some =
                if kind == 0 { body["state"] == json!("sleeping") } else { !body["data"][0].is_null() };
            ensure!(answer.status == 200 && some, "{name}: {} {body}", answer.status);
        }
        let servers = self.bough.branch_servers().len();
        ensure!(servers == 2, "{servers} branch servers run, and only two branches were made");
        Ok(())
    }

    fn address(&self) -> Result<SocketAddr> {
        address_of(&self.bough)
    }

    /// Seconds from starting it after kill -9, in the middle of writing, until it says that it is ready.
    fn restart(&mut self) -> Result<f64> {
        let admin = self.bough.admin();
        for number in 0..WRITES_BEFORE_KILL {
            admin.post(&admin.org("/service-tokens"), &json!({"name": format!("kill {number}")})).expect(200);
        }
        self.bough.kill();
        let started = Instant::now();
        self.bough.serve_with_env(&[]);
        let file = self.bough.data_dir().join("run/addresses.json");
        let limit = Duration::from_secs(START_LIMIT_SECONDS);
        let ready = || {
            let text = std::fs::read_to_string(&file).ok()?;
            let address: SocketAddr =
                serde_json::from_str::<Value>(&text).ok()?["http"].as_str()?.parse().ok()?;
            (Kept::open(address).ok()?.ask(&get("/readyz", "")).ok()?.status == 200).then_some(())
        };
        bough_engine::wait_until(limit, Duration::from_millis(1), ready).context("it does not get ready")?;
        let seconds = started.elapsed().as_secs_f64();
        self.bough.wait_ready();
        Ok(seconds)
    }

    /// Milliseconds for what looks through all there is: the last page, a search by a part of a name, figures.
    fn looking_through(&self) -> Result<[f64; 3]> {
        let admin = self.bough.admin();
        let last = self.tokens / 100;
        let paths = [
            admin.org(&format!("/service-tokens?per_page=100&page={last}")),
            admin.org("/databases?q=00077"),
            "/metrics".to_owned(),
        ];
        let mut kept = Kept::open(self.address()?)?;
        let mut one = |path: &String| {
            let request = get(path, &self.bough.setup_token().authorization());
            let taken = (0..ROUNDS).map(|_| {
                let answer = kept.ask(&request)?;
                ensure!(answer.status == 200, "{path}: {}", answer.status);
                Ok(answer.micros / 1e3)
            });
            Ok::<_, anyhow::Error>(Spread::of(&taken.collect::<Result<Vec<_>>>()?).median)
        };
        Ok([one(&paths[0])?, one(&paths[1])?, one(&paths[2])?])
    }

    /// How much of a CPU it uses while nobody asks, in percent.
    fn idle_percent(&self) -> f64 {
        let before = machine::cpu_seconds(self.bough.pid());
        std::thread::sleep(Duration::from_millis(IDLE_MILLIS));
        (machine::cpu_seconds(self.bough.pid()) - before) * 100.0
            / Duration::from_millis(IDLE_MILLIS).as_secs_f64()
    }

    /// The bytes of tables and their indexes, by table.
    fn bytes(&self) -> Result<Vec<(String, f64)>> {
        let db = Connection::open(self.bough.data_dir().join("store.sqlite"))?;
        let mut statement = db.prepare(
            "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name \
             WHERE s.aggregate = TRUE GROUP BY m.tbl_name",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// What one of the two took: microseconds by kind, and of all.
#[derive(Default)]
struct Taken {
    p99_of_kind: [Vec<f64>; MIX.len()],
    p50_of_kind: [Vec<f64>; MIX.len()],
    p99: Vec<f64>,
    per_second: Vec<f64>,
}

impl Taken {
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    fn add(&mut self, window: &Window) {
        for kind in 0..MIX.len() {
            let micros: Vec<f64> = window
                .micros
                .iter()
                .zip(&window.kinds)
                .filter(|(_, of)| **of == kind)
                .map(|(m, _)| *m)
                .collect();
            self.p99_of_kind[kind].push(percentile(&micros, 0.99));
            self.p50_of_kind[kind].push(percentile(&micros, 0.5));
        }
        self.p99.push(percentile(&window.micros, 0.99));
        self.per_second.push(window.micros.len() as f64 / window.seconds);
    }
}

fn timed(small: &Filled, full: &Filled) -> Result<Vec<Line>> {
    let apart = Apart::keep(&[small.bough.pid(), full.bough.pid()]);
    say(&format!("  {}", apart.says()));
    let weights = MIX.map(|(_, weight)| weight);
    let window = |filled: &Filled, seed| {
        let length = Duration::from_millis(WINDOW_MILLIS);
        load::mixed(filled.address()?, &filled.requests, &weights, CONNECTIONS, length, seed)
    };
    for filled in [small, full] {
        window(filled, 1)?;
    }
    let (mut of_small, mut of_full) = (Taken::default(), Taken::default());
    let mut seed = 100;
    for _ in 0..ROUNDS {
        for is_full in [true, false, false, true] {
            seed += 1;
            let (filled, taken) = if is_full { (full, &mut of_full) } else { (small, &mut of_small) };
            let got = window(filled, seed)?;
            ensure!(got.failed == 0, "{} answers under load were not 200, so there is no number", got.failed);
            taken.add(&got);
        }
    }
    let line = |what: &str, full: &[f64], small: &[f64]| {
        let (full, small) = (Spread::of(full), Spread::of(small));
        let ratio = full.median / small.median;
        Line {
            measure: format!("P14 {what}, p99"),
            goal: format!("<= {P99_GOAL} x"),
            ours: full.show("us", 0),
            beside: format!("at 1 % {}", small.show("us", 0)),
            ratio: format!("{ratio:.2}"),
            met: met(ratio <= P99_GOAL),
        }
    };
    say(&format!(
        "  requests/s: {} at full size, {} at 1 %",
        Spread::of(&of_full.per_second).show("", 0),
        Spread::of(&of_small.per_second).show("", 0)
    ));
    let mut lines = vec![line("the mix of requests", &of_full.p99, &of_small.p99)];
    for (kind, (name, _)) in MIX.iter().enumerate() {
        lines.push(line(name, &of_full.p99_of_kind[kind], &of_small.p99_of_kind[kind]));
        say(&format!(
            "  {name}, p50: {} at full size, {} at 1 %",
            Spread::of(&of_full.p50_of_kind[kind]).show("us", 0),
            Spread::of(&of_small.p50_of_kind[kind]).show("us", 0)
        ));
    }
    Ok(lines)
}

fn ready(filled: &mut Filled) -> Result<Spread> {
    Ok(Spread::of(&(0..STARTS).map(|_| filled.restart()).collect::<Result<Vec<_>>>()?))
}

fn memory(what: &str, goal: f64, filled: &[f64], beside: String) -> Line {
    let most = percentile(filled, 1.0);
    Line {
        measure: format!("P14 memory of the process, {what}"),
        goal: format!("<= {goal} MiB"),
        ours: format!("{most:.0} MiB"),
        beside,
        ratio: String::new(),
        met: met(most <= goal),
    }
}

/// Memory of a Bough with nothing in it that nobody asks.
fn empty() -> Result<f64> {
    let mut bough = Bough::set_up(&bough_binary()?, measured());
    bough.serve();
    std::thread::sleep(Duration::from_millis(SETTLE_MILLIS));
    Ok(machine::resident_mib(bough.pid()))
}

/// Bytes on the disk of the files of a really made branch.
fn bytes_of_branch(bough: &Bough) -> Result<(u64, u64)> {
    let admin = bough.admin();
    let branch = admin.get(&admin.org("/databases/shop/branches/dev")).expect(200);
    let folder = bough.data_dir().join("engine/branches").join(branch.str("/id"));
    Ok(machine::bytes_on_disk(&folder)?)
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let databases = from_env("BOUGH_BENCH_DATABASES", DATABASES)?;
    let branches = from_env("BOUGH_BENCH_BRANCHES", BRANCHES)?;
    let tokens = from_env("BOUGH_BENCH_TOKENS", TOKENS)?;
    let idle = empty()?;
    let mut small = Filled::of(databases / SMALLER, branches / SMALLER, tokens / SMALLER)?;
    let mut full = Filled::of(databases, branches, tokens)?;
    std::thread::sleep(Duration::from_millis(SETTLE_MILLIS));
    let before = machine::resident_mib(full.bough.pid());
    small.check()?;
    full.check()?;
    let mut lines = timed(&small, &full)?;
    let after = machine::resident_mib(full.bough.pid());
    for (filled, what) in [(&full, "at full size"), (&small, "at 1 %")] {
        let [last, search, figures] = filled.looking_through()?;
        say(&format!(
            "  {what}: the last page of tokens {last:.1} ms, a search for databases {search:.1} ms, /metrics {figures:.1} ms; \
             idle it uses {:.1} % of a CPU",
            filled.idle_percent()
        ));
    }
    let (ready_full, ready_small) = (ready(&mut full)?, ready(&mut small)?);
    lines.push(Line {
        measure: "P14 ready after kill -9".to_owned(),
        goal: format!("<= {READY_GOAL_SECONDS} s"),
        ours: ready_full.show("s", 2),
        beside: format!("at 1 % {}", ready_small.show("s", 2)),
        ratio: format!("{:.2}", ready_full.median / ready_small.median),
        met: met(ready_full.max <= READY_GOAL_SECONDS),
    });
    lines.push(memory("idle, with nothing in it", EMPTY_GOAL_MIB, &[idle], "nothing".to_owned()));
    lines.push(memory(
        "with all of it, after the requests",
        FULL_GOAL_MIB,
        &[after],
        format!("{before:.0} MiB before them"),
    ));
    #[allow(clippy::cast_precision_loss, reason = "bytes")]
    let each = |table: &str, count: u64| {
        let bytes = full.bytes()?;
        let of = bytes.iter().find(|(name, _)| name == table).map_or(f64::NAN, |(_, bytes)| *bytes);
        Ok::<_, anyhow::Error>(of / count as f64)
    };
    say(&format!(
        "  in the metadata file, indexes included: {:.0} bytes for a database, {:.0} for a branch, {:.0} for a token and \
         {:.0} for its {GRANTS_EACH} grants, {:.0} for an entry of the audit log",
        each("databases", databases)?,
        each("branches", branches)?,
        each("service_tokens", tokens)?,
        each("token_accesses", tokens)?,
        each("audit_events", branches)?
    ));
    let (allocated, written) = bytes_of_branch(&full.bough)?;
    say(&format!(
        "  on the disk, a branch without rows that was really made: {:.1} MB allocated, {:.1} MB long",
        allocated as f64 / 1e6,
        written as f64 / 1e6
    ));
    Ok(lines)
}
