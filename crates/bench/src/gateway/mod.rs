//! P7: point selects through the gateway, beside HAProxy in TCP mode and a direct connection, by 1, 8 and 64
//! connections, without TLS and with it; how fast connections are set up; what idle ones cost.

mod client;
mod peers;

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bough_control::Keys;
use bough_engine::Binaries;
use bough_model::{BranchId, PasswordRole, Secret};
use bough_testkit::{Bough, Client as Api, Options};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;

use crate::machine::{cpu_seconds, resident_mib};
use crate::numbers::Spread;
use crate::server::{bough_binary, from_env, measured};
use crate::table::{Line, met, say};
use client::{Address, Way};
use peers::{Peer, as_owner, haproxy, server_with_tls};

/// Rows that are chosen from.
const ROWS: u64 = 10_000;
/// How many connections ask at once.
const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// Rounds; in each every contestant has its turn, in an order that changes.
const ROUNDS: usize = 6;
/// How long one turn lasts, in milliseconds, and what of it is not counted.
const TURN_MILLIS: u64 = 1_500;
const WARM_UP_MILLIS: u64 = 200;
/// Idle connections whose memory is looked at, unless the environment says otherwise.
const IDLE: u64 = 5_000;
/// Queries a second and connections a second: at least so many times the peer's.
const RATE_GOAL: f64 = 1.0;

/// Settings under which many connections to one branch are possible.
const SETTINGS: &str = "[limits]\ndevelopment_branches = 100\n[[cluster_size]]\nname = \"PS_DEV\"\ncpu = \"1/8\"\nram_mib = 256\n\
    buffer_pool_mib = 32\nredo_log_mib = 8\nmax_connections = 6000\nproduction = true\n";

/// What one contestant did in one turn.
#[derive(Clone, Copy)]
struct Turn {
    per_second: f64,
    /// CPU of what stands in between, in microseconds for each query.
    cpu_micros: f64,
}

struct Bench {
    bough: Bough,
    gateway: Way,
    gateway_tls: Way,
    direct: Way,
    direct_tls: Way,
    through_haproxy: Way,
    through_haproxy_tls: Way,
    _peers: Vec<Peer>,
}

fn points(schema: &str) -> Vec<String> {
    let mut statements = vec![
        format!("CREATE DATABASE IF NOT EXISTS {schema}"),
        format!(
            "CREATE TABLE {schema}.points (id INT UNSIGNED NOT NULL PRIMARY KEY, c CHAR(120) NOT NULL) ENGINE=InnoDB"
        ),
    ];
    statements.push(format!(
        "INSERT INTO {schema}.points SELECT seq, REPEAT(CHAR(97 + seq % 26), 100 + seq % 20) FROM seq_1_to_{ROWS}"
    ));
    statements
}

fn value_of(id: u64) -> Vec<u8> {
    let letter = b'a' + u8::try_from(id % 26).unwrap_or(0);
    vec![letter; usize::try_from(100 + id % 20).unwrap_or(0)]
}

impl Bench {
    fn prepare() -> Result<Self> {
        let settings = tempfile::NamedTempFile::with_prefix_in("bough-bench-", "/tmp")?;
        let whole = SETTINGS.to_owned();
        fs::write(settings.path(), whole)?;
        let mut options = measured();
        options.env.push(("BOUGH_GATEWAY_PLAIN_TEXT_FROM_LOOPBACK".to_owned(), "true".to_owned()));
        for limit in ["CONNECTIONS_PER_ADDRESS", "CONNECTIONS_PER_PASSWORD"] {
            options.env.push((format!("BOUGH_GATEWAY_{limit}"), "0".to_owned()));
        }
        options.env.push(("BOUGH_DEFAULTS_CLUSTER_SIZE".to_owned(), "PS_DEV".to_owned()));
        options.args = vec!["--config".to_owned(), settings.path().display().to_string()];
        let bough = start(options)?;
        bough.database("shop");
        let admin = bough.admin();
        let branch = bough.wait_branch("shop", "main");
        let id = branch["id"].as_str().and_then(BranchId::parse).context("an id")?;
        let folder = bough.data_dir().join("engine/branches").join(id.as_str());
        let socket = folder.join("mysql.sock");
        let mut owner = as_owner(socket.clone())?;
        for statement in points("shop").into_iter().skip(1) {
            owner.execute(statement)?;
        }
        let gateway = gateway_way(&bough, &admin)?;
        let authority = CertificateDer::from_pem_slice(&fs::read(bough.data_dir().join("tls/ca.pem"))?)?;
        let tls = client_tls(authority)?;
        let role = PasswordRole::Reader;
        let direct = Way {
            name: "direct",
            address: Address::Unix(socket.clone()),
            tls: None,
            user: role.account().to_owned(),
            secret: keys(&bough)?.role_secret(&id, role),
            pid: None,
        };
        let proxy = haproxy(&format!("unix@{}", socket.display()))?;
        // A server of its own speaks TLS: those of branches have no port, and need none.
        let binaries = Binaries::find(None)?;
        let template =
            bough.data_dir().join("engine/templates").join(binaries.flavor.to_string()).join("data");
        let options = fs::read_to_string(folder.join("server.cnf"))?;
        let pem = bough.data_dir().join("tls/server.pem");
        let (with_tls, its_socket) = server_with_tls(&options, &folder, &template, &pem)?;
        let mut owner = as_owner(its_socket)?;
        for statement in points("shop") {
            owner.execute(statement)?;
        }
        owner.execute("CREATE USER bench@'127.0.0.1' IDENTIFIED BY 'only-for-this-measure'")?;
        owner.execute("CREATE USER bench@localhost IDENTIFIED BY 'only-for-this-measure'")?;
        owner.execute("GRANT SELECT ON shop.* TO bench@'127.0.0.1', bench@localhost")?;
        let direct_tls = Way {
            name: "direct, TLS",
            address: Address::Tcp(with_tls.address),
            tls: Some(Arc::clone(&tls)),
            user: "bench".to_owned(),
            secret: Secret::new("only-for-this-measure".to_owned()),
            pid: None,
        };
        let proxy_tls = haproxy(&with_tls.address.to_string())?;
        let through_haproxy = Way {
            name: "HAProxy",
            address: Address::Tcp(proxy.address),
            pid: Some(proxy.pid()),
            ..direct.clone()
        };
        let through_haproxy_tls = Way {
            name: "HAProxy, TLS passed through",
            address: Address::Tcp(proxy_tls.address),
            pid: Some(proxy_tls.pid()),
            ..direct_tls.clone()
        };
        Ok(Self {
            gateway_tls: Way { name: "gateway, TLS", tls: Some(tls), ..gateway.clone() },
            gateway,
            direct,
            direct_tls,
            through_haproxy,
            through_haproxy_tls,
            _peers: vec![with_tls, proxy, proxy_tls],
            bough,
        })
    }
}

fn start(options: Options) -> Result<Bough> {
    let mut bough = Bough::set_up(&bough_binary()?, options);
    bough.serve();
    Ok(bough)
}

fn keys(bough: &Bough) -> Result<Keys> {
    let text = fs::read_to_string(bough.data_dir().join("secrets/master-key"))?;
    let bytes: Vec<u8> = (0..text.trim().len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16))
        .collect::<Result<_, _>>()?;
    let key = bytes.try_into().ok().context("a master key of another length")?;
    Ok(Keys::derive(&Secret::new(key)))
}

fn gateway_way(bough: &Bough, admin: &Api) -> Result<Way> {
    let path = admin.org("/databases/shop/branches/main/passwords");
    let made = admin.post(&path, &json!({"name": "bench", "role": "reader"})).expect(201);
    let addresses = fs::read_to_string(bough.data_dir().join("run/addresses.json"))?;
    let addresses: serde_json::Value = serde_json::from_str(&addresses)?;
    Ok(Way {
        name: "gateway",
        address: Address::Tcp(addresses["mysql"].as_str().context("no MySQL address")?.parse()?),
        tls: None,
        user: made.str("/username").to_owned(),
        secret: Secret::new(made.str("/plain_text").to_owned()),
        pid: Some(bough.pid()),
    })
}

fn client_tls(authority: CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Each connection is a first one.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// One turn: so many connections ask as fast as they are answered.
fn turn(way: &Way, connections: usize) -> Result<Turn> {
    let (stop, counting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let count = Arc::new(AtomicU64::new(0));
    let ready = Arc::new(Barrier::new(connections + 1));
    let mut clients = (0..connections).map(|_| way.connect()).collect::<Result<Vec<_>>>()?;
    // Correctness first.
    for (client, id) in clients.iter_mut().zip(1..) {
        let found = client.point(&format!("SELECT c FROM shop.points WHERE id = {id}"))?;
        ensure!(found == value_of(id), "{}: a wrong row", way.name);
    }
    let workers: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            let (stop, counting, count, ready) =
                (Arc::clone(&stop), Arc::clone(&counting), Arc::clone(&count), Arc::clone(&ready));
            std::thread::spawn(move || -> Result<()> {
                let mut random = number as u64 * 7_919 + 1;
                ready.wait();
                while !stop.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let id = 1 + (random >> 33) % ROWS;
                    client.point(&format!("SELECT c FROM shop.points WHERE id = {id}"))?;
                    if counting.load(Ordering::Relaxed) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                client.quit()
            })
        })
        .collect();
    ready.wait();
    std::thread::sleep(Duration::from_millis(WARM_UP_MILLIS));
    let cpu = || way.pid.map_or(f64::NAN, cpu_seconds);
    let (before, started) = (cpu(), Instant::now());
    counting.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(TURN_MILLIS));
    counting.store(false, Ordering::Relaxed);
    let (after, took) = (cpu(), started.elapsed().as_secs_f64());
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
    }
    #[allow(clippy::cast_precision_loss, reason = "hundreds of thousands")]
    let queries = count.load(Ordering::Relaxed).max(1) as f64;
    Ok(Turn { per_second: queries / took, cpu_micros: (after - before) * 1e6 / queries })
}

/// Connections that are set up, ask once, and leave, one after the other in eight threads.
fn set_up(way: &Way) -> Result<Turn> {
    const THREADS: usize = 8;
    let stop = Arc::new(AtomicBool::new(false));
    let cpu = || way.pid.map_or(f64::NAN, cpu_seconds);
    way.connect()?.quit()?;
    let (before, started) = (cpu(), Instant::now());
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (way, stop) = (way.clone(), Arc::clone(&stop));
            std::thread::spawn(move || -> Result<u64> {
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mut client = way.connect()?;
                    client.point("SELECT c FROM shop.points WHERE id = 1")?;
                    client.quit()?;
                    made += 1;
                }
                Ok(made)
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(TURN_MILLIS));
    stop.store(true, Ordering::Relaxed);
    let mut made = 0;
    for worker in workers {
        made += worker.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
    }
    let (after, took) = (cpu(), started.elapsed().as_secs_f64());
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let made = made.max(1) as f64;
    Ok(Turn { per_second: made / took, cpu_micros: (after - before) * 1e6 / made })
}

/// Every way in turn, in an order that is turned round each time.
fn rounds(ways: &[&Way], take: impl Fn(&Way) -> Result<Turn>) -> Result<HashMap<&'static str, Vec<Turn>>> {
    let mut taken: HashMap<&'static str, Vec<Turn>> = HashMap::new();
    for round in 0..ROUNDS {
        let mut order = ways.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        for way in order {
            taken.entry(way.name).or_default().push(take(way)?);
        }
    }
    Ok(taken)
}

fn line(what: &str, unit: &str, ours: &[Turn], peer: (&str, &[Turn]), direct: &[Turn]) -> Line {
    let rate = |turns: &[Turn]| Spread::of(&turns.iter().map(|turn| turn.per_second).collect::<Vec<_>>());
    let cpu = |turns: &[Turn]| Spread::of(&turns.iter().map(|turn| turn.cpu_micros).collect::<Vec<_>>());
    let (of_ours, of_peer, of_direct) = (rate(ours), rate(peer.1), rate(direct));
    let ratio = of_ours.median / of_peer.median;
    let (own_cpu, peer_cpu) = (cpu(ours).median, cpu(peer.1).median);
    let cpu_fits = peer_cpu.is_nan() || own_cpu <= peer_cpu;
    let beside_cpu = if peer_cpu.is_nan() { String::new() } else { format!(", CPU {peer_cpu:.1} us each") };
    Line {
        measure: format!("P7 {what}"),
        goal: format!(">= {RATE_GOAL} x, CPU <= the peer's"),
        ours: format!("{}, CPU {own_cpu:.1} us each", of_ours.show(unit, 0)),
        beside: format!("{} {}{beside_cpu}; direct {:.0}", peer.0, of_peer.show(unit, 0), of_direct.median),
        ratio: format!("{ratio:.2}"),
        met: met(ratio >= RATE_GOAL && cpu_fits),
    }
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let bench = Bench::prepare()?;
    let mut lines = Vec::new();
    let plain = [&bench.gateway, &bench.through_haproxy, &bench.direct];
    let tls = [&bench.gateway_tls, &bench.through_haproxy_tls, &bench.direct_tls];
    for (ways, with) in [(plain, "without TLS"), (tls, "with TLS")] {
        for connections in CONNECTIONS {
            let taken = rounds(&ways, |way| turn(way, connections))?;
            say(&format!("  {connections} connections {with}: done"));
            let [ours, peer, direct] = ways.map(|way| (way.name, taken[way.name].as_slice()));
            let what = format!("point selects, {connections} connections, {with}");
            lines.push(line(&what, "queries/s", ours.1, peer, direct.1));
        }
        let taken = rounds(&ways, set_up)?;
        let [ours, peer, direct] = ways.map(|way| (way.name, taken[way.name].as_slice()));
        // Without TLS nobody asks for more than is said: the goal is for TLS, beside a direct connection.
        let beside = if with == "with TLS" { direct } else { peer };
        lines.push(line(&format!("connections set up {with}"), "a second", ours.1, beside, direct.1));
    }
    lines.push(idle(&bench)?);
    Ok(lines)
}

/// What idle connections cost the gateway, in memory.
fn idle(bench: &Bench) -> Result<Line> {
    let wanted = from_env("BOUGH_BENCH_IDLE", IDLE)?;
    let before = resident_mib(bench.bough.pid());
    let mut held = Vec::new();
    for _ in 0..wanted {
        held.push(bench.gateway_tls.connect()?);
    }
    let after = resident_mib(bench.bough.pid());
    for client in &mut held {
        client.point("SELECT c FROM shop.points WHERE id = 1")?;
    }
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let each = (after - before) * 1024.0 / wanted as f64;
    Ok(Line {
        measure: format!("P7 memory of {wanted} idle connections with TLS"),
        goal: "-".to_owned(),
        ours: format!("{:.0} MiB more, {each:.1} KiB each", after - before),
        beside: format!("before them {before:.0} MiB"),
        ratio: String::new(),
        met: "context".to_owned(),
    })
}
