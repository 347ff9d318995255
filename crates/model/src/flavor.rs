//! MySQL or MariaDB, and which version: one value with questions to ask, instead of `if` chains.

use std::fmt;

/// Who makes the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

/// A database server's make and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flavor {
    /// Who makes it.
    pub vendor: Vendor,
    /// Major version, such as 10 of 10.11.19.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// Patch.
    pub patch: u16,
}

impl Flavor {
    /// Reads what `mariadbd --version` or `SELECT VERSION()` says, such as
    /// `10.11.19-MariaDB-0+deb12u1` or `8.4.3`. `None` when there is no version in it.
    pub fn parse(text: &str) -> Option<Self> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let version: String = text[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let mut parts = version.split('.').map(str::parse::<u16>);
        let mut next = || parts.next()?.ok();
        let (major, minor, patch) = (next()?, next()?, next()?);
        let vendor =
            if text.to_ascii_lowercase().contains("mariadb") { Vendor::MariaDb } else { Vendor::MySql };
        Some(Self { vendor, major, minor, patch })
    }

    /// The version as a server greets with it. Programs read it: `mariadb-dump` leaves out what it does not know a
    /// server to have. A MariaDB server puts `5.5.5-` before its own, so that old clients take it for one of MySQL.
    pub fn greeting(self) -> String {
        let Self { vendor, major, minor, patch } = self;
        match vendor {
            Vendor::MariaDb => format!("5.5.5-{major}.{minor}.{patch}-MariaDB"),
            Vendor::MySql => format!("{major}.{minor}.{patch}"),
        }
    }

    /// Whether the server knows sequences (`CREATE SEQUENCE`).
    pub const fn has_sequences(self) -> bool {
        matches!(self.vendor, Vendor::MariaDb)
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vendor = match self.vendor {
            Vendor::MariaDb => "mariadb",
            Vendor::MySql => "mysql",
        };
        write!(f, "{vendor}-{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        let maria = Flavor::parse("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu");
        let (maria, mysql) = (maria.expect("a version"), Flavor::parse("8.4.3").expect("a version"));
        assert_eq!((maria.to_string(), mysql.to_string()), ("mariadb-10.11.19".into(), "mysql-8.4.3".into()));
        assert_eq!((maria.greeting(), mysql.greeting()), ("5.5.5-10.11.19-MariaDB".into(), "8.4.3".into()));
        assert_eq!(Flavor::parse("no version"), None);
    }
}
