//! What branches that sleep cost: memory of Bough and of all branch servers with a few branches that are awake, and
//! with many more that sleep; and what of a CPU all of them use while nobody asks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bough_testkit::{Bough, Client};
use serde_json::json;

use crate::bare_server::wait;
use crate::machine::{bytes_on_disk, cpu_seconds, memory_mib};
use crate::server::{bough_binary, from_env, measured};
use crate::table::{Line, met, say};
use crate::wire::{Client as Session, Way, client_tls};

/// Branches that are awake, production included.
const AWAKE: usize = 5;
/// Branches that sleep, unless `BOUGH_BENCH_ASLEEP` says otherwise.
const ASLEEP: u64 = 200;
/// Branches that are made and put to sleep at once: the disk and the memory are not needed for more.
const AT_ONCE: u64 = 10;
/// Time without requests before memory is looked at, in milliseconds: what was begun has ended.
const SETTLE_MILLIS: u64 = 3_000;
/// How long the CPU time is watched while nobody asks, in milliseconds.
const IDLE_MILLIS: u64 = 10_000;
/// What counts as near the memory of those that are awake.
const NEAR: f64 = 1.1;
/// What is asked of those that are awake, so that they have been used.
const QUERY: &str = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop'";

/// Memory in MiB, and CPU in percent of one.
struct Look {
    bough_mib: f64,
    servers_mib: f64,
    cpu_percent: f64,
}

impl Look {
    fn at(bough: &Bough) -> Result<Self> {
        let servers = bough.branch_servers();
        ensure!(servers.len() == AWAKE, "{} branch servers run instead of {AWAKE}", servers.len());
        std::thread::sleep(Duration::from_millis(SETTLE_MILLIS));
        let cpu = || servers.iter().copied().chain([bough.pid()]).map(cpu_seconds).sum::<f64>();
        let before = cpu();
        std::thread::sleep(Duration::from_millis(IDLE_MILLIS));
        let cpu_percent = (cpu() - before) * 100.0 / Duration::from_millis(IDLE_MILLIS).as_secs_f64();
        let of_servers = servers.iter().copied().map(memory_mib).collect::<Result<Vec<_>>>()?;
        Ok(Self { bough_mib: memory_mib(bough.pid())?, servers_mib: of_servers.iter().sum(), cpu_percent })
    }

    fn sum(&self) -> f64 {
        self.bough_mib + self.servers_mib
    }

    fn show(&self) -> String {
        format!("{:.0} MiB (bough {:.0}, servers {:.0})", self.sum(), self.bough_mib, self.servers_mib)
    }
}

struct Bench {
    bough: Bough,
    admin: Client,
    /// Somebody is connected to each branch that is awake, so all are in use.
    _sessions: Vec<Session>,
}

impl Bench {
    fn prepare() -> Result<Self> {
        let mut options = measured();
        options.env.push(("BOUGH_LIMITS_DEVELOPMENT_BRANCHES".to_owned(), "10000".to_owned()));
        let mut bough = Bough::set_up(&bough_binary()?, options);
        bough.serve();
        bough.database("shop");
        let admin = bough.admin();
        let tls = client_tls(&bough)?;
        let mut sessions = Vec::new();
        for number in 0..AWAKE {
            let name = if number == 0 { "main".to_owned() } else { format!("awake-{number}") };
            if number > 0 {
                admin.post(&admin.org("/databases/shop/branches"), &json!({"name": name})).expect(201);
            }
            let way = Way::through_gateway(&bough, &admin, &name)?;
            let mut session = Way { tls: Some(Arc::clone(&tls)), ..way }.connect()?;
            ensure!(session.point(QUERY)? == b"0", "a new branch has no tables");
            sessions.push(session);
        }
        Ok(Self { bough, admin, _sessions: sessions })
    }

    /// Makes branches from `from` to `to`, waits for each, and puts them to sleep.
    fn put_to_sleep(&self, from: u64, to: u64) -> Result<()> {
        let branches = self.admin.org("/databases/shop/branches");
        let path = |number: u64| format!("{branches}/asleep-{number}");
        for number in from..to {
            self.admin.post(&branches, &json!({"name": format!("asleep-{number}")})).expect(201);
        }
        for number in from..to {
            self.bough.wait_branch("shop", &format!("asleep-{number}"));
            self.admin.post(&format!("{}/sleep", path(number)), &json!({})).expect(200);
        }
        for number in from..to {
            let sleeps = || self.admin.get(&path(number)).expect(200).json["state"] == json!("sleeping");
            wait("a branch to sleep", || sleeps().then_some(()))?;
        }
        Ok(())
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let wanted = from_env("BOUGH_BENCH_ASLEEP", ASLEEP)?;
    let bench = Bench::prepare()?;
    let few = Look::at(&bench.bough)?;
    for from in (0..wanted).step_by(usize::try_from(AT_ONCE)?) {
        bench.put_to_sleep(from, wanted.min(from + AT_ONCE))?;
    }
    let all = Look::at(&bench.bough)?;
    let (on_disk, _) = bytes_on_disk(&bench.bough.data_dir().join("engine/branches"))?;
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let gigabytes = on_disk as f64 / 1e9;
    say(&format!(
        "  {wanted} branches sleep, {AWAKE} are awake; all branches take {gigabytes:.1} GB on the disk; while nobody asks, bough \
         and the servers use {:.1} % of a CPU, without those that sleep {:.1} %",
        all.cpu_percent, few.cpu_percent
    ));
    let ratio = all.sum() / few.sum();
    Ok(vec![Line {
        measure: format!("sleep memory of {AWAKE} branches that are awake and {wanted} that sleep"),
        goal: format!("near, <= {NEAR} x"),
        ours: all.show(),
        beside: format!("the {AWAKE} alone {}", few.show()),
        ratio: format!("{ratio:.2}"),
        met: met(ratio <= NEAR),
    }])
}
