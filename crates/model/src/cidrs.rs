//! Address ranges that a credential may come from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Most ranges in one list.
pub const CIDRS_MAX: usize = 100;

/// A list of address ranges. An empty list stands for any address.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cidrs(Vec<IpNet>);

impl Cidrs {
    /// Reads ranges such as `10.0.0.0/8`; a bare address stands for itself. IPv4 addresses written as IPv6 count as IPv4.
    ///
    /// # Errors
    /// The first entry that is no range, or a sentence when there are over 100.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut ranges = Vec::new();
        for entry in entries {
            if ranges.len() == CIDRS_MAX {
                return Err(format!("cidrs may hold at most {CIDRS_MAX} ranges"));
            }
            let range = entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .ok()
                .and_then(canonical)
                .ok_or_else(|| format!("{entry:?} is not an address range such as 10.0.0.0/8"))?;
            ranges.push(range.trunc());
        }
        Ok(Self(ranges))
    }

    /// Whether an address may come in. An IPv4 address written as IPv6 counts as IPv4.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&address))
    }

    /// The ranges as text.
    pub fn to_texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether any address may come in.
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }
}

/// Bits in front of an IPv4 address that is written as IPv6.
const MAPPED_BITS: u8 = 96;

/// A range of IPv4 addresses written as IPv6 as one of IPv4: clients of IPv4 are looked for there. `None` for one that names
/// such an address and reaches beyond them all: whoever writes `::ffff:10.0.0.0/8` means another.
fn canonical(range: IpNet) -> Option<IpNet> {
    match range.addr().to_canonical() {
        address if address == range.addr() => Some(range),
        address => IpNet::new(address, range.prefix_len().checked_sub(MAPPED_BITS)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_admit_what_is_in_them() {
        let cidrs = Cidrs::parse(["10.0.0.0/8", "::1", "192.168.1.7/24"]).expect("ranges");
        let admits = |text: &str| cidrs.admits(text.parse().expect("an address"));
        assert!(admits("10.2.3.4") && admits("::ffff:10.2.3.4") && admits("::1") && admits("192.168.1.1"));
        assert!(!admits("11.0.0.1") && !admits("::2"));
        assert!(Cidrs::parse([]).expect("none").admits("203.0.113.7".parse().expect("an address")));
        assert!(Cidrs::parse(["10.0.0.0/33"]).is_err() && Cidrs::parse(["x"]).is_err());
    }

    #[test]
    fn ipv4_written_as_ipv6_is_ipv4() {
        let cidrs = Cidrs::parse(["::ffff:10.0.0.1", "::ffff:192.168.0.0/112"]).expect("ranges");
        assert_eq!(cidrs.to_texts(), ["10.0.0.1/32", "192.168.0.0/16"]);
        let admits = |text: &str| cidrs.admits(text.parse().expect("an address"));
        assert!(admits("10.0.0.1") && admits("::ffff:10.0.0.1") && admits("192.168.7.1"));
        assert!(!admits("10.0.0.2") && !admits("::1"));
        assert_eq!(Cidrs::parse(["::ffff:0:0/96"]).expect("all of IPv4").to_texts(), ["0.0.0.0/0"]);
        assert!(Cidrs::parse(["::ffff:10.0.0.0/8"]).is_err(), "it would be ::/8");
        assert_eq!(Cidrs::parse(["::/0"]).expect("all of IPv6").to_texts(), ["::/0"]);
    }
}
