//! kill -9 of Bough at every named point of making, changing and deleting branches: after the next start
//! everything is there once or not at all, no process and no folder is left over, no row and no entry of the
//! audit log is lost or doubled. And kill -9 of every branch server at each of these points, while Bough lives.
//!
//! Each point's time from the new start to settled is said at the end (`--nocapture`); it is no assertion,
//! since machines that run tests are slow.

mod changes;
mod lost_store;
mod servers;
mod shop;
mod sleep;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use bough_engine::{Step, killpoint};
use bough_testkit::{Bough, Options, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shop::{LIMIT, Shop, Wish, signal, tidy_up};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// Points on the way of everything that is made, at which a database is made, too.
const FOR_DATABASES: &[&str] =
    &["wish.recorded", "copy-template.staged", "start-server.spawned", "ready.observed"];
/// Points on the way of everything that is deleted, at which a database of two branches is deleted, too.
const FOR_DELETED_DATABASES: &[&str] = &["wish.recorded", "remove-directory.in-trash", "gone.observed"];

fn is_about_removal(point: &str) -> bool {
    let steps = [Step::StopServer, Step::RemoveDirectory];
    point == "gone.observed" || steps.iter().any(|step| point.starts_with(&format!("{}.", step.name())))
}

/// Points that only a branch that runs already comes to: see `changes`.
fn is_about_change(point: &str) -> bool {
    let steps = [Step::Resize, Step::UpgradeTables];
    let of_change = ["resize.begun", "sleep.looked", "asleep.observed"];
    of_change.contains(&point) || steps.iter().any(|step| point.starts_with(&format!("{}.", step.name())))
}

fn is_about_waiting(point: &str) -> bool {
    point.starts_with(&format!("{}.", Step::AwaitAnswer.name()))
}

/// Every point on the way of what is made but those of a server that is waited for, which need another way.
fn makings() -> Vec<(String, Wish)> {
    // Only the very first branch of all prepares the template.
    let mut cases = vec![("template.installed".to_owned(), Wish::Database)];
    let points = killpoint::all_points();
    let on_the_way =
        |point: &&String| !is_about_removal(point) && !is_about_waiting(point) && !is_about_change(point);
    let branches = points.iter().filter(on_the_way).filter(|point| *point != "template.installed");
    cases.extend(branches.map(|point| (point.clone(), Wish::Branch)));
    cases.extend(FOR_DATABASES.iter().map(|point| ((*point).to_owned(), Wish::Database)));
    cases.push(("wish.recorded".to_owned(), Wish::Both));
    cases
}

fn deletions() -> Vec<(String, Wish)> {
    let points = killpoint::all_points();
    let of_any_change = ["change.made", "change.committed", "wish.recorded"];
    let on_the_way = |point: &&String| is_about_removal(point) || of_any_change.contains(&point.as_str());
    let branches = points.iter().filter(on_the_way).map(|point| (point.clone(), Wish::DeleteBranch));
    let databases = FOR_DELETED_DATABASES.iter().map(|point| ((*point).to_owned(), Wish::DeleteDatabase));
    branches.chain(databases).collect()
}

fn waitings() -> Vec<String> {
    killpoint::all_points().into_iter().filter(|point| is_about_waiting(point)).collect()
}

#[test]
fn every_point_has_a_case() {
    let cases = makings().into_iter().chain(deletions()).map(|(point, _)| point).chain(waitings());
    let cases = cases.chain(changes::cases().into_iter().map(|(point, _)| point));
    let cases = cases.chain(sleep::cases().into_iter().map(|(point, _)| point));
    assert_eq!(cases.collect::<BTreeSet<_>>(), killpoint::all_points().into_iter().collect::<BTreeSet<_>>());
}

/// Making is over: what was asked for is there, once, and ready.
fn check_made(shop: &mut Shop, point: &str, wish: Wish, name: &str) {
    shop.assert_tidy(point);
    let named = |names: Vec<String>, name: &str| names.iter().filter(|known| *known == name).count();
    let branches = |database: &str| shop.branches(database).into_iter().map(|(name, _)| name).collect();
    match wish {
        Wish::Branch => {
            assert_eq!(named(branches("shop"), name), 1, "{point}");
            let tables = shop.bough.sql("shop", name, "SHOW TABLES");
            assert_eq!(tables, "children\nnamed\nparents", "{point}: the parent's schema");
            let rows = shop.bough.sql("shop", name, "SELECT COUNT(*) FROM parents");
            assert_eq!(rows, "0", "{point}: and none of its rows");
            shop.check_audit(point, "database_branch.created", name);
        }
        Wish::Both => {
            assert_eq!(named(shop.databases(), name), 1, "{point}");
            assert_eq!(
                branches(name).into_iter().collect::<BTreeSet<_>>(),
                ["dev", "main"].map(str::to_owned).into()
            );
            shop.check_audit(point, "database.created", name);
        }
        _ => {
            assert_eq!(named(shop.databases(), name), 1, "{point}");
            assert_eq!(branches(name), ["main"], "{point}");
            shop.check_audit(point, "database.created", name);
        }
    }
    shop.check_rows(point);
}

#[test]
fn what_is_being_made_when_bough_dies_is_there_once() {
    let mut cases = makings().into_iter();
    let (point, wish) = cases.next().expect("the point of the template");
    let mut bough = Bough::set_up(BOUGH, Options::default());
    bough.serve_with_env(&[(killpoint::KILL_AT, &point)]);
    bough.wait_ready();
    let mut shop = Shop { bough, rows: 0, times: Vec::new() };
    let _ = shop.ask(wish, "shop");
    shop.died(&point);
    shop.recover(&point, |shop| shop.is_ready("shop", "main"));
    shop.assert_tidy(&point);
    let Shop { bough, times, .. } = shop;
    let mut shop = Shop { times, ..Shop::new(bough) };

    for (number, (point, wish)) in cases.enumerate() {
        let name = format!("made-{number}");
        shop.bough.kill();
        shop.die_at(&point, wish, &name);
        let what = format!("{point} ({wish:?})");
        if point == "change.made" {
            // Not committed, not acknowledged: not there.
            shop.recover(&what, Shop::is_tidy);
            shop.get(&format!("/databases/shop/branches/{name}")).expect(404);
            continue;
        }
        shop.recover(&what, |shop| match wish {
            Wish::Branch => shop.is_ready("shop", &name),
            Wish::Both => shop.is_ready(&name, "dev") && shop.is_ready(&name, "main"),
            _ => shop.is_ready(&name, "main"),
        });
        check_made(&mut shop, &what, wish, &name);
        tidy_up(&shop, wish, &name);
    }
    for point in waitings() {
        wait_and_die(&mut shop, &point);
    }
    shop.say_times("made");
}

/// A server that was spawned and does not answer yet: it is held still until Bough has found it so.
fn wait_and_die(shop: &mut Shop, point: &str) {
    for attempt in 0..5 {
        let name = format!("{}-{attempt}", point.replace('.', "-"));
        shop.bough.kill();
        let before = shop.bough.branch_servers();
        shop.die_at("start-server.spawned", Wish::Branch, &name);
        let new: Vec<u32> =
            shop.bough.branch_servers().into_iter().filter(|pid| !before.contains(pid)).collect();
        let [server] = new[..] else { panic!("{point}: one new server, not {new:?}") };
        signal(server, Signal::SIGSTOP);
        let folder = std::fs::read_link(format!("/proc/{server}/cwd")).expect("its folder");
        if folder.with_file_name("mysql.sock").exists() {
            // It was quicker than this test.
            signal(server, Signal::SIGCONT);
            shop.recover("another try", |shop| shop.is_ready("shop", &name));
            tidy_up(shop, Wish::Branch, &name);
            continue;
        }
        let said = shop.bough.log().len();
        shop.bough.serve_with_env(&[(killpoint::KILL_AT, point)]);
        if point.ends_with(".after") {
            wait_until(LIMIT, "it waits for the server", || {
                shop.bough.log()[said..].contains("step=\"await-answer\"").then_some(())
            });
            signal(server, Signal::SIGCONT);
        }
        shop.died(point);
        if point.ends_with(".before") {
            signal(server, Signal::SIGCONT);
        }
        shop.recover(point, |shop| shop.is_ready("shop", &name));
        assert!(shop.bough.branch_servers().contains(&server), "{point}: the same server");
        check_made(shop, point, Wish::Branch, &name);
        tidy_up(shop, Wish::Branch, &name);
        return;
    }
    panic!("{point}: the server was always quicker");
}

#[test]
fn what_is_being_deleted_when_bough_dies_is_gone() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    let cases: Vec<_> = deletions()
        .into_iter()
        .enumerate()
        .map(|(number, (point, wish))| (point, wish, format!("gone-{number}")))
        .collect();
    for (_, wish, name) in &cases {
        let make = if *wish == Wish::DeleteBranch { Wish::Branch } else { Wish::Both };
        assert_eq!(shop.ask(make, name), Ok(201), "{name}");
    }
    for (_, wish, name) in &cases {
        match wish {
            Wish::DeleteBranch => shop.bough.wait_branch("shop", name),
            _ => shop.bough.wait_branch(name, "dev"),
        };
    }
    for (point, wish, name) in &cases {
        shop.bough.kill();
        shop.die_at(point, *wish, name);
        let what = format!("{point} ({wish:?})");
        shop.recover(&what, Shop::is_tidy);
        shop.assert_tidy(&what);
        if point == "change.made" {
            shop.get(&format!("/databases/shop/branches/{name}")).expect(200);
            continue;
        }
        let (path, action) = match wish {
            Wish::DeleteBranch => (format!("/databases/shop/branches/{name}"), "database_branch.deleted"),
            _ => (format!("/databases/{name}"), "database.deleted"),
        };
        shop.get(&path).expect(404);
        shop.check_audit(&what, action, name);
        shop.check_rows(&what);
        // The name is free again, and what has it now is another.
        if point == "gone.observed" {
            let make = if *wish == Wish::DeleteBranch { Wish::Branch } else { Wish::Database };
            assert_eq!(shop.ask(make, name), Ok(201), "{name}");
            match make {
                Wish::Branch => shop.bough.wait_branch("shop", name),
                _ => shop.bough.wait_branch(name, "main"),
            };
        }
    }
    shop.say_times("deleted");
}

// ---- servers outlive Bough -----------------------------------------------------------------------

fn stderr_of(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn branch_servers_outlive_bough_and_come_back_by_themselves() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    assert_eq!(shop.ask(Wish::Branch, "dev"), Ok(201));
    shop.bough.wait_branch("shop", "dev");
    let servers = shop.bough.branch_servers();
    assert_eq!(servers.len(), 2);

    // kill -9 and a new start: the same servers, found again.
    shop.bough.kill();
    assert_eq!(shop.bough.branch_servers(), servers, "they go on");
    shop.recover("kill -9", |shop| shop.is_ready("shop", "main") && shop.is_ready("shop", "dev"));
    shop.check_rows("kill -9");
    assert_eq!(shop.bough.branch_servers(), servers, "and were found again");

    // One Bough for a directory.
    let second = shop.bough.run(&["serve", "--http", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr_of(&second).contains("another Bough is serving"), "{}", stderr_of(&second));
    let refused = shop.bough.run(&["stop-branches"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr_of(&refused).contains("another Bough is serving"), "{}", stderr_of(&refused));
    assert_eq!(shop.bough.branch_servers(), servers);
    shop.get("/databases/shop").expect(200);

    // An ordinary stop leaves them, too.
    shop.bough.stop();
    assert_eq!(shop.bough.branch_servers(), servers);
    shop.recover("SIGTERM", |shop| shop.is_ready("shop", "main"));
    assert_eq!(shop.bough.branch_servers(), servers);

    // A server that dies comes back by itself.
    for server in &servers {
        signal(*server, Signal::SIGKILL);
    }
    come_back(&mut shop, "kill -9 of the servers", &servers);

    // So they do when everything dies at once.
    let servers = shop.bough.branch_servers();
    shop.bough.kill();
    for server in &servers {
        signal(*server, Signal::SIGKILL);
    }
    wait_until(LIMIT, "all dead", || shop.bough.branch_servers().is_empty().then_some(()));
    shop.bough.serve();
    come_back(&mut shop, "kill -9 of everything", &servers);

    // The operator stops them, one way or the other; the next start brings them back.
    let servers = shop.bough.branch_servers();
    shop.bough.stop();
    let stopped = shop.bough.run(&["stop-branches"]);
    assert!(stopped.status.success(), "{}", stderr_of(&stopped));
    assert_eq!(String::from_utf8_lossy(&stopped.stdout), "2 branch servers stopped\n");
    assert_eq!(shop.bough.branch_servers(), Vec::<u32>::new());
    let again = shop.bough.run(&["stop-branches"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "0 branch servers stopped\n");
    shop.bough.serve_with(&["--stop-branches"], &[]);
    shop.bough.wait_ready();
    come_back(&mut shop, "stop-branches", &servers);
    shop.bough.stop();
    assert_eq!(shop.bough.branch_servers(), Vec::<u32>::new(), "serve --stop-branches");

    // Without its metadata there is nothing to serve; an empty one in its place would hide that.
    let store = shop.bough.data_dir().join("store.sqlite");
    let away = shop.bough.data_dir().join("away.sqlite");
    std::fs::rename(&store, &away).expect("taken away");
    let without = shop.bough.run(&["serve", "--http", "127.0.0.1:0"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(stderr_of(&without).contains("store.sqlite is missing"), "{}", stderr_of(&without));
    assert!(!store.exists());
    std::fs::rename(&away, &store).expect("put back");
    shop.bough.serve();
    come_back(&mut shop, "serve --stop-branches", &[]);
    shop.say_times("outlived");
}

/// Both branches get servers other than those, with all that was acknowledged.
fn come_back(shop: &mut Shop, what: &str, gone: &[u32]) {
    let started = Instant::now();
    wait_until(LIMIT, &format!("servers after {what}"), || {
        let servers = shop.bough.branch_servers();
        let new = servers.len() == 2 && servers.iter().all(|server| !gone.contains(server));
        (new && shop.is_ready("shop", "main") && shop.is_ready("shop", "dev")).then_some(())
    });
    shop.times.push((started.elapsed(), what.to_owned()));
    shop.assert_tidy(what);
    shop.check_rows(what);
    assert_eq!(shop.bough.sql("shop", "dev", "SHOW TABLES"), "children\nnamed\nparents", "{what}");
}

// ---- what cannot be done says why ----------------------------------------------------------------

const BROKEN_VIEW: &str =
    "CREATE TABLE away (id INT); CREATE VIEW broken_view AS SELECT id FROM away; DROP TABLE away";

fn last_error(shop: &Shop, branch: &str, holds: &str) -> String {
    wait_until(LIMIT, &format!("{branch} says why: {holds}"), || {
        let branch = shop.get(&format!("/databases/shop/branches/{branch}")).expect(200).json;
        let why = branch["last_error"].as_str()?.to_owned();
        assert_eq!(branch["ready"], json!(false), "{branch}");
        why.contains(holds).then_some(why)
    })
}

fn data_of(shop: &Shop, branch: &str) -> PathBuf {
    let ids = shop.branches("shop");
    let (_, id) = ids.iter().find(|(name, _)| name == branch).expect("the branch");
    shop.bough.data_dir().join("engine/branches").join(id).join("data")
}

#[test]
fn a_branch_that_cannot_be_as_it_should_says_why() {
    let mut shop = Shop::new(Bough::start(BOUGH));
    assert_eq!(shop.ask(Wish::Branch, "dev"), Ok(201));
    shop.bough.wait_branch("shop", "dev");
    let data = data_of(&shop, "dev");
    shop.bough.stop();
    assert!(shop.bough.run(&["stop-branches"]).status.success());

    // A damaged data directory: in the server's own words, and only that branch.
    let control = data.join("aria_log_control");
    let whole = std::fs::read(&control).expect("its bytes");
    std::fs::write(&control, vec![0x5a; whole.len()]).expect("damaged");
    shop.bough.serve();
    shop.bough.wait_branch("shop", "main");
    let why = last_error(&shop, "dev", "[ERROR]");
    assert!(why.to_lowercase().contains("aria"), "{why}");
    shop.check_rows("a damaged branch beside it");
    // Repaired by its operator, it comes back by itself.
    std::fs::write(&control, whole).expect("repaired");
    let branch = shop.bough.wait_branch("shop", "dev");
    assert_eq!(branch["last_error"], Value::Null, "{branch}");
    assert_eq!(shop.bough.sql("shop", "dev", "SHOW TABLES"), "children\nnamed\nparents");

    // Files that are not there, such as on a disk that is not mounted: nothing empty takes their place.
    shop.bough.sql("shop", "dev", "INSERT INTO parents VALUES (7, 'kept')");
    shop.bough.stop();
    assert!(shop.bough.run(&["stop-branches"]).status.success());
    let folder = data.parent().expect("the branch's folder");
    let away = shop.bough.data_dir().join("away");
    std::fs::rename(folder, &away).expect("taken away");
    shop.bough.serve();
    let why = last_error(&shop, "dev", "its files are missing");
    assert!(why.contains(&folder.display().to_string()), "{why}");
    assert!(!folder.exists());
    std::fs::rename(&away, folder).expect("put back");
    shop.bough.wait_branch("shop", "dev");
    assert_eq!(shop.bough.sql("shop", "dev", "SELECT name FROM parents"), "kept");

    // A schema that cannot be copied: by the object's name.
    shop.bough.sql("shop", "main", BROKEN_VIEW);
    assert_eq!(shop.ask(Wish::Branch, "copy"), Ok(201));
    let why = last_error(&shop, "copy", "broken_view");
    assert!(!why.contains("[ERROR]"), "{why}");
    // Repaired in the parent, it is made by itself, whole.
    shop.bough.sql("shop", "main", "DROP VIEW broken_view");
    shop.bough.wait_branch("shop", "copy");
    assert_eq!(shop.bough.sql("shop", "copy", "SHOW TABLES"), "children\nnamed\nparents");

    // What never gets ready can be deleted all the same.
    shop.bough.sql("shop", "main", BROKEN_VIEW);
    assert_eq!(shop.ask(Wish::Branch, "never"), Ok(201));
    last_error(&shop, "never", "broken_view");
    tidy_up(&shop, Wish::Branch, "never");
    shop.assert_tidy("in the end");
}
