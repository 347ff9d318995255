//! What the two sides of a connection are capable of, as flags. The lower half is MySQL's, the upper MariaDB's.

use std::ops::BitOr;

/// A set of capability flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);
    /// Set by MySQL and its clients. One that leaves it out is MariaDB's, and has the upper half.
    pub const MYSQL: Self = Self(1);
    /// Affected rows are those found.
    pub const FOUND_ROWS: Self = Self(1 << 1);
    /// A database may be named at login.
    pub const CONNECT_WITH_DB: Self = Self(1 << 3);
    /// Compression with zlib.
    pub const COMPRESS: Self = Self(1 << 5);
    /// `LOAD DATA LOCAL`.
    pub const LOCAL_FILES: Self = Self(1 << 7);
    /// The protocol of 4.1.
    pub const PROTOCOL_41: Self = Self(1 << 9);
    /// TLS.
    pub const SSL: Self = Self(1 << 11);
    /// Status flags of transactions.
    pub const TRANSACTIONS: Self = Self(1 << 13);
    /// Passwords as 4.1 has them.
    pub const SECURE_CONNECTION: Self = Self(1 << 15);
    /// Several statements in one text.
    pub const MULTI_STATEMENTS: Self = Self(1 << 16);
    /// Several results of one text.
    pub const MULTI_RESULTS: Self = Self(1 << 17);
    /// Several results of one prepared statement.
    pub const PS_MULTI_RESULTS: Self = Self(1 << 18);
    /// Authentication by plugins.
    pub const PLUGIN_AUTH: Self = Self(1 << 19);
    /// Connection attributes.
    pub const CONNECT_ATTRS: Self = Self(1 << 20);
    /// The length of the answer to the nonce is a length-encoded number.
    pub const PLUGIN_AUTH_LENENC: Self = Self(1 << 21);
    /// Changes of the session's state in OK packets.
    pub const SESSION_TRACK: Self = Self(1 << 23);
    /// Result sets end with an OK packet.
    pub const DEPRECATE_EOF: Self = Self(1 << 24);
    /// Compression with zstd.
    pub const ZSTD_COMPRESS: Self = Self(1 << 26);
    /// Reports of progress within an answer (MariaDB).
    pub const PROGRESS: Self = Self(1 << 32);
    /// Bulk execution of prepared statements (MariaDB).
    pub const BULK_OPERATIONS: Self = Self(1 << 34);
    /// Extended types of columns (MariaDB).
    pub const EXTENDED_METADATA: Self = Self(1 << 35);
    /// Columns that the client knows already are left out (MariaDB).
    pub const CACHE_METADATA: Self = Self(1 << 36);

    /// What MariaDB 10.11 announces, less what a gateway cannot hand on: compression, TLS, local files. A test
    /// compares it with a server's own greeting.
    pub const MARIADB_10_11: Self =
        Self(0x1d_81ff_f7fe & !(Self::COMPRESS.0 | Self::LOCAL_FILES.0 | Self::SSL.0));

    /// Those that decide how an answer is cut into packets: both sides of a relay must agree on them.
    pub const SHAPING: Self = Self(
        Self::DEPRECATE_EOF.0
            | Self::PROTOCOL_41.0
            | Self::TRANSACTIONS.0
            | Self::SESSION_TRACK.0
            | Self::PROGRESS.0
            | Self::EXTENDED_METADATA.0
            | Self::CACHE_METADATA.0,
    );

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The lower half.
    pub const fn lower(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }

    /// The upper half: MariaDB's own.
    pub const fn upper(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// From both halves.
    pub const fn from_halves(lower: u32, upper: u32) -> Self {
        Self((upper as u64) << 32 | lower as u64)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
