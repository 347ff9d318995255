//! kill -9 of all branch servers, the parent's too, at every point of making a branch. Bough stands still
//! meanwhile and then goes on.

use bough_engine::killpoint;
use bough_testkit::{Bough, wait_until};
use nix::sys::signal::Signal;

use crate::shop::{LIMIT, Shop, Wish, signal, tidy_up};
use crate::{BOUGH, is_about_change, is_about_removal, is_about_waiting};

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
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
        shop.bough.kill();
        shop.bough.serve_with_env(&[(killpoint::STOP_AT, point)]);
        shop.bough.wait_ready();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| shop.ask(Wish::Branch, &name));
            let pid = shop.bough.pid();
            wait_until(LIMIT, &format!("{point} is reached"), || is_stopped(pid).then_some(()));
            for server in shop.bough.branch_servers() {
                signal(server, Signal::SIGKILL);
            }
            signal(pid, Signal::SIGCONT);
            assert_eq!(asking.join().expect("asked"), Ok(201), "{point}");
        });
        wait_until(LIMIT, &format!("settled after {point}"), || {
            let ready = shop.is_ready("shop", "main") && shop.is_ready("shop", &name);
            (ready && shop.is_tidy()).then_some(())
        });
        assert_eq!(shop.bough.sql("shop", &name, "SHOW TABLES"), "children\nnamed\nparents", "{point}");
        shop.check_rows(point);
        tidy_up(&shop, Wish::Branch, &name);
    }
}
