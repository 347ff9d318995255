//! S4: can the clock tell what is hidden from what does not exist? Each pair asks for things that are there
//! and that the caller may not know of, and for things of the same form that are not there, in random order
//! on one connection, most names once. Answers must be equal byte for byte; their times are compared by
//! Welch's t, of all of them and of the faster ones alone, where a small difference shows best.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use bough_testkit::{Bough, Dice, Token};
use serde_json::json;

use crate::fill::{self, Tokens};
use crate::load::Kept;
use crate::numbers::{percentile, welch};
use crate::places;
use crate::server::{Apart, address_of, bough_binary, from_env, get, measured, request};
use crate::table::{Line, met, say};

/// Answers of each kind, for each pair, unless `BOUGH_BENCH_ANSWERS` says otherwise.
const ANSWERS: u64 = 40_000;
/// Different names of each kind.
const NAMES: u64 = 1_000;
/// Branches of each database.
const BRANCHES: u64 = 10;
/// Tokens in the store, and their grants.
const TOKENS: u64 = 50_000;
const GRANTS: u64 = 500_000;
/// Answers that are not counted, of each kind.
const WARM_UP: u64 = 500;
/// Which share of the answers is compared, fastest first.
const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 1.0];
/// As far as that, a difference is chance.
const T_GOAL: f64 = 4.5;

/// Two kinds of requests that must not be told apart.
struct Pair {
    what: &'static str,
    status: u16,
    there: Vec<Vec<u8>>,
    absent: Vec<Vec<u8>>,
}

struct Setting {
    bough: Bough,
    /// A token that may read the organization and nothing in it.
    outsider: Token,
    /// A token that may read databases and none of their branches.
    reader: Token,
    /// A token that may nothing.
    nobody: Token,
    /// The id of a member.
    member: String,
}

impl Setting {
    fn prepare() -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        bough.database("shop");
        let admin = bough.admin();
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
        bough.wait_branch("shop", "dev");
        bough.foreign("globex");
        let outsider = bough.token(&[("", &["read_organization"])]);
        let reader = bough.token(&[("*", &["read_database"])]);
        let nobody = bough.token(&[]);
        let members = admin.get(&admin.org("/members")).expect(200);
        let member = members.data()[0]["id"].as_str().unwrap_or_default().to_owned();
        bough.stop();
        let file = bough.data_dir().join("store.sqlite");
        places::fill(&file, "shop", NAMES, BRANCHES)?;
        let tokens = Tokens {
            count: TOKENS,
            grants: GRANTS,
            on_organization: &[],
            all_read: None,
            databases: fill::others(),
        };
        fill::fill(&file, &bough.organization, &tokens)?;
        bough.serve();
        let setting = Self { bough, outsider, reader, nobody, member };
        setting.use_tokens(1)?;
        Ok(setting)
    }

    /// A pair that is asked for by path, below the organization.
    fn paths(
        &self,
        what: &'static str,
        method: &str,
        by: &Token,
        body: &str,
        path: impl Fn(u64, bool) -> String,
    ) -> Pair {
        let all = |there| {
            let one =
                |at| request(method, &self.bough.admin().org(&path(at, there)), &by.authorization(), body);
            (0..NAMES).map(one).collect()
        };
        Pair { what, status: 404, there: all(true), absent: all(false) }
    }

    fn pairs(&self) -> Vec<Pair> {
        let database = |at, there| match there {
            true => places::database_name(at),
            false => places::free_name(at),
        };
        let branch = |at: u64, there| match there {
            true => places::branch_name(at % (BRANCHES - 1) + 1),
            false => places::free_branch_name(at % (BRANCHES - 1) + 1),
        };
        let token = |at: u64, there| {
            let number = at * (TOKENS / NAMES);
            if there { fill::id_of_token(number) } else { fill::id_of_nobody(number) }
        };
        let (outsider, reader) = (&self.outsider, &self.reader);
        let of_database = |at, there| format!("/databases/{}", database(at, there));
        let branches_of = |at, there| format!("/databases/{}/branches", database(at, there));
        let new = "{\"name\":\"new\"}";
        vec![
            self.paths("a database", "GET", outsider, "", of_database),
            self.paths("a database to change", "PATCH", outsider, "{}", of_database),
            self.paths("a database's branches", "GET", outsider, "", branches_of),
            self.paths("a database to make a branch in", "POST", outsider, new, branches_of),
            self.paths("a database of a branch", "GET", outsider, "", |at, there| {
                format!("/databases/{}/branches/main", database(at, there))
            }),
            self.paths("a branch of a hidden database", "GET", outsider, "", |at, there| {
                format!("/databases/{}/branches/{}", database(at, true), branch(at, there))
            }),
            self.paths("a branch of a database it reads", "GET", reader, "", |at, there| {
                format!("/databases/{}/branches/{}", database(at, true), branch(at, there))
            }),
            self.paths("a branch to delete", "DELETE", outsider, "", |at, there| {
                format!("/databases/{}/branches/{}", database(at, true), branch(at, there))
            }),
            self.paths("a service token", "GET", outsider, "", |at, there| {
                format!("/service-tokens/{}", token(at, there))
            }),
            self.paths("a member", "GET", &self.nobody, "", |_, there| {
                format!("/members/{}", if there { self.member.clone() } else { fill::id_of_nobody(0) })
            }),
            self.organizations(),
            self.credentials("a credential's token", 0),
            self.credentials("a credential's token, in use", 1),
        ]
    }

    /// Another organization, by name: one that there is, and others of the same form.
    fn organizations(&self) -> Pair {
        let path = |name: &str| get(&format!("/v1/organizations/{name}"), &self.outsider.authorization());
        Pair {
            what: "an organization",
            status: 404,
            there: vec![path("globex")],
            absent: vec![path("globez")],
        }
    }

    /// Credentials with a wrong secret, of tokens that there are and that there are not: the tokens whose
    /// number is `offset` more than a multiple.
    fn credentials(&self, what: &'static str, offset: u64) -> Pair {
        let path = self.bough.admin().org("");
        let number = |at| at * (TOKENS / NAMES) + offset;
        let all = |id: fn(u64) -> String| {
            let one =
                |at: u64| get(&path, &format!("{}:{}", id(number(at)), fill::secret_of(number(at) + 2)));
            (0..NAMES).map(one).collect()
        };
        Pair { what, status: 401, there: all(fill::id_of_token), absent: all(fill::id_of_nobody) }
    }

    /// Has the tokens of `offset` used by their owners, so that they are in Bough's memory.
    fn use_tokens(&self, offset: u64) -> Result<()> {
        let path = self.bough.admin().org("");
        let mut kept = Kept::open(address_of(&self.bough)?)?;
        for at in 0..NAMES {
            let number = at * (TOKENS / NAMES) + offset;
            let authorization = format!("{}:{}", fill::id_of_token(number), fill::secret_of(number));
            let status = kept.ask(&get(&path, &authorization))?.status;
            ensure!(status == 200, "a token's own secret gets {status}");
        }
        Ok(())
    }
}

/// Microseconds of each kind.
struct Times {
    there: Vec<f64>,
    absent: Vec<f64>,
}

fn ask(address: SocketAddr, pair: &Pair, answers: u64, dice: &mut Dice) -> Result<Times> {
    let mut kept = Kept::open(address)?;
    let mut times = Times { there: Vec::new(), absent: Vec::new() };
    let mut body = None;
    for number in 0..2 * (answers + WARM_UP) {
        let there = dice.next().is_multiple_of(2);
        let requests = if there { &pair.there } else { &pair.absent };
        let answer = kept.ask(&requests[dice.below(requests.len())])?;
        ensure!(answer.status == pair.status, "{}: {} instead of {}", pair.what, answer.status, pair.status);
        let known = body.get_or_insert_with(|| answer.body.clone());
        ensure!(*known == answer.body, "{}: the bodies differ", pair.what);
        if number >= 2 * WARM_UP {
            if there { &mut times.there } else { &mut times.absent }.push(answer.micros);
        }
    }
    Ok(times)
}

/// The t that is farthest from none, and of which share of the answers it is.
fn worst(times: &Times) -> (f64, f64) {
    let both: Vec<f64> = times.there.iter().chain(&times.absent).copied().collect();
    let of = |share| {
        let limit = percentile(&both, share);
        let below = |times: &[f64]| times.iter().copied().filter(|time| *time <= limit).collect::<Vec<_>>();
        (welch(&below(&times.there), &below(&times.absent)), share)
    };
    let of_shares = SHARES.map(of);
    of_shares.into_iter().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs())).unwrap_or((f64::NAN, 1.0))
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let answers = from_env("BOUGH_BENCH_ANSWERS", ANSWERS)?;
    let setting = Setting::prepare()?;
    let apart = Apart::keep(&[setting.bough.pid()]);
    say(&format!("  {}", apart.says()));
    let address = address_of(&setting.bough)?;
    let mut dice = Dice::new(11);
    let mut lines = Vec::new();
    for pair in setting.pairs() {
        let times = ask(address, &pair, answers, &mut dice)?;
        let (t, share) = worst(&times);
        let median = |times: &[f64]| percentile(times, 0.5);
        lines.push(Line {
            measure: format!("S4 {}, there and hidden or absent", pair.what),
            goal: format!("|t| < {T_GOAL}"),
            ours: format!("t = {t:.1}, of the fastest {:.0} %", share * 100.0),
            beside: format!("medians {:.2} and {:.2} us", median(&times.there), median(&times.absent)),
            ratio: String::new(),
            met: met(t.abs() < T_GOAL),
        });
    }
    Ok(lines)
}
