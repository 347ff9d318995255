//! A MySQL client with as little work of its own as possible: what is measured is the way, not the driver.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bough_model::Secret;
use bough_mysql_wire::{
    Capabilities, ErrPacket, Greeting, HEADER_LEN, HandshakeResponse, Header, NATIVE, append_packets,
    native_response, ssl_request,
};
use bough_testkit::{Bough, Client as Api};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

/// Longest wait for an answer, in seconds.
const ANSWER_LIMIT_SECONDS: u64 = 30;
/// `COM_QUERY`.
const QUERY: u8 = 3;
/// `COM_QUIT`.
const QUIT: u8 = 1;
/// `utf8mb4_general_ci`.
const COLLATION: u8 = 45;
/// Packets of the answer to a point select: columns, the column, its row, the end.
const POINT_PACKETS: usize = 4;

/// Where somebody listens.
#[derive(Clone, Debug)]
pub enum Address {
    /// On a socket of this machine's file system.
    Unix(PathBuf),
    /// On the network.
    Tcp(SocketAddr),
}

/// How one gets to a database, and as whom.
#[derive(Clone)]
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// Where.
    pub address: Address,
    /// With TLS, if so configured.
    pub tls: Option<Arc<ClientConfig>>,
    /// The account.
    pub user: String,
    /// Its secret.
    pub secret: Secret<String>,
    /// The process in between; none when there is nothing.
    pub between: Option<u32>,
    /// The database server behind it, where its CPU time is of interest.
    pub server: Option<u32>,
}

/// Trusts Bough's own authority. Each connection is a first one.
pub fn client_tls(bough: &Bough) -> Result<Arc<ClientConfig>> {
    let authority = CertificateDer::from_pem_slice(&fs::read(bough.data_dir().join("tls/ca.pem"))?)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A connection that has logged in.
pub struct Client {
    wire: Box<dyn Wire>,
    read: Vec<u8>,
    asked: Vec<u8>,
}

impl Way {
    /// To a branch of `shop` through the gateway of `bough serve`, with a new password of the role `reader`.
    pub fn through_gateway(bough: &Bough, admin: &Api, branch: &str) -> Result<Self> {
        let path = admin.org(&format!("/databases/shop/branches/{branch}/passwords"));
        let made = admin.post(&path, &json!({"name": "bench", "role": "reader"})).expect(201);
        Ok(Self {
            name: "gateway",
            address: Address::Tcp(bough.mysql_address().parse()?),
            tls: None,
            user: made.str("/username").to_owned(),
            secret: Secret::new(made.str("/plain_text").to_owned()),
            between: Some(bough.pid()),
            server: None,
        })
    }

    /// Connects and logs in.
    pub fn connect(&self) -> Result<Client> {
        let limit = Some(Duration::from_secs(ANSWER_LIMIT_SECONDS));
        let mut wire: Box<dyn Wire> = match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).with_context(|| format!("{}", path.display()))?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
        };
        let (_, greeting) = receive(&mut wire)?;
        let greeting = Greeting::parse(&greeting)?;
        // Not all that is offered: a client that takes NO_SCHEMA may not say which schema a table is in.
        let mut capabilities = Capabilities::PROTOCOL_41
            | Capabilities::SECURE_CONNECTION
            | Capabilities::PLUGIN_AUTH
            | Capabilities::TRANSACTIONS
            | Capabilities::DEPRECATE_EOF;
        let mut sequence = 1;
        if let Some(config) = &self.tls {
            capabilities = capabilities | Capabilities::SSL;
            let mut request = Vec::new();
            sequence = append_packets(&mut request, sequence, &ssl_request(capabilities, 1 << 24, COLLATION));
            wire.write_all(&request)?;
            let name = ServerName::try_from("localhost")?;
            let session = ClientConnection::new(Arc::clone(config), name)?;
            wire = Box::new(StreamOwned::new(session, wire));
        }
        let response = HandshakeResponse {
            capabilities,
            max_packet: 1 << 24,
            collation: COLLATION,
            user: self.user.clone().into_bytes(),
            response: native_response(self.secret.expose().as_bytes(), &greeting.nonce).to_vec(),
            database: None,
            plugin: NATIVE.to_vec(),
            attributes: None,
        };
        let mut packet = Vec::new();
        append_packets(&mut packet, sequence, &response.to_payload());
        wire.write_all(&packet)?;
        wire.flush()?;
        let (_, answer) = receive(&mut wire)?;
        match answer.first() {
            Some(0) => Ok(Client { wire, read: vec![0; 64 << 10], asked: Vec::new() }),
            Some(0xff) => bail!("{}: {}", self.name, said(&answer)),
            _ => bail!("{}: another way to log in was wanted", self.name),
        }
    }
}

impl Client {
    /// Asks for one row of one column, and answers the value.
    pub fn point(&mut self, statement: &str) -> Result<Vec<u8>> {
        self.send(QUERY, statement.as_bytes())?;
        let (mut held, mut at, mut packets, mut row) = (0, 0, 0, 0..0);
        loop {
            while held - at >= HEADER_LEN {
                let header =
                    Header::parse([self.read[at], self.read[at + 1], self.read[at + 2], self.read[at + 3]]);
                let end = at + HEADER_LEN + header.len;
                if held < end {
                    break;
                }
                let payload = at + HEADER_LEN..end;
                if self.read[payload.start] == 0xff {
                    bail!("{}", said(&self.read[payload]));
                }
                packets += 1;
                if packets == POINT_PACKETS - 1 {
                    // Behind the length of a value of less than 251 bytes.
                    row = payload.start + 1..payload.end;
                }
                at = end;
            }
            if packets >= POINT_PACKETS {
                ensure!(held == at, "bytes behind the answer");
                return Ok(self.read[row].to_vec());
            }
            ensure!(held < self.read.len(), "the answer is longer than a point select's");
            let more = self.wire.read(&mut self.read[held..])?;
            ensure!(more > 0, "the connection ended in the middle of an answer");
            held += more;
        }
    }

    /// Says goodbye.
    pub fn quit(mut self) -> Result<()> {
        self.send(QUIT, b"")
    }

    fn send(&mut self, command: u8, rest: &[u8]) -> Result<()> {
        self.asked.clear();
        let mut payload = Vec::with_capacity(rest.len() + 1);
        payload.push(command);
        payload.extend_from_slice(rest);
        append_packets(&mut self.asked, 0, &payload);
        self.wire.write_all(&self.asked)?;
        self.wire.flush()?;
        Ok(())
    }
}

/// One packet: its number and what is in it.
fn receive(wire: &mut impl Read) -> Result<(u8, Vec<u8>)> {
    let mut header = [0; HEADER_LEN];
    wire.read_exact(&mut header)?;
    let header = Header::parse(header);
    let mut payload = vec![0; header.len];
    wire.read_exact(&mut payload)?;
    Ok((header.sequence, payload))
}

fn said(payload: &[u8]) -> String {
    ErrPacket::parse(payload).map_or_else(
        |_| "an error that cannot be read".to_owned(),
        |error| format!("error {}: {}", error.errno, String::from_utf8_lossy(&error.message)),
    )
}
