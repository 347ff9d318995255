//! P15: the audit log: how many durable chained entries a second, and how much longer a write takes because
//! of its entry. The same write without one exists in this program alone: Bough has no switch for it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bough_model::{
    Actor, ActorKind, ActorRef, AuditEventId, Digest, OrganizationId, OrganizationName, Timestamp, TokenId,
    TokenName,
};
use bough_policy::{Granted, Located, Nowhere, Operation, OrganizationAt, Place, Principal, decide};
use bough_store::audit::verify::verify;
use bough_store::audit::{AuditKey, NewEvent, Subject, append};
use bough_store::service_tokens::{self, NewToken};
use bough_store::{Store, StoreError, organizations, principals};
use bough_testkit::Bough;
use tempfile::TempDir;

use crate::fill::id_of;
use crate::load::Kept;
use crate::numbers::{Spread, percentile};
use crate::server::{address_of, bough_binary, measured, request};
use crate::table::{Line, met, say};

/// Writers at once, each waiting for its entry to be durable before it appends the next.
const WRITERS: [u64; 3] = [1, 16, 64];
/// Rounds of each of them.
const ROUNDS: usize = 5;
/// One round, in milliseconds.
const ROUND_MILLIS: u64 = 1_500;
/// Writes that are made and not counted, by each contestant.
const WARM_UP: u64 = 200;
/// Rounds of A B B A of the single write.
const WRITE_ROUNDS: u64 = 10;
/// Writes one after the other, in a window.
const WINDOW: u64 = 100;
/// Appends to a plain file that the disk is asked with, and their bytes.
const SYNCS: usize = 500;
const SYNC_BYTES: usize = 4_096;
/// Entries a second, at least.
const RATE_GOAL: f64 = 5_000.0;
/// A write with its entry, at most so many times the same write without.
const ADDED_GOAL: f64 = 1.10;
/// Longest wait for a store to close, in seconds.
const CLOSE_LIMIT_SECONDS: u64 = 30;
/// When all of it happens, in microseconds since 1970.
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Numbers for ids, each once.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn fresh<T>(parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    // Spread over the whole alphabet, as drawn ones are: an index is written to everywhere, not at its end.
    let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 10;
    parse(&id_of(number)).with_context(|| format!("{number} makes no id"))
}

fn key() -> AuditKey {
    AuditKey::new([42; 32])
}

fn organization() -> Result<OrganizationId> {
    OrganizationId::parse("acmeacmeacme").context("an id")
}

fn event(target: &TokenId) -> Result<NewEvent> {
    let acme =
        Subject { kind: "Organization".to_owned(), id: organization()?.to_string(), name: "acme".to_owned() };
    Ok(NewEvent {
        id: fresh(AuditEventId::parse)?,
        actor: actor(),
        remote_ip: Some("192.0.2.17".to_owned()),
        request_id: Some(fresh(AuditEventId::parse)?.to_string()),
        action: "service_token.created",
        auditable: acme,
        target: Subject { kind: "ServiceToken".to_owned(), id: target.to_string(), name: "bench".to_owned() },
        metadata: "{\"ttl\":null}".to_owned(),
    })
}

fn actor() -> ActorRef {
    ActorRef {
        kind: ActorKind::ServiceToken,
        id: "tokentokento".to_owned(),
        display_name: "bench".to_owned(),
    }
}

fn granted<T: Place>(operation: Operation, at: T) -> Result<Granted<T>> {
    let principal = Principal::Trusted { actor: Actor::System("bench") };
    decide(&principal, operation, Located::new(at)).map_err(|_| anyhow::anyhow!("Bough itself may not"))
}

/// A store with one organization.
fn founded(path: &Path) -> Result<Store> {
    let store = Store::open(path)?;
    let anywhere = granted(Operation::ListOrganizations, Nowhere)?;
    let (id, name) = (organization()?, OrganizationName::parse("acme")?);
    store.write(move |tx| organizations::insert(tx, &anywhere, &id, &name, "ada@example.com", NOW))?;
    Ok(store)
}

/// One entry, durable when this returns.
fn append_one(store: &Store) -> Result<()> {
    let (id, event) = (organization()?, event(&fresh(TokenId::parse)?)?);
    Ok(store.write(move |tx| append(tx, &key(), &id, event, NOW))?)
}

/// Entries a second with so many writers, and how many were acknowledged.
fn rate(store: &Store, writers: u64) -> Result<(f64, u64)> {
    let started = Instant::now();
    let length = Duration::from_millis(ROUND_MILLIS);
    let write = || -> Result<u64> {
        let mut written = 0;
        while started.elapsed() < length {
            append_one(store)?;
            written += 1;
        }
        Ok(written)
    };
    let written = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(write)).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a writer panicked"))?);
        ended.sum::<Result<u64>>()
    })?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok((written as f64 / started.elapsed().as_secs_f64(), written))
}

/// What the disk makes of it without any of us: appends to a file, each brought to the disk.
fn syncs(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("plain"))?;
    let started = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; SYNC_BYTES])?;
        file.sync_data()?;
    }
    #[allow(clippy::cast_precision_loss, reason = "hundreds")]
    Ok(SYNCS as f64 / started.elapsed().as_secs_f64())
}

/// Makes a service token as the control plane does: whoever asks may still do it, the row, the version that
/// caches compare; and the entry, unless it is left out. Microseconds until it is durable.
fn make_token(store: &Store, audited: bool) -> Result<f64> {
    let token = fresh(TokenId::parse)?;
    let event = event(&token)?;
    let at = OrganizationAt { organization: organization()? };
    let grant = granted(Operation::CreateServiceToken, at)?;
    let new = NewToken {
        digest: Digest::of(token.as_str().as_bytes()),
        id: token,
        name: TokenName::parse("bench")?,
        expires_at: None,
        own_expires_at: None,
        creator: actor(),
        parent: None,
    };
    let principal = Principal::Trusted { actor: Actor::System("bench") };
    let started = Instant::now();
    store.write(move |tx| {
        ensure_still(principals::still_holds(tx, &principal, None, NOW)?)?;
        service_tokens::insert(tx, &grant, &new, NOW)?;
        if audited {
            append(tx, &key(), &grant.at().organization, event, NOW)?;
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(started.elapsed().as_secs_f64() * 1e6)
}

/// A token made through the API, by somebody with a kept connection; microseconds until it is answered.
struct ThroughApi {
    bough: Bough,
    request: Vec<u8>,
}

impl ThroughApi {
    fn start() -> Result<Self> {
        let mut bough = Bough::set_up(&bough_binary()?, measured());
        bough.serve();
        let path = bough.admin().org("/service-tokens");
        let request = request("POST", &path, &bough.setup_token().authorization(), "{\"name\":\"bench\"}");
        Ok(Self { bough, request })
    }

    fn window(&self) -> Result<Vec<f64>> {
        let mut client = Kept::open(address_of(&self.bough)?)?;
        let one = |_| {
            let answer = client.ask(&self.request)?;
            ensure!(answer.status == 200, "a token could not be made: {}", answer.status);
            Ok(answer.micros)
        };
        (0..WINDOW).map(one).collect()
    }
}

fn ensure_still(holds: bool) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Changed) }
}

fn close(store: Store) -> Result<()> {
    let mut log: PathBuf = store.path().to_owned();
    log.as_mut_os_string().push("-wal");
    drop(store);
    let limit = Duration::from_secs(CLOSE_LIMIT_SECONDS);
    bough_engine::wait_until(limit, Duration::from_millis(5), || (!log.exists()).then_some(()))
        .with_context(|| format!("{} is still there", log.display()))
}

fn checked(store: &Store, folder: &Path, entries: u64) -> Result<()> {
    let report = verify(store, &key(), &folder.join("audit-heads"))?;
    ensure!(report.problems.is_empty(), "the chain is broken: {:?}", report.problems);
    ensure!(u64::try_from(report.entries)? == entries, "{} entries instead of {entries}", report.entries);
    Ok(())
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let folder = TempDir::with_prefix_in("audit-", "/tmp")?;
    let path = folder.path().join("audited.sqlite");
    let store = founded(&path)?;
    let mut entries = 0;
    let mut rates = vec![Vec::new(); WRITERS.len()];
    let mut disk = Vec::new();
    for _ in 0..ROUNDS {
        disk.push(syncs(folder.path())?);
        for (at, writers) in WRITERS.into_iter().enumerate() {
            let (rate, written) = rate(&store, writers)?;
            rates[at].push(rate);
            entries += written;
        }
    }
    checked(&store, folder.path(), entries)?;
    say(&format!("  {entries} entries were acknowledged; all are there and the chain holds"));
    for (writers, rates) in WRITERS.iter().zip(&rates) {
        say(&format!("  {writers} writers at once: {}", Spread::of(rates).show("entries/s", 0)));
    }
    close(store)?;
    let bare = folder.path().join("bare.sqlite");
    std::fs::copy(&path, &bare)?;
    let (audited, bare) = (Store::open(&path)?, Store::open(&bare)?);
    let api = ThroughApi::start()?;
    let mut of_api = Vec::new();
    let mut taken = [Vec::new(), Vec::new()];
    for (at, store) in [&audited, &bare].into_iter().enumerate() {
        for _ in 0..WARM_UP {
            make_token(store, at == 0)?;
        }
    }
    for _ in 0..WRITE_ROUNDS {
        for at in [0, 1, 1, 0] {
            for _ in 0..WINDOW {
                taken[at].push(make_token([&audited, &bare][at], at == 0)?);
            }
            of_api.extend(api.window()?);
        }
    }
    let written = WARM_UP + WRITE_ROUNDS * 2 * WINDOW;
    checked(&audited, folder.path(), entries + written)?;
    let windows = |taken: &[f64], share: f64| {
        let of_windows: Vec<f64> =
            taken.chunks(usize::try_from(WINDOW).unwrap_or(1)).map(|w| percentile(w, share)).collect();
        Spread::of(&of_windows)
    };
    let most = rates.last().map(|rates| Spread::of(rates)).unwrap_or_else(|| Spread::of(&[]));
    let disk = Spread::of(&disk);
    let mut lines = vec![Line {
        measure: format!(
            "P15 audit, durable chained entries a second, {} writers",
            WRITERS[WRITERS.len() - 1]
        ),
        goal: format!(">= {RATE_GOAL}/s"),
        ours: most.show("/s", 0),
        beside: format!("4 KiB appended and synced, one by one {}", disk.show("/s", 0)),
        ratio: format!("{:.2}", most.median / disk.median),
        met: met(most.median >= RATE_GOAL),
    }];
    for (what, share) in [("median", 0.5), ("p99", 0.99)] {
        let (with, without) = (windows(&taken[0], share), windows(&taken[1], share));
        let ratio = with.median / without.median;
        lines.push(Line {
            measure: format!("P15 a token and its audit entry in the store, one writer, {what}"),
            goal: format!("<= {ADDED_GOAL} x"),
            ours: with.show("us", 0),
            beside: format!("the same without entry {}", without.show("us", 0)),
            ratio: format!("{ratio:.2}"),
            met: met(ratio <= ADDED_GOAL),
        });
    }
    // The API has no way without: what the entry adds is taken from the two stores.
    let added = windows(&taken[0], 0.5).median - windows(&taken[1], 0.5).median;
    let whole = windows(&of_api, 0.5);
    let ratio = whole.median / (whole.median - added);
    lines.push(Line {
        measure: "P15 the same through the API, one client, median".to_owned(),
        goal: format!("<= {ADDED_GOAL} x"),
        ours: whole.show("us", 0),
        beside: format!("less the {added:.0} us that the entry adds in the store"),
        ratio: format!("{ratio:.2}"),
        met: met(ratio <= ADDED_GOAL),
    });
    Ok(lines)
}
