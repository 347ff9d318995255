//! kill -9 of the branch's server at every point of making it, and of the parent's where its schema is
//! copied. Bough stands still meanwhile and then goes on.

use bough_engine::{Step, killpoint};
use bough_testkit::{Bough, wait_until};
use nix::sys::signal::Signal;

use crate::changes::{self, Change};
use crate::shop::{LIMIT, Shop, Wish, signal, tidy_up};
use crate::{BOUGH, is_about_change, is_about_removal, is_about_waiting};

pub fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}

/// Kills servers, and waits until they are dead: one that is dying still counts as there.
fn shoot(shop: &Shop, servers: Vec<u32>) {
    for server in &servers {
        signal(*server, Signal::SIGKILL);
    }
    wait_until(LIMIT, "they are dead", || {
        let alive = shop.bough.branch_servers();
        servers.iter().all(|server| !alive.contains(server)).then_some(())
    });
}

#[test]
fn servers_that_die_at_any_point_are_made_up_for() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    let points = killpoint::all_points();
    let on_the_way = |point: &&String| {
        !is_about_removal(point)
            && !is_about_waiting(point)
            && !is_about_change(point)
            // Only the first branch of all comes by it; nothing runs then.
            && *point != "template.installed"
    };
    for (number, point) in points.iter().filter(on_the_way).enumerate() {
        let name = format!("shot-{number}");
        let parents = shop.bough.branch_servers();
        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::STOP_AT, point)]);
        shop.bough.wait_ready();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| shop.ask(Wish::Branch, &name));
            let pid = shop.bough.pid();
            wait_until(LIMIT, &format!("{point} is reached"), || is_stopped(pid).then_some(()));
            // A parent that ends at every point would be waited for longer and longer.
            let parents_too = point.starts_with(Step::CopySchema.name());
            let alive = shop.bough.branch_servers();
            shoot(
                &shop,
                alive.into_iter().filter(|server| parents_too || !parents.contains(server)).collect(),
            );
            signal(pid, Signal::SIGCONT);
            assert_eq!(asking.join().expect("asked"), Ok(201), "{point}");
        });
        wait_until(LIMIT, &format!("settled after {point}"), || {
            // In this order: one that was told ready while it died is not told so once it is back.
            let ready = |name| shop.is_ready("shop", name);
            (shop.is_tidy() && ready("main") && ready(&name)).then_some(())
        });
        assert_eq!(shop.bough.sql("shop", &name, "SHOW TABLES"), "children\nnamed\nparents", "{point}");
        shop.check_rows(point);
        tidy_up(&shop, Wish::Branch, &name);
    }
}

/// A restart's own points are those of a server that does not run.
#[test]
fn servers_that_die_while_they_are_changed_are_changed() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    let of_servers = |(point, change): &(String, Change)| {
        matches!(change, Change::Resize | Change::Upgrade) && !point.starts_with("change.")
    };
    for (number, (point, change)) in changes::cases().into_iter().filter(of_servers).enumerate() {
        let name = format!("hit-{number}");
        assert_eq!(shop.ask(Wish::Branch, &name), Ok(201));
        let id = shop.bough.wait_branch("shop", &name)["id"].as_str().expect("an id").to_owned();
        let parents: Vec<u32> =
            shop.bough.branch_servers().into_iter().filter(|pid| !serves(*pid, &id)).collect();
        if change == Change::Upgrade {
            changes::make_older(&shop, &id);
        }
        shop.bough.sql("shop", &name, "INSERT INTO parents VALUES (7, 'kept')");
        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::STOP_AT, &point)]);
        shop.bough.wait_ready();
        let pid = shop.bough.pid();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| changes::ask(&shop.bough.admin(), change, &name));
            wait_until(LIMIT, &format!("{point} is reached"), || is_stopped(pid).then_some(()));
            let alive = shop.bough.branch_servers();
            shoot(&shop, alive.into_iter().filter(|server| !parents.contains(server)).collect());
            signal(pid, Signal::SIGCONT);
            assert!(asking.join().expect("asked").is_ok_and(|status| status < 300), "{point}");
        });
        wait_until(LIMIT, &format!("settled after {point}"), || {
            let done = change != Change::Resize || changes::is_resized(&shop, &id);
            (done && shop.is_tidy() && shop.is_ready("shop", &id)).then_some(())
        });
        if change == Change::Resize {
            let pool = shop.bough.sql("shop", &id, "SELECT @@innodb_buffer_pool_size DIV 1048576");
            assert_eq!(pool, "512", "{point}");
        }
        assert_eq!(shop.bough.sql("shop", &id, "SELECT name FROM parents"), "kept", "{point}");
        tidy_up(&shop, Wish::Branch, &id);
    }
}

/// Whether a process works in a branch's folder.
fn serves(pid: u32, id: &str) -> bool {
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.to_string_lossy().contains(id))
}
