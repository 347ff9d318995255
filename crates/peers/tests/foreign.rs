//! What a gateway process's socket answers to whatever comes, and who is taken for a process.

use std::fs::{self, File};
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bough_gateway::{
    Backend, BoxFuture, ClientId, Credential, Directory, Gateway, Kill, KillOutcome, Settings, TlsConfig,
    Unavailable,
};
use bough_model::{BranchId, PasswordId, PasswordRole};
use bough_peers::{Member, Neighbours, ParkFailed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest wait for what takes a moment.
const LIMIT: Duration = Duration::from_secs(20);

/// There are no passwords and no branches.
struct Nothing;

impl Directory for Nothing {
    fn credential(&self, _: &str) -> Result<Option<Credential>, Unavailable> {
        Ok(None)
    }

    fn backend(&self, _: &BranchId, _: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        Box::pin(std::future::ready(Err(Unavailable("there is none".to_owned()))))
    }

    fn repair(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        self.backend(branch, role)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }

    fn used(&self, _: &PasswordId, _: &BranchId) {}

    fn safe_migrations(&self, _: &BranchId) -> bool {
        false
    }
}

fn gateway() -> Gateway {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let entropy = Arc::new(|bytes: &mut [u8]| bytes.fill(7));
    Gateway::new(Arc::new(Nothing), TlsConfig::new(Arc::new(tls)), Settings::default(), entropy)
}

async fn joined(run: &Path) -> Member {
    let member = Member::join(run).await.expect("a number");
    member.listen(gateway()).expect("a socket");
    member
}

fn branch() -> BranchId {
    BranchId::parse("abcdefghijkl").expect("an id")
}

/// Everything that comes back until the other side ends the connection.
async fn says(run: &Path, question: &[u8]) -> String {
    let mut stream = UnixStream::connect(run.join("gateways/0.sock")).await.expect("a connection");
    // It may have ended it by now.
    let _ = stream.write_all(question).await;
    let _ = stream.shutdown().await;
    let mut answer = String::new();
    let _ = timeout(LIMIT, stream.read_to_string(&mut answer)).await.expect("it ends");
    answer
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_so_and_changes_nothing() {
    let run = tempfile::tempdir().expect("a folder");
    let _member = joined(run.path()).await;
    let nonsense: [&[u8]; 7] = [
        b"\n",
        b"nonsense\n",
        b"{\"sing\":{}}\n",
        b"{\"park\":{\"branch\":\"../../etc\",\"limit_ms\":1000}}\n",
        b"{\"park\":{\"branch\":\"abcdefghijkl\",\"limit_ms\":-1}}\n",
        b"{\"kill\":{\"client\":1,\"only_query\":true,\"branch\":\"abcdefghijkl\",\"role\":\"emperor\"}}\n",
        b"{\"clients\":{\"branch\":\"x\"}}\n",
    ];
    for question in nonsense {
        let said = says(run.path(), question).await;
        assert_eq!(said, "\"not_understood\"\n", "{}", String::from_utf8_lossy(question));
    }
    for cut in [&b""[..], b"{\"clients\":", &b"x".repeat(100_000)] {
        assert_eq!(says(run.path(), cut).await, "", "no whole line");
    }
    assert_eq!(
        says(run.path(), b"{\"clients\":{\"branch\":\"abcdefghijkl\"}}\n").await,
        "{\"clients\":[]}\n"
    );
    // Many at once wait for their turn.
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let run = run.path().to_owned();
        all.spawn(async move { says(&run, b"nonsense\n").await });
    }
    assert!(all.join_all().await.iter().all(|said| said == "\"not_understood\"\n"));
    drop(Neighbours::of(run.path()).park(&branch(), LIMIT).await.expect("nobody is there to wait for"));
}

#[tokio::test]
async fn only_who_runs_is_asked() {
    let run = tempfile::tempdir().expect("a folder");
    let neighbours = Neighbours::of(run.path());
    // Where no process has ever been.
    drop(neighbours.park(&branch(), LIMIT).await.expect("nobody to ask"));
    assert_eq!(neighbours.clients(&branch()).await, []);
    let (first, second) = (joined(run.path()).await, joined(run.path()).await);
    assert_eq!((first.number(), second.number()), (0, 1));
    // What a dead one has left behind: a file and a socket that nobody holds.
    let folder = run.path().join("gateways");
    File::create(folder.join("7.lock")).expect("a file");
    drop(StdListener::bind(folder.join("7.sock")).expect("a socket"));
    drop(neighbours.park(&branch(), LIMIT).await.expect("it is not asked"));
    let of_seven = ClientId::parse((1 << 31) + (7 << 24)).expect("a client's number");
    let killed = neighbours.kill(&branch(), PasswordRole::Reader, of_seven, Kill::Query).await;
    assert_eq!(killed, KillOutcome::Unknown);
    // One that runs and cannot be reached fails the park; nobody is left out in silence.
    fs::remove_file(folder.join("1.sock")).expect("removed");
    let silent = neighbours.park(&branch(), LIMIT).await.expect_err("it cannot be asked");
    assert!(matches!(silent, ParkFailed::Silent { process: 1 }), "{silent}");
    // Its number is another's once it has ended.
    drop(second);
    let third = joined(run.path()).await;
    assert_eq!(third.number(), 1);
    // One that has a number and does not listen yet is starting: who parks waits for it.
    drop(third);
    let starting = Member::join(run.path()).await.expect("a number");
    let late = neighbours.park(&branch(), Duration::from_millis(300)).await.expect_err("it is starting");
    assert!(matches!(late, ParkFailed::Starting), "{late}");
    starting.listen(gateway()).expect("a socket");
    drop(neighbours.park(&branch(), LIMIT).await.expect("it has started"));
}
