//! What clients have open on a branch with a server of its own: told, and ended by who may, written down.

#[path = "people/support.rs"]
#[allow(dead_code, reason = "made for other tests, too")]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use bough_control::branches::CreateBranch;
use bough_control::connections::KillKind;
use bough_control::{Background, Error};
use bough_engine::{Binaries, EngineAccount, EngineConfig, ManagedEngine, STARTS_AT_ONCE};
use bough_model::{BranchState, PasswordRole, Role};
use bough_mysql_client::{ConnectLimits, Connection, SocketAddress};
use bough_policy::Operation;
use support::{House, granted, wait_until};

/// Longest wait for a server; a machine that builds at the same time is slow.
const LIMIT: Duration = Duration::from_secs(120);
const GRACE: &str = "grace@example.com";

/// A house whose branches have servers, which end with it.
struct Served {
    house: House,
    engine: Arc<ManagedEngine>,
    background: Option<Background>,
    _folder: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("bough-con").tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).expect("its mode");
        let config = EngineConfig {
            dir: folder.path().join("engine"),
            account: EngineAccount::resolve(None).expect("an account"),
            binaries: Binaries::find(None).expect("mariadb-server-core is installed"),
            starts_at_once: STARTS_AT_ONCE,
            pool_max_bytes: 1 << 30,
            local_infile: false,
            cgroup: None,
        };
        let engine = Arc::new(ManagedEngine::open(config).expect("an engine"));
        let house = House::with_engine(Some(Arc::clone(&engine)));
        house.found("acme", "ada@example.com");
        let background = Some(house.plane.start_background().expect("threads"));
        Self { house, engine, background, _folder: folder }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(background) = self.background.take() {
            background.stop();
        }
        let _ = self.engine.stop_all(Duration::from_secs(10));
    }
}

#[test]
fn connections_are_told_and_ended_and_that_is_written_down() {
    let served = Served::new();
    let (house, plane) = (&served.house, &served.house.plane);
    let (_, branch) = house.make_database("shop");
    house.person("acme", GRACE, Role::Admin);
    let grace = house.visit(GRACE);
    let listing = granted(&grace.caller, Operation::ListBranchConnections, branch.clone());
    let list = || plane.list_connections(&grace.caller, &listing);
    assert!(matches!(list(), Err(Error::Unavailable(_))), "it is not ready yet");
    let get = granted(&house.operator, Operation::GetBranch, branch.clone());
    let ready = plane.await_branch(&get, LIMIT).expect("the store works");
    assert_eq!(ready.state, BranchState::Ready, "{:?}", ready.last_error);
    assert_eq!(list().expect("told").sessions, [], "Bough's own are not told");

    let backend = plane.backend(&branch.branch, PasswordRole::Reader).expect("a way in");
    let address = SocketAddress { path: backend.socket, user: backend.account.to_owned() };
    let enter =
        || Connection::open_with(&address, Some(&backend.secret), ConnectLimits::default()).expect("let in");
    let (mut first, mut second) = (enter(), enter());
    let open = list().expect("told");
    assert_eq!((open.sessions.len(), open.keyspace.as_str()), (2, "shop"));
    assert!(open.sessions.iter().all(|session| session.role == PasswordRole::Reader));

    let killing = granted(&grace.caller, Operation::KillBranchConnection, branch);
    let kill = |kind, number: &str| plane.kill_connection(&grace.caller, &killing, kind, number);
    for nothing in ["", "x", "-1", "1", "0", "18446744073709551615", "99999999999999999999", "1 OR 1=1"] {
        for kind in [KillKind::Connection, KillKind::Query, KillKind::Transaction] {
            assert!(matches!(kill(kind, nothing), Err(Error::NotFound)), "{kind:?} {nothing}");
        }
    }
    let before = house.log_of("acme");
    let number =
        first.query_one("SELECT CONNECTION_ID() AS id").expect("a number").u64("id").expect("a number");
    kill(KillKind::Connection, &number.to_string()).expect("ended");
    wait_until(LIMIT, "it is gone", || list().expect("told").sessions.len() == 1);
    assert!(first.query_one("SELECT 1").is_err());
    second.query_one("SELECT 1").expect("the other one stays");
    assert_eq!(house.log_of("acme")[before.len()..], ["database_branch.killed_connection"]);
    assert!(matches!(kill(KillKind::Connection, &number.to_string()), Err(Error::NotFound)), "once");
}

#[test]
fn nobody_is_connected_to_what_sleeps_or_is_about_to() {
    let served = Served::new();
    let (house, plane) = (&served.house, &served.house.plane);
    let (database, _) = house.make_database("shop");
    let making = granted(&house.operator, Operation::CreateBranch, database);
    let wanted = CreateBranch { name: "dev".to_owned(), ..Default::default() };
    plane.create_branch(&house.operator, making, wanted).expect("a branch");
    let found = plane.locate("acme", Some("shop"), Some("dev")).expect("read").expect("a place");
    let dev = found.branch_at().expect("its branch").place().clone();
    let granted_for = |operation| granted(&house.operator, operation, dev.clone());
    let get = granted_for(Operation::GetBranch);
    let listing = granted_for(Operation::ListBranchConnections);
    let until = |wanted: BranchState| {
        wait_until(LIMIT, wanted.as_str(), || {
            let state = plane.get_branch(&house.operator, &get).expect("read").state;
            if state != BranchState::Ready {
                let open = plane.list_connections(&house.operator, &listing).expect("told in every state");
                assert_eq!(open.sessions, [], "while it is {}", state.as_str());
            }
            state == wanted
        });
    };
    let ready = plane.await_branch(&get, LIMIT).expect("the store works");
    assert_eq!(ready.state, BranchState::Ready, "{:?}", ready.last_error);
    let slept = plane.sleep_branch(&house.operator, &granted_for(Operation::SleepBranch)).expect("asked");
    assert_eq!(slept.state, BranchState::SleepInProgress);
    until(BranchState::Sleeping);
    let woken = plane.wake_branch(&house.operator, &granted_for(Operation::WakeBranch)).expect("asked");
    assert_eq!(woken.state, BranchState::Awakening);
    until(BranchState::Ready);
}
