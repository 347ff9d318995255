//! Falling asleep and waking when Bough, or the branch's server, dies at any point of it.

use bough_engine::{Step, killpoint};
use bough_testkit::{Bough, wait_until};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::BOUGH;
use crate::servers::is_stopped;
use crate::shop::{LIMIT, Shop, Wish, signal, tidy_up};

/// What is asked of Bough when it dies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    Sleep,
    Wake,
}

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Wake => "wake",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Sleep => "database_branch.slept",
            Self::Wake => "database_branch.woken",
        }
    }

    /// The state before and after it.
    const fn states(self) -> (&'static str, &'static str) {
        match self {
            Self::Sleep => ("ready", "sleeping"),
            Self::Wake => ("sleeping", "ready"),
        }
    }
}

/// Every point on the way of each.
pub fn cases() -> Vec<(String, Change)> {
    let of = |step: Step| {
        let prefix = format!("{}.", step.name());
        killpoint::all_points().into_iter().filter(move |point| point.starts_with(&prefix))
    };
    let any = ["change.made", "change.committed", "wish.recorded"].map(str::to_owned);
    let sleep = any.iter().cloned().chain(["sleep.looked", "asleep.observed"].map(str::to_owned));
    let sleep = sleep.chain(of(Step::StopServer)).map(|point| (point, Change::Sleep));
    let wake = any.iter().cloned().chain(["ready.observed".to_owned()]).chain(of(Step::StartServer));
    sleep.chain(wake.map(|point| (point, Change::Wake))).collect()
}

fn state(shop: &Shop, name: &str) -> String {
    shop.get(&format!("/databases/shop/branches/{name}")).expect(200).str("/state").to_owned()
}

fn ask(shop: &Shop, change: Change, name: &str) -> Result<u16, String> {
    let admin = shop.bough.admin();
    let path = admin.org(&format!("/databases/shop/branches/{name}/{}", change.word()));
    admin.try_send("POST", &path, &[], None).map(|answer| answer.status)
}

/// A branch with a row, in the state that comes before the change.
fn prepare(shop: &Shop, change: Change, name: &str) {
    assert_eq!(shop.ask(Wish::Branch, name), Ok(201));
    shop.bough.wait_branch("shop", name);
    shop.bough.sql("shop", name, "INSERT INTO parents VALUES (7, 'kept')");
    if change == Change::Wake {
        assert_eq!(ask(shop, Change::Sleep, name), Ok(200));
    }
    let (before, _) = change.states();
    wait_until(LIMIT, before, || (state(shop, name) == before).then_some(()));
}

#[test]
fn branches_that_fall_asleep_or_wake_when_bough_dies_do_it_once() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    for (number, (point, change)) in cases().into_iter().enumerate() {
        let name = format!("nap-{number}");
        prepare(&shop, change, &name);
        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::KILL_AT, &point)]);
        shop.bough.wait_ready();
        let answered = ask(&shop, change, &name);
        shop.died(&point);
        let what = format!("{point} ({change:?})");
        let made = point != "change.made";
        assert!(made || answered.is_err(), "{what}: acknowledged and not committed");
        let (before, after) = change.states();
        let wanted = if made { after } else { before };
        shop.recover(&what, |shop| state(shop, &name) == wanted && shop.is_tidy());
        shop.assert_tidy(&what);
        let path = format!("/audit-log?limit=100&filters[]=audit_action:{}", change.action());
        let log = shop.get(&path).expect(200);
        let told = log.data().iter().filter(|entry| entry["target_display_name"] == json!(name)).count();
        assert_eq!(told, usize::from(made), "{what}: entries of the audit log");
        // Whoever comes finds all of it, and no word of a crash.
        assert_eq!(shop.bough.sql("shop", &name, "SELECT name FROM parents"), "kept", "{what}");
        let branch = shop.get(&format!("/databases/shop/branches/{name}")).expect(200).json;
        assert_eq!((&branch["state"], &branch["last_error"]), (&json!("ready"), &json!(null)), "{what}");
        tidy_up(&shop, Wish::Branch, &name);
    }
    shop.say_times("asleep or awake");
}

#[test]
fn servers_that_die_while_they_fall_asleep_sleep() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    let cases = cases().into_iter().filter(|(point, change)| {
        *change == Change::Sleep && !point.starts_with("change.") && !point.ends_with(".after")
    });
    for (number, (point, change)) in cases.enumerate() {
        let name = format!("shot-{number}");
        let parents = shop.bough.branch_servers();
        prepare(&shop, change, &name);
        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::STOP_AT, &point)]);
        shop.bough.wait_ready();
        let pid = shop.bough.pid();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&shop, change, &name));
            wait_until(LIMIT, &format!("{point} is reached"), || is_stopped(pid).then_some(()));
            for server in shop.bough.branch_servers().iter().filter(|server| !parents.contains(server)) {
                signal(*server, Signal::SIGKILL);
            }
            signal(pid, Signal::SIGCONT);
            assert_eq!(asking.join().expect("asked"), Ok(200), "{point}");
        });
        let asleep = || (state(&shop, &name) == "sleeping" && shop.is_tidy()).then_some(());
        wait_until(LIMIT, &format!("asleep after {point}"), asleep);
        assert_eq!(shop.bough.sql("shop", &name, "SELECT name FROM parents"), "kept", "{point}");
        let branch = shop.get(&format!("/databases/shop/branches/{name}")).expect(200).json;
        assert_eq!(branch["last_error"], json!(null), "{point}: it has not crashed");
        tidy_up(&shop, Wish::Branch, &name);
    }
}
