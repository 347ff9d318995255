//! P6: the first query on a branch that sleeps, through the gateway, against the bare cost: start the same server on a
//! copy of the same data directory, first query.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bough_testkit::{Bough, Client};
use serde_json::json;

use crate::bare_server::{Bare, wait};
use crate::numbers::{Spread, percentile};
use crate::server::{bough_binary, folder_of, measured};
use crate::table::{Line, met, say};
use crate::wire::{Way, client_tls};

/// Rounds of A B B A: each contestant starts twice in each.
const ROUNDS: usize = 10;
/// Starts of each before anything is timed.
const WARM_UP: usize = 2;
/// At most so many times the bare start.
const RATIO_GOAL: f64 = 1.3;
/// Rows of the table, and what it holds.
const TABLE: &str = "CREATE TABLE points (id INT UNSIGNED NOT NULL PRIMARY KEY, c CHAR(120) NOT NULL) ENGINE=InnoDB; \
    INSERT INTO points SELECT seq, REPEAT(CHAR(97 + seq % 26), 100) FROM seq_1_to_10000";
/// The first query, and its answer.
const QUERY: &str = "SELECT c FROM shop.points WHERE id = 7777";
const ANSWER: [u8; 100] = [b'a' + 7777_u16.rem_euclid(26) as u8; 100];

struct Bench {
    _bough: Bough,
    admin: Client,
    way: Way,
    bare: Bare,
    root: PathBuf,
}

impl Bench {
    fn prepare() -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        bough.database("shop");
        let admin = bough.admin();
        let made = admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201);
        bough.wait_branch("shop", "dev");
        bough.sql("shop", "dev", TABLE);
        let folder = folder_of(&bough, made.str("/id"));
        let way = Way {
            tls: Some(Arc::clone(&client_tls(&bough)?)),
            ..Way::through_gateway(&bough, &admin, "dev")?
        };
        let bare = Bare::like(&folder)?;
        let root = bare.prepare("server", "")?;
        let bench = Self { admin, way, bare, root, _bough: bough };
        bench.sleep()?;
        // Its server has been stopped cleanly, so a copy of its files is whole.
        bench.bare.copy(&folder.join("data"), &bench.root)?;
        Ok(bench)
    }

    fn sleep(&self) -> Result<()> {
        let path = self.admin.org("/databases/shop/branches/dev");
        self.admin.post(&format!("{path}/sleep"), &json!({})).expect(200);
        let sleeps = || self.admin.get(&path).expect(200).json["state"] == json!("sleeping");
        wait("the branch to sleep", || sleeps().then_some(()))
    }

    /// Milliseconds from `connect()` to the answer.
    fn with_bough(&self) -> Result<f64> {
        let started = Instant::now();
        let mut client = self.way.connect()?;
        let found = client.point(QUERY)?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        ensure!(found == ANSWER, "a wrong row");
        client.quit()?;
        self.sleep()?;
        Ok(millis)
    }

    /// Milliseconds from starting the server to the answer.
    fn bare(&self) -> Result<f64> {
        let started = Instant::now();
        let mut server = self.bare.start(&self.root)?;
        let mut conn = self.bare.await_session(&self.root)?;
        let row = conn.query_one(QUERY)?;
        let millis = started.elapsed().as_secs_f64() * 1e3;
        ensure!(row.text("c")?.as_bytes() == ANSWER, "a wrong row");
        drop(conn);
        server.stop().context("the bare server does not stop")?;
        Ok(millis)
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let bench = Bench::prepare()?;
    for _ in 0..WARM_UP {
        bench.with_bough()?;
        bench.bare()?;
    }
    let (mut ours, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for is_ours in [true, false, false, true] {
            match is_ours {
                true => ours.push(bench.with_bough()?),
                false => beside.push(bench.bare()?),
            }
        }
    }
    let (of_ours, of_bare) = (Spread::of(&ours), Spread::of(&beside));
    let ratio = of_ours.median / of_bare.median;
    say(&format!(
        "  {} starts each; the slowest of ten: bough {:.0} ms, bare {:.0} ms",
        ours.len(),
        percentile(&ours, 0.9),
        percentile(&beside, 0.9)
    ));
    Ok(vec![Line {
        measure: "P6 first query on a branch that sleeps, through the gateway, TLS".to_owned(),
        goal: format!("<= {RATIO_GOAL} x"),
        ours: of_ours.show("ms", 0),
        beside: format!("bare mariadbd {}", of_bare.show("ms", 0)),
        ratio: format!("{ratio:.2}"),
        met: met(ratio <= RATIO_GOAL),
    }])
}
