//! Load over loopback: a few kept connections, each asking again as soon as it was answered, all driven
//! by one thread that never sleeps. A generator that slept would have to be woken for each answer by the
//! server that is measured, which costs that server the more the slower it is.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bough_testkit::Dice;

/// Longest wait for an answer, in seconds.
const ANSWER_LIMIT_SECONDS: u64 = 10;
/// Most bytes of an answer.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// One kept connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Status, and where the body begins and ends, once the header is there.
    head: Option<(u16, usize, usize)>,
    asked: Instant,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, buffer: vec![0; ANSWER_MAX_BYTES], filled: 0, head: None, asked: Instant::now() })
    }

    /// Sends a request, which always fits into an empty socket.
    fn ask(&mut self, request: &[u8]) -> Result<()> {
        (self.filled, self.head, self.asked) = (0, None, Instant::now());
        self.stream.write_all(request).context("a request could not be sent")
    }

    /// The answer, status and body, if it is there whole.
    fn answer(&mut self) -> Result<Option<(u16, &[u8])>> {
        let room = self.buffer.get_mut(self.filled..).filter(|room| !room.is_empty());
        match self.stream.read(room.context("the answer is too long")?) {
            Ok(0) => bail!("the connection was closed"),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ensure!(self.asked.elapsed() < Duration::from_secs(ANSWER_LIMIT_SECONDS), "no answer came");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        if self.head.is_none() {
            self.head = head(&self.buffer[..self.filled])?;
        }
        let whole = self.head.filter(|(_, _, end)| self.filled >= *end);
        Ok(whole.map(|(status, from, to)| (status, &self.buffer[from..to])))
    }
}

fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end])?;
    let status =
        text.get(9..12).and_then(|digits| digits.parse().ok()).context("an answer without a status")?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    // Nothing follows a 204, and it says no length.
    let length = if status == 204 { Some(0) } else { length };
    let length = length.context("an answer without a length")?;
    Ok(Some((status, end + 4, end + 4 + length)))
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// From sending the request until all of it was there, in microseconds.
    pub micros: f64,
}

/// A kept connection that asks one thing after the other.
pub struct Kept(Connection);

impl Kept {
    /// Opens it.
    pub fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self(Connection::open(address)?))
    }

    /// Asks, and looks for the answer without sleeping.
    pub fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request)?;
        loop {
            if let Some(answer) = self.answer()? {
                return Ok(answer);
            }
            std::thread::yield_now();
        }
    }

    /// Only sends the request.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        self.0.ask(request)
    }

    /// The answer to what was sent, if it is there.
    pub fn answer(&mut self) -> Result<Option<Answer>> {
        let asked = self.0.asked;
        Ok(self.0.answer()?.map(|(status, body)| {
            let micros = asked.elapsed().as_secs_f64() * 1e6;
            Answer { status, body: body.to_vec(), micros }
        }))
    }
}

/// Sends requests one after the other on one connection; all answers.
pub fn sample(address: SocketAddr, requests: &[Vec<u8>]) -> Result<Vec<Answer>> {
    let mut kept = Kept::open(address)?;
    requests.iter().map(|request| kept.ask(request)).collect()
}

/// What came of some seconds of load.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// How long each answer took, in microseconds.
    pub micros: Vec<f64>,
    /// Of which kind of request each was.
    pub kinds: Vec<usize>,
    /// Answers that were not as they should be.
    pub failed: usize,
    /// How long it took in all, in seconds.
    pub seconds: f64,
}

/// Asks for `length`, on `connections` connections at once, for what `requests` holds in random order.
/// Every answer must be 200 with exactly `expected`.
pub fn window(
    address: SocketAddr,
    requests: &[Vec<u8>],
    expected: &[u8],
    connections: usize,
    length: Duration,
    seed: u64,
) -> Result<Window> {
    let draw = |dice: &mut Dice| (0, &requests[dice.below(requests.len())][..]);
    let right = |status, body: &[u8]| status == 200 && body == expected;
    drive(address, draw, right, connections, length, seed)
}

/// As [`window`], for requests of several kinds; `weights` says how often each is drawn. Every answer must
/// be 200.
pub fn mixed(
    address: SocketAddr,
    requests: &[Vec<Vec<u8>>],
    weights: &[u64],
    connections: usize,
    length: Duration,
    seed: u64,
) -> Result<Window> {
    let all: u64 = weights.iter().sum();
    let draw = |dice: &mut Dice| {
        let mut at = dice.next() % all;
        let of = |weight: &&u64| {
            let here = at < **weight;
            at = at.saturating_sub(**weight);
            !here
        };
        let kind = weights.iter().take_while(of).count();
        let requests = &requests[kind];
        (kind, &requests[dice.below(requests.len())][..])
    };
    drive(address, draw, |status, _: &[u8]| status == 200, connections, length, seed)
}

fn drive<'a>(
    address: SocketAddr,
    draw: impl Fn(&mut Dice) -> (usize, &'a [u8]),
    right: impl Fn(u16, &[u8]) -> bool,
    connections: usize,
    length: Duration,
    seed: u64,
) -> Result<Window> {
    let mut open: Vec<(Connection, usize)> = Vec::new();
    let mut dice = Dice::new(seed);
    let mut window = Window::default();
    let started = Instant::now();
    for _ in 0..connections {
        let (kind, request) = draw(&mut dice);
        let mut connection = Connection::open(address)?;
        connection.ask(request)?;
        open.push((connection, kind));
    }
    while !open.is_empty() {
        let over = started.elapsed() >= length;
        let mut failure = None;
        // What is under way when the time is over is still waited for.
        open.retain_mut(|(connection, kind)| {
            let whole = match connection.answer() {
                Ok(whole) => whole.map(|(status, body)| right(status, body)),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            };
            let Some(right) = whole else { return true };
            window.micros.push(connection.asked.elapsed().as_secs_f64() * 1e6);
            window.kinds.push(*kind);
            window.failed += usize::from(!right);
            if !over {
                let (next, request) = draw(&mut dice);
                *kind = next;
                failure = connection.ask(request).err().or(failure.take());
            }
            !over
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        // Only counts where server and generator share a CPU.
        std::thread::yield_now();
    }
    window.seconds = started.elapsed().as_secs_f64();
    Ok(window)
}
