//! The metadata database: migrations and queries, one file per noun.
