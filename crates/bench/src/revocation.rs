//! P3: revocation. Tokens ask without a pause while what they hold is taken away, or while they are deleted;
//! what is sent after that was answered must be refused. Once through the API of the same process, once by
//! `bough admin`, which is another process.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bough_testkit::{Bough, Token};
use serde_json::Value;

use crate::load::Kept;
use crate::numbers::percentile;
use crate::server::{Apart, address_of, bough_binary, from_env, get, measured, request};
use crate::table::{Line, met, say};

/// Races through the API, unless `BOUGH_BENCH_RACES` says otherwise.
const RACES: u64 = 100_000;
/// Tokens that race at the same time.
const LANES: usize = 16;
/// Every so many races it is the whole token that ends, else one access.
const DELETED_EVERY: u64 = 10;
/// Races by `bough admin`.
const BY_ADMIN: u64 = 300;
/// Longest wait for anything in a race, in seconds.
const LIMIT_SECONDS: u64 = 30;
/// From the end of the revoking call to the first refusal, in milliseconds.
const GOAL_MILLIS: f64 = 250.0;
const ACCESS: &str = "read_organization";

/// What came of races.
#[derive(Default)]
struct Taken {
    started: u64,
    ended: u64,
    asked: u64,
    /// Answers that allowed what was asked for after the revocation had been answered.
    late: u64,
    /// Answers that refused although the grant had been answered.
    late_grants: u64,
    /// From the end of the revoking call to the first refusal, in milliseconds.
    delays: Vec<f64>,
}

/// An answer to somebody who asks: when he asked, and its status.
struct Seen {
    sent: Instant,
    status: u16,
}

/// Somebody who asks, again as soon as he was answered.
struct Asker {
    kept: Kept,
    request: Vec<u8>,
    sent: Instant,
}

impl Asker {
    fn of(address: SocketAddr, path: &str, token: &Token) -> Result<Self> {
        let mut kept = Kept::open(address)?;
        let request = get(path, &token.authorization());
        let sent = Instant::now();
        kept.send(&request)?;
        Ok(Self { kept, request, sent })
    }

    fn poll(&mut self, taken: &mut Taken) -> Result<Option<Seen>> {
        let Some(answer) = self.kept.answer()? else { return Ok(None) };
        let status = answer.status;
        ensure!(matches!(status, 200 | 401 | 404), "{status} instead of 200, 401 or 404");
        taken.asked += 1;
        let seen = Seen { sent: self.sent, status };
        self.sent = Instant::now();
        self.kept.send(&self.request)?;
        Ok(Some(seen))
    }
}

/// What a race waits for.
#[derive(Clone, Copy)]
enum Step {
    /// The answer to making a token.
    Make,
    /// The answer to granting.
    Grant,
    /// An answer that allows what was asked for after the grant was answered.
    Allowed(Instant),
    /// The answer to revoking.
    Revoke,
    /// A refusal of what was asked for after the revocation was answered; whether one was seen yet.
    Refused(Instant, bool),
}

/// One token, with somebody who uses it and somebody who gives and takes.
struct Lane<'a> {
    bough: &'a Bough,
    control: Kept,
    token: Token,
    asker: Asker,
    step: Step,
    since: Instant,
}

impl<'a> Lane<'a> {
    fn start(bough: &'a Bough) -> Result<Self> {
        let address = address_of(bough)?;
        let token = bough.token(&[]);
        let asker = Asker::of(address, &bough.admin().org(""), &token)?;
        let control = Kept::open(address)?;
        let mut lane = Self { bough, control, token, asker, step: Step::Make, since: Instant::now() };
        lane.grant()?;
        Ok(lane)
    }

    /// Sends a change, by who may everything, and waits for `step` from then on.
    fn tell(&mut self, method: &str, path: &str, body: &str, step: Step) -> Result<()> {
        let path = self.bough.admin().org(&format!("/service-tokens{path}"));
        self.control.send(&request(method, &path, &self.bough.setup_token().authorization(), body))?;
        self.to(step);
        Ok(())
    }

    fn to(&mut self, step: Step) {
        (self.step, self.since) = (step, Instant::now());
    }

    fn grant(&mut self) -> Result<()> {
        self.tell("POST", &format!("/{}/access", self.token.id), &access(), Step::Grant)
    }

    fn revoke(&mut self, race: u64) -> Result<()> {
        match race % DELETED_EVERY {
            0 => self.tell("DELETE", &format!("/{}", self.token.id), "", Step::Revoke),
            _ => self.tell("DELETE", &format!("/{}/access", self.token.id), &access(), Step::Revoke),
        }
    }

    /// Looks once whether something has come.
    fn poll(&mut self, taken: &mut Taken) -> Result<()> {
        ensure!(self.since.elapsed() < Duration::from_secs(LIMIT_SECONDS), "a race did not go on");
        if let Some(answer) = self.control.answer()? {
            let now = Instant::now();
            match (self.step, answer.status) {
                (Step::Make, 200) => {
                    self.token = made(&answer.body)?;
                    self.asker =
                        Asker::of(address_of(self.bough)?, &self.bough.admin().org(""), &self.token)?;
                    self.grant()?;
                }
                (Step::Grant, 200) => self.to(Step::Allowed(now)),
                (Step::Revoke, 204) => self.to(Step::Refused(now, false)),
                (_, status) => bail!("a change was answered {status}"),
            }
        }
        let Some(Seen { sent, status }) = self.asker.poll(taken)? else { return Ok(()) };
        let allowed = status == 200;
        match self.step {
            Step::Allowed(granted) if sent > granted => {
                if !allowed {
                    taken.late_grants += 1;
                    return Ok(());
                }
                taken.started += 1;
                self.revoke(taken.started)
            }
            Step::Refused(revoked, noted) => {
                if !allowed && !noted {
                    taken.delays.push(revoked.elapsed().as_secs_f64() * 1e3);
                    self.step = Step::Refused(revoked, true);
                }
                taken.late += u64::from(allowed && sent > revoked);
                if allowed || sent <= revoked {
                    return Ok(());
                }
                taken.ended += 1;
                if status == 401 { self.tell("POST", "", "{}", Step::Make) } else { self.grant() }
            }
            _ => Ok(()),
        }
    }
}

fn access() -> String {
    format!("{{\"access\":[\"{ACCESS}\"]}}")
}

fn made(body: &[u8]) -> Result<Token> {
    let made: Value = serde_json::from_slice(body)?;
    let text = |key: &str| made[key].as_str().map(str::to_owned).context("no token was made");
    Ok(Token { id: text("id")?, secret: text("token")? })
}

fn through_api(bough: &Bough, races: u64) -> Result<Taken> {
    let mut taken = Taken::default();
    let mut lanes = (0..LANES).map(|_| Lane::start(bough)).collect::<Result<Vec<_>>>()?;
    while taken.ended < races {
        for lane in &mut lanes {
            lane.poll(&mut taken)?;
        }
        std::thread::yield_now();
    }
    Ok(taken)
}

/// The same with the other process's end as the end of the call.
fn by_admin(bough: &Bough) -> Result<Taken> {
    let mut taken = Taken::default();
    let token = bough.token(&[("", &[ACCESS])]);
    let mut asker = Asker::of(address_of(bough)?, &bough.admin().org(""), &token)?;
    let admin = bough.admin();
    let path = admin.org(&format!("/service-tokens/{}/access", token.id));
    for _ in 0..BY_ADMIN {
        let mut command = Command::new(bough_binary()?);
        command.args(["admin", "token", "revoke", &token.id, ACCESS, "--data-dir"]).arg(bough.data_dir());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        taken.started += 1;
        let (started, mut ended, mut noted) = (Instant::now(), None, false);
        loop {
            ensure!(started.elapsed() < Duration::from_secs(LIMIT_SECONDS), "a race did not go on");
            if ended.is_none()
                && let Some(status) = process.try_wait()?
            {
                ensure!(status.success(), "bough admin token revoke: {status}");
                ended = Some(Instant::now());
            }
            let seen = asker.poll(&mut taken)?;
            std::thread::yield_now();
            let (Some(Seen { sent, status }), Some(revoked)) = (seen, ended) else { continue };
            if status != 200 && !noted {
                taken.delays.push(revoked.elapsed().as_secs_f64() * 1e3);
                noted = true;
            }
            if sent > revoked {
                taken.late += u64::from(status == 200);
                if status != 200 {
                    break;
                }
            }
        }
        taken.ended += 1;
        admin.post(&path, &serde_json::json!({"access": [ACCESS]})).expect(200);
        let granted = Instant::now();
        loop {
            ensure!(granted.elapsed() < Duration::from_secs(LIMIT_SECONDS), "a grant did not act");
            if asker.poll(&mut taken)?.is_some_and(|seen| seen.sent > granted && seen.status == 200) {
                break;
            }
        }
    }
    Ok(taken)
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let races = from_env("BOUGH_BENCH_RACES", RACES)?;
    let mut bough = Bough::set_up(&bough_binary()?, measured());
    bough.serve();
    let apart = Apart::keep(&[bough.pid()]);
    say(&format!("  {}", apart.says()));
    let started = Instant::now();
    let own = through_api(&bough, races)?;
    say(&format!(
        "  through the API: {} races of {LANES} tokens in {:.0} s, {} requests asked meanwhile; {} were refused after a grant had \
         returned",
        own.ended,
        started.elapsed().as_secs_f64(),
        own.asked,
        own.late_grants
    ));
    drop(apart);
    let other = by_admin(&bough)?;
    say(&format!("  by bough admin: {} races, {} requests asked meanwhile", other.ended, other.asked));
    let mut lines = Vec::new();
    for (taken, whose) in [(&own, "through the API"), (&other, "by bough admin, another process")] {
        lines.push(Line {
            measure: format!("P3 allowed after the revoking call had returned, {whose}"),
            goal: "0".to_owned(),
            ours: format!("{} in {} races", taken.late, taken.ended),
            beside: "nothing".to_owned(),
            ratio: String::new(),
            met: met(taken.late == 0),
        });
        let at = |share| percentile(&taken.delays, share);
        lines.push(Line {
            measure: format!("P3 from its return to the first refusal, {whose}, p99"),
            goal: format!("<= {GOAL_MILLIS} ms"),
            ours: format!("{:.2} ms [p50 {:.2}, max {:.2}]", at(0.99), at(0.5), at(1.0)),
            beside: "nothing".to_owned(),
            ratio: String::new(),
            met: met(at(1.0) <= GOAL_MILLIS),
        });
    }
    Ok(lines)
}
