//! Clients of the gateway wake a branch that sleeps: once, however many come, and whichever process they come to.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use bough_engine::{Step, killpoint};
use bough_testkit::{Bough, Client, Options, wait_until};
use serde_json::{Value, json};

use crate::clients::{Gateway, Login, SOON, shop};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// The shortest time after which a branch falls asleep.
const SLEEP_AFTER: (&str, &str) = ("BOUGH_LIMITS_SLEEP_AFTER_S", "10");
/// Clients that come at once.
const COMERS: usize = 10;

fn bough(env: &[(&str, &str)]) -> Bough {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Bough::start_with(BOUGH, Options { env, ..Options::default() })
}

/// A branch with a row.
struct Dev<'a> {
    bough: &'a Bough,
    path: String,
    folder: PathBuf,
}

impl<'a> Dev<'a> {
    fn of(bough: &'a Bough, name: &str) -> Self {
        let admin = bough.admin();
        let id = bough.wait_branch("shop", name)["id"].as_str().expect("an id").to_owned();
        bough.sql("shop", name, "CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (7)");
        let path = admin.org(&format!("/databases/shop/branches/{name}"));
        Self { bough, path, folder: bough.data_dir().join("engine/branches").join(id) }
    }

    fn get(&self) -> Value {
        self.bough.admin().get(&self.path).expect(200).json
    }

    fn state(&self) -> String {
        self.get()["state"].as_str().expect("a state").to_owned()
    }

    #[track_caller]
    fn becomes(&self, state: &str) {
        wait_until(SOON, &format!("{} is {state}", self.path), || (self.state() == state).then_some(()));
    }

    fn sleep(&self) {
        self.bough.admin().post(&format!("{}/sleep", self.path), &json!({})).expect(200);
        self.becomes("sleeping");
    }

    /// How often its server has begun to answer.
    fn starts(&self) -> usize {
        let log = std::fs::read(self.folder.join("error.log")).expect("the server's log");
        String::from_utf8_lossy(&log).matches("ready for connections").count()
    }
}

fn login(bough: &Bough, admin: &Client, branch: &str) -> Login {
    Login::make(bough, admin, branch, &json!({"name": "p"}))
}

/// All of them at once. What each was answered.
fn come(logins: &[Login]) -> Vec<std::process::Output> {
    std::thread::scope(|scope| {
        let comers: Vec<_> = (0..COMERS)
            .map(|number| &logins[number % logins.len()])
            .map(|login| scope.spawn(move || login.run("SELECT id FROM kept")))
            .collect();
        comers.into_iter().map(|comer| comer.join().expect("it came")).collect()
    })
}

#[track_caller]
fn all_are_served(outputs: &[std::process::Output]) {
    for output in outputs {
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((said.trim_end(), &*complained), ("7", ""));
    }
}

#[test]
fn however_many_come_it_is_started_once_and_all_are_served() {
    let bough = bough(&[]);
    let admin = shop(&bough);
    let dev = Dev::of(&bough, "dev");
    let own = login(&bough, &admin, "dev");
    // Through the process that starts servers, through others, and through all of them at once.
    let (first, second) = (Gateway::start(&bough), Gateway::start(&bough));
    let beside = [own.at(&first.address), own.at(&second.address)];
    let alone = std::slice::from_ref(&own);
    let all = [&beside[..], alone].concat();
    for logins in [alone, &beside, &all] {
        dev.sleep();
        let before = dev.starts();
        all_are_served(&come(logins));
        assert_eq!(dev.starts(), before + 1, "it is started once");
        let row = dev.get();
        assert_eq!((&row["state"], &row["last_error"]), (&json!("ready"), &json!(null)));
    }
}

#[test]
fn a_wake_outlives_the_process_that_brings_it_about() {
    let mut bough = bough(&[("BOUGH_GATEWAY_IN_SERVE", "false")]);
    let admin = shop(&bough);
    let own = login(&bough, &admin, "dev");
    Dev::of(&bough, "dev").sleep();
    let gateway = Gateway::start(&bough);
    let login = own.at(&gateway.address);

    // Nobody is there to start it: the wish is written down and told, and the client waits.
    bough.kill();
    let region = bough.data_dir().join("run/region.sock");
    std::fs::remove_file(&region).expect("left behind");
    let listens = UnixDatagram::bind(&region).expect("in its place");
    listens.set_read_timeout(Some(SOON)).expect("a limit");
    let comer = std::thread::spawn({
        let login = login.clone();
        move || login.says("SELECT id FROM kept")
    });
    let mut word = [0; 16];
    let length = listens.recv(&mut word).expect("the wish is told");
    assert_eq!(&word[..length], b"look");
    bough.serve();
    assert_eq!(comer.join().expect("it came"), "7");

    // Dying on the way, at the wish and in the middle of the start, and started again.
    for point in [format!("{}.before", Step::StartServer.name()), "start-server.spawned".to_owned()] {
        let dev =
            Dev { bough: &bough, path: admin.org("/databases/shop/branches/dev"), folder: PathBuf::new() };
        dev.sleep();
        bough.kill();
        bough.serve_with_env(&[(killpoint::KILL_AT, &point)]);
        let comer = std::thread::spawn({
            let login = login.clone();
            move || login.says("SELECT id FROM kept")
        });
        bough.wait_ended(SOON);
        bough.serve();
        assert_eq!(comer.join().expect("it came"), "7", "after {point}");
    }
    bough.wait_ready();
    let row = bough.admin().get(&admin.org("/databases/shop/branches/dev")).expect(200).json;
    assert_eq!((&row["state"], &row["last_error"]), (&json!("ready"), &json!(null)));
}

#[test]
fn a_wake_that_fails_is_told_to_whoever_waits() {
    let bough = bough(&[]);
    let admin = shop(&bough);
    let dev = Dev::of(&bough, "dev");
    let own = login(&bough, &admin, "dev");
    let gateway = Gateway::start(&bough);
    let logins = [own.clone(), own.at(&gateway.address)];
    let data = dev.folder.join("data");
    let (log, away) = (data.join("ib_logfile0"), dev.folder.join("away"));
    let mode = std::fs::metadata(&data).expect("it is there").permissions();
    // What the server needs is something else; and nothing of it can be read.
    let breaks: [&dyn Fn(); 2] = [
        &|| {
            std::fs::rename(&log, &away).expect("taken away");
            std::fs::create_dir(&log).expect("something else in its place");
        },
        &|| std::fs::set_permissions(&data, Permissions::from_mode(0o0)).expect("closed"),
    ];
    let mends: [&dyn Fn(); 2] = [
        &|| {
            std::fs::remove_dir(&log).expect("removed");
            std::fs::rename(&away, &log).expect("put back");
        },
        &|| std::fs::set_permissions(&data, mode.clone()).expect("opened"),
    ];
    for (breaks, mends) in breaks.into_iter().zip(mends) {
        dev.sleep();
        breaks();
        for output in come(&logins) {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && output.stdout.is_empty());
            assert!(said.starts_with("ERROR 1105 (08004): The branch cannot be reached: "), "{said}");
            assert!(said.contains("does not start"), "{said}");
            assert!(
                !said.contains(bough.data_dir().to_str().expect("text")),
                "no path of the machine: {said}"
            );
        }
        assert!(dev.get()["last_error"].is_string(), "and on the branch");
        mends();
        dev.becomes("ready");
        all_are_served(&come(&logins));
    }
    let log = bough.log();
    assert!(
        log.contains("a branch cannot be reached") && !log.contains(&own.secret),
        "a line, without secrets"
    );
}

#[test]
fn nobody_is_put_to_sleep_who_is_connected() {
    let bough = bough(&[SLEEP_AFTER]);
    let admin = shop(&bough);
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "quiet"})).expect(201);
    let (dev, quiet) = (Dev::of(&bough, "dev"), Dev::of(&bough, "quiet"));
    let mut inside = login(&bough, &admin, "dev").open();
    inside.tell("BEGIN");
    assert_eq!(inside.ask("INSERT INTO kept VALUES (8) RETURNING id"), "8");
    // It says nothing more, for as long as another branch takes to fall asleep, twice.
    let visitor = login(&bough, &admin, "quiet");
    for _ in 0..2 {
        assert_eq!(visitor.says("SELECT id FROM kept"), "7");
        quiet.becomes("sleeping");
    }
    assert_eq!(dev.state(), "ready");
    assert_eq!(inside.ask("SELECT COUNT(*) FROM kept"), "2", "its transaction is still there");
    inside.tell("COMMIT");
    drop(inside);
    dev.becomes("sleeping");
    assert_eq!(login(&bough, &admin, "dev").says("SELECT COUNT(*) FROM kept"), "2");
}
