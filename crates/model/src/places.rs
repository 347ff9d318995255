//! Regions and cluster sizes: the operator's own list, from the configuration.

use std::fmt;

use crate::RegionId;

/// A region's slug, such as `local`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionSlug(Box<str>);

impl RegionSlug {
    /// Reads a slug: 1 to 63 lower-case letters, digits and `-`. `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place where branches run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Public id.
    pub id: RegionId,
    /// As requests name it.
    pub slug: RegionSlug,
    /// As people read it.
    pub display_name: String,
    /// Where it is, in words.
    pub location: String,
    /// Who runs it, in words.
    pub provider: String,
    /// Addresses that its branches call out from.
    pub public_ip_addresses: Vec<String>,
    /// Whether new databases may be made there.
    pub enabled: bool,
    /// Whether it is meant when a request names none.
    pub current_default: bool,
}

/// A cluster size's name as it was asked for: `PS_10`. `-` and `_` and upper and lower case count
/// as alike (contract: conventions.md §8).
#[derive(Clone, Debug)]
pub struct ClusterSizeName(Box<str>);

impl ClusterSizeName {
    /// Reads a name: 1 to 63 letters, digits, `_` and `-`. `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// The name as it is kept and answered: upper case, with underscores.
    pub fn canonical(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }

    /// The name as people read it: upper case, with hyphens.
    pub fn display(&self) -> String {
        self.0.to_ascii_uppercase().replace('_', "-")
    }
}

impl PartialEq for ClusterSizeName {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for ClusterSizeName {}

/// How much of the machine a branch server gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSize {
    /// Its name.
    pub name: ClusterSizeName,
    /// CPU share as a fraction in words, such as `1/8`; told to people, not enforced.
    pub cpu: String,
    /// Memory that the server is laid out for, in bytes.
    pub ram_bytes: u64,
    /// InnoDB buffer pool, in bytes.
    pub buffer_pool_bytes: u64,
    /// InnoDB redo log, in bytes.
    pub redo_log_bytes: u64,
    /// Most connections at once.
    pub max_connections: u32,
    /// Whether development branches may have it.
    pub development: bool,
    /// Whether production branches may have it.
    pub production: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_alike_in_either_spelling() {
        let name = |text: &str| ClusterSizeName::parse(text).expect("a name");
        assert_eq!(name("ps-10"), name("PS_10"));
        assert_ne!(name("PS_10"), name("PS_20"));
        assert_eq!(name("ps-dev").canonical(), "PS_DEV");
        assert_eq!(name("PS_DEV").display(), "PS-DEV");
    }
}
