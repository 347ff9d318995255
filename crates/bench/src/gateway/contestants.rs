//! The ways to the same rows: through the gateway, through HAProxy and directly, without TLS and with it.

use std::fs;

use anyhow::{Context as _, Result};
use bough_model::{BranchId, PasswordRole, Secret};
use bough_testkit::Bough;

use super::ROWS;
use super::peers::{Peer, WithTls, haproxy};
use crate::bare_server::{Bare, wait};
use crate::server::{bough_binary, folder_of, keys_of, measured, pid_of_server};
use crate::wire::{Address, Way, client_tls};

/// Settings under which many connections to one branch are possible.
const SETTINGS: &str = "[[cluster_size]]\nname = \"PS_DEV\"\ncpu = \"1/8\"\nram_mib = 256\nbuffer_pool_mib = 32\n\
    redo_log_mib = 8\nmax_connections = 6000\nproduction = true\n";

/// The three ways, with TLS or without.
pub struct Ways {
    /// Through Bough.
    pub gateway: Way,
    /// Through HAProxy.
    pub haproxy: Way,
    /// With nothing in between.
    pub direct: Way,
}

/// Everything that runs.
pub struct Contestants {
    /// The Bough that is measured.
    pub bough: Bough,
    /// To the same server of a branch.
    pub plain: Ways,
    /// To the branch, and to another server that speaks TLS itself.
    pub tls: Ways,
    _proxies: [Peer; 2],
    _with_tls: WithTls,
    _settings: tempfile::NamedTempFile,
}

fn points() -> [String; 2] {
    [
        "CREATE TABLE shop.points (id INT UNSIGNED NOT NULL PRIMARY KEY, c CHAR(120) NOT NULL) ENGINE=InnoDB"
            .to_owned(),
        format!(
            "INSERT INTO shop.points SELECT seq, REPEAT(CHAR(97 + seq % 26), 100 + seq % 20) FROM shop.seq_1_to_{ROWS}"
        ),
    ]
}

/// What stands in the row with this id.
pub fn value_of(id: u64) -> Vec<u8> {
    let letter = b'a' + u8::try_from(id % 26).unwrap_or(0);
    vec![letter; usize::try_from(100 + id % 20).unwrap_or(0)]
}

/// What asks for it.
pub fn select(id: u64) -> String {
    format!("SELECT c FROM shop.points WHERE id = {id}")
}

impl Contestants {
    /// Starts all of them.
    pub fn start() -> Result<Self> {
        let settings = tempfile::NamedTempFile::with_prefix_in("bough-bench-", "/tmp")?;
        fs::write(settings.path(), SETTINGS)?;
        let mut options = measured();
        for (name, value) in [
            ("GATEWAY_PLAIN_TEXT_FROM_LOOPBACK", "true"),
            ("GATEWAY_CONNECTIONS_PER_ADDRESS", "0"),
            ("GATEWAY_CONNECTIONS_PER_PASSWORD", "0"),
            ("DEFAULTS_CLUSTER_SIZE", "PS_DEV"),
        ] {
            options.env.push((format!("BOUGH_{name}"), value.to_owned()));
        }
        options.args = vec!["--config".to_owned(), settings.path().display().to_string()];
        let mut bough = Bough::set_up(&bough_binary()?, options);
        bough.serve();
        bough.database("shop");
        let admin = bough.admin();
        let branch = bough.wait_branch("shop", "main");
        let id = branch["id"].as_str().and_then(BranchId::parse).context("an id")?;
        let folder = folder_of(&bough, id.as_str());
        let socket = Bare::socket(&folder);
        let with_tls = WithTls::start(&bough, &folder, &bough.data_dir().join("tls/server.pem"))?;
        let bare = Bare::like(&folder)?;
        let mut owner = wait("the branch to answer", || bare.connect(&socket))?;
        for statement in points() {
            owner.execute(statement)?;
        }
        let mut owner = with_tls.as_owner()?;
        owner.execute("CREATE DATABASE shop")?;
        for statement in points() {
            owner.execute(statement)?;
        }
        owner.execute("CREATE USER bench@'127.0.0.1' IDENTIFIED BY 'only-for-this-measure'")?;
        owner.execute("GRANT SELECT ON shop.* TO bench@'127.0.0.1'")?;
        drop(owner);

        let server = Some(pid_of_server(&folder)?);
        let role = PasswordRole::Reader;
        let direct = Way {
            name: "direct",
            address: Address::Unix(socket.clone()),
            tls: None,
            user: role.account().to_owned(),
            secret: keys_of(&bough)?.role_secret(&id, role),
            between: None,
            server,
        };
        let proxy = haproxy(&format!("unix@{}", socket.display()))?;
        let plain = Ways {
            gateway: Way { server, ..Way::through_gateway(&bough, &admin, "main")? },
            haproxy: Way {
                name: "HAProxy",
                address: Address::Tcp(proxy.address),
                between: Some(proxy.pid()),
                ..direct.clone()
            },
            direct,
        };
        let tls = Some(client_tls(&bough)?);
        let direct = Way {
            name: "direct, TLS",
            address: Address::Tcp(with_tls.address),
            tls: tls.clone(),
            user: "bench".to_owned(),
            secret: Secret::new("only-for-this-measure".to_owned()),
            between: None,
            server: Some(with_tls.pid()),
        };
        let proxy_tls = haproxy(&with_tls.address.to_string())?;
        let tls = Ways {
            gateway: Way { name: "gateway, TLS", tls, ..plain.gateway.clone() },
            haproxy: Way {
                name: "HAProxy, TLS passed through",
                address: Address::Tcp(proxy_tls.address),
                between: Some(proxy_tls.pid()),
                ..direct.clone()
            },
            direct,
        };
        Ok(Self { bough, plain, tls, _proxies: [proxy, proxy_tls], _with_tls: with_tls, _settings: settings })
    }
}
