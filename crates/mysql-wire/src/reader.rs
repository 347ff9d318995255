//! Reading from bytes that somebody else has sent: every length is checked, nothing panics.

/// Bytes that are not what they should be, with what was wrong about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed("the packet ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed("the packet ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length-encoded number.
    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            short @ 0..=0xfa => Ok(u64::from(short)),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array::<3>().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.array().map(u64::from_le_bytes),
            _ => Err(Malformed("a length-encoded number begins with a byte that none begins with")),
        }
    }

    /// Bytes behind a length-encoded length.
    pub(crate) fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.number()?;
        let len = usize::try_from(len).map_err(|_| Malformed("a length is larger than the packet"))?;
        self.take(len)
    }

    /// Bytes up to a NUL, which is read too.
    pub(crate) fn until_nul(&mut self) -> Result<&'a [u8], Malformed> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(Malformed("a text is not ended"))?;
        let text = self.take(end)?;
        self.u8()?;
        Ok(text)
    }

    /// Bytes up to a NUL, or all when there is none: some clients leave out the last one.
    pub(crate) fn until_nul_or_end(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (text, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }
}

/// Appends a length-encoded number.
pub(crate) fn put_number(to: &mut Vec<u8>, number: u64) {
    let bytes = number.to_le_bytes();
    match number {
        0..=0xfa => to.push(bytes[0]),
        0xfb..=0xffff => {
            to.push(0xfc);
            to.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xff_ffff => {
            to.push(0xfd);
            to.extend_from_slice(&bytes[..3]);
        }
        _ => {
            to.push(0xfe);
            to.extend_from_slice(&bytes);
        }
    }
}

/// Appends bytes behind their length-encoded length.
pub(crate) fn put_counted(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Appends a text and a NUL. A NUL inside would end it early, so it is left out.
pub(crate) fn put_nul_ended(to: &mut Vec<u8>, text: &[u8]) {
    to.extend(text.iter().copied().filter(|byte| *byte != 0));
    to.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_written() {
        for number in [0, 0xfa, 0xfb, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.number(), Ok(number));
            assert!(reader.is_empty());
            assert!(Reader::new(&bytes[..bytes.len() - 1]).number().is_err());
        }
        assert!(Reader::new(&[0xfb]).number().is_err() && Reader::new(&[0xff]).number().is_err());
    }

    #[test]
    fn a_length_beyond_the_packet_is_refused() {
        let mut bytes = vec![0xfe];
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(Reader::new(&bytes).counted().is_err());
        assert_eq!(Reader::new(b"ab").until_nul_or_end(), b"ab");
        assert!(Reader::new(b"ab").until_nul().is_err());
    }
}
