//! A client that speaks the protocol byte by byte: for what no driver would do, and to compare answers as they come.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bough_mysql_wire::{
    AnswerReader, Asked, AuthSwitch, Capabilities, Command, ErrPacket, Greeting, HEADER_LEN,
    HandshakeResponse, Header, NATIVE, Nonce, OkPacket, PAYLOAD_MAX, Payload, Progress, append_packets,
    native_response, ssl_request,
};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// What a client asks for that asks for little.
pub const PLAIN: Capabilities = Capabilities(
    Capabilities::PROTOCOL_41.0
        | Capabilities::SECURE_CONNECTION.0
        | Capabilities::PLUGIN_AUTH.0
        | Capabilities::TRANSACTIONS.0
        | Capabilities::MULTI_RESULTS.0
        | Capabilities::PS_MULTI_RESULTS.0
        | Capabilities::MYSQL.0,
);

/// A payload and the number of its last packet.
pub type Packet = (u8, Vec<u8>);

pub struct Raw {
    stream: Box<dyn Stream>,
    pub greeting: Greeting,
    pub capabilities: Capabilities,
    /// The nonce that was given last.
    pub nonce: Nonce,
    /// Number of the next packet.
    pub sequence: u8,
}

pub fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream.set_write_timeout(Some(LIMIT)).expect("a limit");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Reads one payload: an error when the connection ends instead.
pub fn read_packet(stream: &mut (impl Read + ?Sized)) -> io::Result<Packet> {
    let mut payload = Vec::new();
    loop {
        let mut header = [0; HEADER_LEN];
        stream.read_exact(&mut header)?;
        let header = Header::parse(header);
        let have = payload.len();
        payload.resize(have + header.len, 0);
        stream.read_exact(&mut payload[have..])?;
        if header.len < PAYLOAD_MAX {
            return Ok((header.sequence, payload));
        }
    }
}

impl Raw {
    fn greeted(mut stream: Box<dyn Stream>) -> Result<Self, ErrPacket> {
        let (sequence, payload) = read_packet(&mut stream).expect("a greeting");
        if let Ok(error) = ErrPacket::parse(&payload) {
            return Err(error);
        }
        assert_eq!(sequence, 0);
        let greeting = Greeting::parse(&payload).expect("a greeting");
        let nonce = greeting.nonce;
        Ok(Self { stream, greeting, capabilities: Capabilities::NONE, nonce, sequence: 1 })
    }

    /// Through the gateway. An error: what was said in the place of a greeting.
    pub fn try_gateway(address: SocketAddr) -> Result<Self, ErrPacket> {
        Self::greeted(Box::new(tcp(address)))
    }

    pub fn gateway(address: SocketAddr) -> Self {
        Self::try_gateway(address).expect("a greeting")
    }

    /// Behind bytes that come first.
    pub fn behind(address: SocketAddr, head: &[u8]) -> Self {
        let mut stream = tcp(address);
        stream.write_all(head).expect("written");
        Self::greeted(Box::new(stream)).expect("a greeting")
    }

    /// Past the gateway.
    pub fn direct(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self::greeted(Box::new(stream)).expect("a greeting")
    }

    /// Goes on in TLS. The request and the first bytes of TLS go out together.
    pub fn in_tls(
        address: SocketAddr,
        config: Arc<rustls::ClientConfig>,
        capabilities: Capabilities,
    ) -> Self {
        let mut stream = tcp(address);
        let (_, payload) = read_packet(&mut stream).expect("a greeting");
        let greeting = Greeting::parse(&payload).expect("a greeting");
        let name = "localhost".try_into().expect("a name");
        let mut tls = rustls::ClientConnection::new(config, name).expect("a client of TLS");
        let mut first = bough_mysql_wire::frame(1, &ssl_request(capabilities, 1 << 24, 45));
        tls.write_tls(&mut first).expect("a hello");
        stream.write_all(&first).expect("written");
        let stream = Box::new(rustls::StreamOwned::new(tls, stream));
        let nonce = greeting.nonce;
        Self { stream, greeting, capabilities: capabilities | Capabilities::SSL, nonce, sequence: 2 }
    }

    pub fn hello(&self, user: &str, secret: &str, capabilities: Capabilities) -> HandshakeResponse {
        HandshakeResponse {
            capabilities,
            max_packet: 1 << 30,
            collation: 45,
            user: user.as_bytes().to_vec(),
            response: native_response(secret.as_bytes(), &self.nonce).to_vec(),
            database: None,
            plugin: NATIVE.to_vec(),
            attributes: None,
        }
    }

    /// Logs in, to the schema.
    pub fn log_in(
        &mut self,
        user: &str,
        secret: &str,
        capabilities: Capabilities,
    ) -> Result<OkPacket, ErrPacket> {
        let mut hello = self.hello(user, secret, capabilities);
        hello.database = Some(b"shop".to_vec());
        self.log_in_with(&hello, secret)
    }

    pub fn log_in_with(&mut self, hello: &HandshakeResponse, secret: &str) -> Result<OkPacket, ErrPacket> {
        self.capabilities = hello.capabilities;
        self.send(&hello.to_payload());
        self.finish(secret)
    }

    /// Answers what the server asks until it says yes or no.
    pub fn finish(&mut self, secret: &str) -> Result<OkPacket, ErrPacket> {
        loop {
            let reply = self.receive().expect("a reply");
            match reply[0] {
                0xfe => {
                    let switch = AuthSwitch::parse(&reply).expect("a switch");
                    assert_eq!(switch.plugin, NATIVE);
                    self.nonce = switch.nonce;
                    let response = native_response(secret.as_bytes(), &switch.nonce);
                    self.send(&response);
                }
                0xff => return Err(ErrPacket::parse(&reply).expect("an error")),
                _ => return Ok(OkPacket::parse(&reply).expect("an OK")),
            }
        }
    }

    /// Sends a payload as the next one of this exchange.
    pub fn send(&mut self, payload: &[u8]) {
        let mut bytes = Vec::new();
        self.sequence = append_packets(&mut bytes, self.sequence, payload);
        self.write(&bytes).expect("written");
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next payload of this exchange.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let (sequence, payload) = read_packet(&mut self.stream)?;
        self.sequence = sequence.wrapping_add(1);
        Ok(payload)
    }

    /// Sends a command and does not wait.
    pub fn command(&mut self, command: Command, rest: &[u8]) {
        self.sequence = 0;
        self.send(&[&[command.byte()], rest].concat());
    }

    /// Reads one whole answer, packet by packet.
    pub fn answer(&mut self, asked: Asked) -> Vec<Packet> {
        let mut reader = AnswerReader::new(self.capabilities);
        reader.begin(asked);
        let mut packets = Vec::new();
        loop {
            let (sequence, payload) = read_packet(&mut self.stream).expect("an answer");
            let progress = reader.payload(&Payload::of(&payload, sequence)).expect("it can be followed");
            packets.push((sequence, payload));
            if progress != Progress::More {
                return packets;
            }
        }
    }

    /// A command and its answer.
    pub fn ask(&mut self, command: Command, rest: &[u8], asked: Asked) -> Vec<Packet> {
        self.command(command, rest);
        self.answer(asked)
    }

    /// A statement and its answer.
    pub fn query(&mut self, statement: &str) -> Vec<Packet> {
        self.ask(Command::Query, statement.as_bytes(), Asked::Statement)
    }

    /// A statement that brings a single text.
    pub fn text(&mut self, statement: &str) -> String {
        let packets = self.query(statement);
        let rows = packets.len() - if self.capabilities.has(Capabilities::DEPRECATE_EOF) { 2 } else { 3 };
        assert!(rows >= 2, "{statement}: {packets:?}");
        let row = &packets[packets.len() - 2].1;
        String::from_utf8_lossy(&row[1..]).into_owned()
    }

    /// A statement without rows. Its status.
    pub fn run(&mut self, statement: &str) -> OkPacket {
        let packets = self.query(statement);
        OkPacket::parse(&packets[0].1).unwrap_or_else(|_| panic!("{statement}: {}", shown(&packets[0].1)))
    }

    /// A statement that fails.
    pub fn fails(&mut self, statement: &str) -> ErrPacket {
        let packets = self.query(statement);
        error_of(&packets)
    }

    /// Whether the connection has ended: reads until it does, at most what was on its way.
    pub fn ends(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).map(|_| rest)
    }
}

/// The error that an answer consists of.
pub fn error_of(packets: &[Packet]) -> ErrPacket {
    let last = &packets.last().expect("an answer").1;
    ErrPacket::parse(last).unwrap_or_else(|_| panic!("no error: {}", shown(last)))
}

pub fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
