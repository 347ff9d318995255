//! Packets: a payload goes in pieces of at most 0xffffff bytes, each behind a header of four bytes. A piece of
//! exactly that size is always followed by another one, an empty one if need be.

/// Bytes of a packet's header.
pub const HEADER_LEN: usize = 4;
/// The largest payload of one packet, in bytes.
pub const PAYLOAD_MAX: usize = 0xff_ffff;
/// The bytes of a payload that are kept to tell what it is: an OK packet has its status flags within 23.
pub const PREFIX_LEN: usize = 24;

/// A packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the packet's payload, in bytes.
    pub len: usize,
    /// Number within the exchange.
    pub sequence: u8,
}

impl Header {
    /// Reads one.
    pub const fn parse(bytes: [u8; HEADER_LEN]) -> Self {
        let [a, b, c, sequence] = bytes;
        Self { len: u32::from_le_bytes([a, b, c, 0]) as usize, sequence }
    }

    /// As it goes over the wire. `len` is at most [`PAYLOAD_MAX`].
    pub const fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [a, b, c, ..] = self.len.to_le_bytes();
        [a, b, c, self.sequence]
    }
}

/// Appends a payload as packets, the first with this number. Returns the number that comes next.
pub fn append_packets(to: &mut Vec<u8>, mut sequence: u8, payload: &[u8]) -> u8 {
    let mut rest = payload;
    loop {
        let (piece, left) = rest.split_at(rest.len().min(PAYLOAD_MAX));
        to.extend_from_slice(&Header { len: piece.len(), sequence }.to_bytes());
        to.extend_from_slice(piece);
        sequence = sequence.wrapping_add(1);
        rest = left;
        if piece.len() < PAYLOAD_MAX {
            return sequence;
        }
    }
}

/// A payload as packets.
pub fn frame(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut packets = Vec::with_capacity(payload.len() + HEADER_LEN);
    append_packets(&mut packets, sequence, payload);
    packets
}

/// A payload that has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    prefix: [u8; PREFIX_LEN],
    /// Length of its first packet, in bytes: [`PAYLOAD_MAX`] when there were more.
    pub first_len: usize,
    /// Number of its last packet.
    pub sequence: u8,
}

impl Payload {
    /// A payload that is all there. Longer ones are cut off behind the prefix.
    pub fn of(bytes: &[u8], sequence: u8) -> Self {
        let mut prefix = [0; PREFIX_LEN];
        for (to, from) in prefix.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self { prefix, first_len: bytes.len().min(PAYLOAD_MAX), sequence }
    }

    /// Its first bytes, as many as there are, at most [`PREFIX_LEN`].
    pub fn prefix(&self) -> &[u8] {
        &self.prefix[..self.first_len.min(PREFIX_LEN)]
    }
}

/// Follows packets that go by in pieces of any size, and keeps nothing of them but the first bytes.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    header: [u8; HEADER_LEN],
    header_have: usize,
    /// What is still to come of this packet's body, in bytes.
    body_left: usize,
    prefix: [u8; PREFIX_LEN],
    prefix_have: usize,
    first_len: usize,
    /// The packet before this one was full: this one goes on with its payload.
    goes_on: bool,
}

impl Framer {
    /// A framer that stands before a packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the next byte begins a payload.
    pub const fn at_boundary(&self) -> bool {
        self.header_have == 0 && !self.goes_on
    }

    /// The first byte of the payload that is going by, when that much of it has come and it has not ended.
    pub fn first_byte(&self) -> Option<u8> {
        (self.prefix_have > 0 && !self.at_boundary()).then_some(self.prefix[0])
    }

    /// Takes bytes up to the end of the next payload. Returns how many, and the payload if it has ended.
    pub fn advance(&mut self, bytes: &[u8]) -> (usize, Option<Payload>) {
        let mut at = 0;
        while at < bytes.len() || (self.header_have == HEADER_LEN && self.body_left == 0) {
            if self.header_have < HEADER_LEN {
                let take = (HEADER_LEN - self.header_have).min(bytes.len() - at);
                self.header[self.header_have..self.header_have + take].copy_from_slice(&bytes[at..at + take]);
                self.header_have += take;
                at += take;
                if self.header_have < HEADER_LEN {
                    break;
                }
                self.body_left = Header::parse(self.header).len;
                if !self.goes_on {
                    self.prefix_have = 0;
                    self.first_len = self.body_left;
                }
            }
            let take = self.body_left.min(bytes.len() - at);
            if !self.goes_on && self.prefix_have < PREFIX_LEN {
                let keep = take.min(PREFIX_LEN - self.prefix_have);
                self.prefix[self.prefix_have..self.prefix_have + keep].copy_from_slice(&bytes[at..at + keep]);
                self.prefix_have += keep;
            }
            self.body_left -= take;
            at += take;
            if self.body_left > 0 {
                break;
            }
            let header = Header::parse(self.header);
            self.header_have = 0;
            self.goes_on = header.len == PAYLOAD_MAX;
            if !self.goes_on {
                let payload =
                    Payload { prefix: self.prefix, first_len: self.first_len, sequence: header.sequence };
                return (at, Some(payload));
            }
        }
        (at, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a stream into payloads, handing it over in pieces of this size.
    fn cut(stream: &[u8], piece: usize) -> Vec<(usize, Vec<u8>, u8)> {
        let mut framer = Framer::new();
        let mut payloads = Vec::new();
        for mut rest in stream.chunks(piece) {
            while !rest.is_empty() {
                let (taken, payload) = framer.advance(rest);
                rest = &rest[taken..];
                if let Some(payload) = payload {
                    payloads.push((payload.first_len, payload.prefix().to_vec(), payload.sequence));
                    assert!(framer.at_boundary());
                } else {
                    assert!(rest.is_empty());
                }
            }
        }
        payloads
    }

    #[test]
    fn payloads_are_found_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        append_packets(&mut stream, 0, b"\x03SELECT 1");
        append_packets(&mut stream, 1, b"");
        append_packets(&mut stream, 2, &[7; 40]);
        for piece in 1..stream.len() {
            let found = cut(&stream, piece);
            assert_eq!(found.len(), 3);
            assert_eq!(found[0], (9, b"\x03SELECT 1".to_vec(), 0));
            assert_eq!(found[1], (0, Vec::new(), 1));
            assert_eq!(found[2], (40, vec![7; PREFIX_LEN], 2));
        }
    }

    #[test]
    fn a_full_packet_is_followed_by_another() {
        for (len, packets) in
            [(PAYLOAD_MAX - 1, 1), (PAYLOAD_MAX, 2), (PAYLOAD_MAX + 1, 2), (2 * PAYLOAD_MAX, 3)]
        {
            let mut stream = Vec::new();
            let next = append_packets(&mut stream, 255, &vec![9; len]);
            assert_eq!(next, 255_u8.wrapping_add(packets));
            assert_eq!(stream.len(), len + usize::from(packets) * HEADER_LEN);
            let found = cut(&stream, 1 << 16);
            assert_eq!(found, [(len.min(PAYLOAD_MAX), vec![9; PREFIX_LEN], next.wrapping_sub(1))]);
        }
    }
}
