//! What a page costs beside the same rows through the API: 1,000 databases and 10,000 service tokens, an
//! administrator who is signed in, one connection.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bough_testkit::{Bough, Dice, Options, Raw, Wire};

use crate::fill::{self, Tokens};
use crate::load::Kept;
use crate::numbers::{Spread, percentile};
use crate::places;
use crate::server::{Apart, address_of, bough_binary, get, measured};
use crate::table::{Line, met, say};

/// How much there is.
const DATABASES: u64 = 1_000;
const BRANCHES_EACH: u64 = 10;
const TOKENS: u64 = 10_000;
const GRANTS_EACH: u64 = 10;
/// Who looks at the pages.
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a password of the benchmark";
/// Rounds, and how often each page is asked for in one.
const ROUNDS: usize = 7;
const ASKED: usize = 60;
/// Longest wait for the log in, in seconds.
const LIMIT_SECONDS: u64 = 10;
/// Time of the server for a page, in milliseconds, and its largest size, in KiB.
const MILLIS_GOAL: f64 = 100.0;
const KIB_GOAL: f64 = 100.0;

/// Pages, and where the API has the same rows. `{}` stands for the organization.
const PAIRS: [(&str, &str, &str); 4] = [
    ("the overview", "/{}", "/v1/organizations/{}/databases"),
    ("a database", "/{}/shop", "/v1/organizations/{}/databases/shop/branches?per_page=100"),
    ("the service tokens", "/{}/settings/service-tokens", "/v1/organizations/{}/service-tokens"),
    ("the members", "/{}/settings/members", "/v1/organizations/{}/members"),
];

/// The session's cookie, as a browser gets it.
fn log_in(bough: &Bough) -> Result<String> {
    let limit = Duration::from_secs(LIMIT_SECONDS);
    let ask = |request: &Raw| Wire::to(bough.base(), limit).ask(request).map_err(anyhow::Error::msg);
    let cookie = |answer: &bough_testkit::RawAnswer, name: &str| -> Result<String> {
        let set = answer.headers().filter(|(header, _)| header.as_str() == "set-cookie");
        let mut set = set.filter_map(|(_, value)| value.split(';').next());
        let found = set.find(|pair| pair.starts_with(&format!("{name}="))).map(str::to_owned);
        found.with_context(|| format!("no cookie {name} in an answer of status {}", answer.status))
    };
    let form = ask(&Raw::new("GET", "/login"))?;
    let text = form.text();
    let csrf = text.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let body = format!(
        "csrf={}&next=%2F&email={}&password={}",
        csrf.context("a form without a proof")?,
        EMAIL.replace('@', "%40"),
        PASSWORD.replace(' ', "+")
    );
    let mut request = Raw::new("POST", "/login")
        .header("Cookie", &cookie(&form, "bough_visitor")?)
        .header("Content-Type", "application/x-www-form-urlencoded");
    request.body = Some(body.into_bytes());
    cookie(&ask(&request)?, "bough_session")
}

fn page(path: &str, cookie: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nUser-Agent: bough-bench\r\n\r\n")
        .into_bytes()
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let options = Options { password: Some(PASSWORD.to_owned()), ..measured() };
    let mut bough = Bough::set_up(&bough_binary()?, options);
    bough.serve();
    bough.database("shop");
    let admin = bough.admin();
    admin.post(&admin.org("/databases/shop/branches"), &serde_json::json!({"name": "dev"})).expect(201);
    bough.wait_branch("shop", "dev");
    bough.stop();
    let file = bough.data_dir().join("store.sqlite");
    places::fill(&file, "shop", DATABASES, BRANCHES_EACH)?;
    let wanted = Tokens {
        count: TOKENS,
        grants: TOKENS * GRANTS_EACH,
        on_organization: &["read_service_tokens"],
        all_read: None,
        databases: (0..DATABASES).map(places::database_id).collect(),
    };
    fill::fill(&file, &bough.organization, &wanted)?;
    bough.serve();
    let cookie = log_in(&bough)?;
    let authorization = bough.setup_token().authorization();
    let apart = Apart::keep(&[bough.pid()]);
    say(&format!(
        "  {DATABASES} databases with {BRANCHES_EACH} branches each, {TOKENS} tokens; {}",
        apart.says()
    ));
    let mut lines = Vec::new();
    let mut dice = Dice::new(3);
    for (what, ours, beside) in PAIRS {
        let ours = page(&ours.replace("{}", &bough.organization), &cookie);
        let beside = get(&beside.replace("{}", &bough.organization), &authorization);
        let mut kept = Kept::open(address_of(&bough)?)?;
        let (first, rows) = (kept.ask(&ours)?, kept.ask(&beside)?);
        ensure!(first.status == 200 && rows.status == 200, "{what}: {} and {}", first.status, rows.status);
        ensure!(first.body.starts_with(b"<!doctype html>"), "{what} is no page");
        let (mut times, mut beside_times, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (mut pages, mut lists) = (Vec::new(), Vec::new());
            for _ in 0..ASKED {
                // In an order that nothing can get used to.
                let page_first = dice.next() & 1 == 0;
                for turn in [page_first, !page_first] {
                    match turn {
                        true => pages.push(kept.ask(&ours)?.micros / 1e3),
                        false => lists.push(kept.ask(&beside)?.micros / 1e3),
                    }
                }
            }
            times.push(percentile(&pages, 0.5));
            beside_times.push(percentile(&lists, 0.5));
            all.extend(pages);
        }
        let (spread, lists) = (Spread::of(&times), Spread::of(&beside_times));
        lines.push(Line {
            measure: format!("page of {what}, complete, median"),
            goal: format!("<= {MILLIS_GOAL:.0} ms"),
            ours: spread.show("ms", 2),
            beside: format!("the same rows through the API {}", lists.show("ms", 2)),
            ratio: format!("{:.1}", spread.median / lists.median),
            met: met(percentile(&all, 0.99) <= MILLIS_GOAL),
        });
        #[allow(clippy::cast_precision_loss, reason = "for people")]
        let kib = first.body.len() as f64 / 1024.0;
        lines.push(Line {
            measure: format!("page of {what}, bytes"),
            goal: format!("<= {KIB_GOAL:.0} KiB"),
            ours: format!("{kib:.1} KiB"),
            beside: String::new(),
            ratio: String::new(),
            met: met(kib <= KIB_GOAL),
        });
    }
    Ok(lines)
}
