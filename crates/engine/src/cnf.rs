//! The option file of a branch's server: everything that makes it a branch server and not a database
//! server in general.
//!
//! Only this file is read (`--defaults-file`). What the data directory was made with is said again at
//! every start ([`DATA_FILES`]), because the server refuses files that differ from what it is told.

use std::path::Path;

use bough_model::{BranchId, ClusterSize};

use crate::layout::{BranchPaths, hash};

/// How the InnoDB files are laid out; the template is made with these, too. The usual layout takes
/// 115 MB for an empty server, this one 22 MB.
pub const DATA_FILES: &[(&str, &str)] = &[
    ("innodb_data_file_path", "ibdata1:4M:autoextend"),
    ("innodb_temp_data_file_path", "ibtmp1:4M:autoextend"),
    ("innodb_autoextend_increment", "1"),
    ("innodb_undo_tablespaces", "0"),
];
/// The template's redo log, in bytes; another size costs a new log at the first start.
pub const TEMPLATE_REDO_BYTES: u64 = 8 << 20;
/// The smallest redo log that the server takes, in bytes.
const REDO_MIN_BYTES: u64 = 4 << 20;
/// The smallest buffer pool that surely works, in bytes; with 5 MiB the server ends at once.
const BUFFER_POOL_MIN_BYTES: u64 = 8 << 20;
/// Memory that an idle server takes besides the buffer pool is kept low by these, in bytes.
const LOG_BUFFER_BYTES: u64 = 2 << 20;
/// The server refuses less, and our own connections must fit.
const CONNECTIONS_MIN: u32 = 10;
/// How long binary logs are kept, in seconds: three days.
const BINLOG_KEPT_S: u64 = 3 * 24 * 3600;
/// When a binary log is full, in bytes.
const BINLOG_MAX_BYTES: u64 = 64 << 20;
/// The largest packet that clients may send, in bytes: 64 MiB of values, and the statement around them.
pub const PACKET_MAX_BYTES: u64 = 68 << 20;

/// The server's number: derived from the branch's id, never 0.
pub fn server_id(branch: &BranchId) -> u32 {
    let wide = hash(branch.as_str().as_bytes());
    let folded = u32::try_from((wide >> 32) ^ (wide & u64::from(u32::MAX))).unwrap_or(1);
    folded.max(1)
}

/// The buffer pool of a server of this size, in bytes.
pub fn buffer_pool_bytes(size: &ClusterSize) -> u64 {
    size.buffer_pool_bytes.max(BUFFER_POOL_MIN_BYTES)
}

/// The redo log of a server of this size, in bytes.
pub fn redo_log_bytes(size: &ClusterSize) -> u64 {
    size.redo_log_bytes.max(REDO_MIN_BYTES)
}

/// The connections that a server of this size takes at once.
pub fn max_connections(size: &ClusterSize) -> u32 {
    size.max_connections.max(CONNECTIONS_MIN)
}

/// What must be so on a running server, too.
pub fn enforced(safe_migrations: bool) -> [(&'static str, String); 2] {
    // Without it, whoever makes or removes a trigger needs a right that only Bough itself has. Triggers that
    // are there, and functions, work all the same.
    let trusts_makers = if safe_migrations { "OFF" } else { "ON" };
    [
        ("log_bin_trust_function_creators", trusts_makers.to_owned()),
        ("max_allowed_packet", PACKET_MAX_BYTES.to_string()),
    ]
}

/// The option file's text. `redo_bytes` is the size of the redo log that is there, if there is one;
/// `pool_max_bytes` is how far the buffer pool may grow while the server runs; with `local_infile` it may ask clients
/// for their files.
pub fn text(
    branch: &BranchId,
    paths: &BranchPaths,
    size: &ClusterSize,
    redo_bytes: Option<u64>,
    pool_max_bytes: u64,
    local_infile: bool,
    safe_migrations: bool,
) -> String {
    let path = |path: &Path| format!("\"{}\"", path.display());
    let mut lines =
        vec![format!("# Branch {branch}. Written by Bough at every start."), "[mariadbd]".to_owned()];
    let mut set = |name: &str, value: &str| lines.push(format!("{name} = {value}"));

    set("datadir", &path(&paths.data));
    set("socket", &path(&paths.socket));
    set("pid-file", &path(&paths.pid_file));
    set("log-error", &path(&paths.error_log));
    set("tmpdir", &path(&paths.tmp));
    set("server_id", &server_id(branch).to_string());

    // Nobody comes in but through the socket, and nobody gets out to other files.
    for flag in ["skip-networking", "skip-name-resolve", "skip-symbolic-links"] {
        set(flag, "1");
    }
    set("secure-file-priv", &path(&paths.exchange));
    set("local-infile", if local_infile { "1" } else { "0" });

    // What the client was told is written is on the disk.
    set("innodb_flush_log_at_trx_commit", "1");
    set("sync_binlog", "1");

    // The binary log feeds schema changes: rows, with names of columns, readable.
    set("log-bin", "binlog");
    set("binlog_format", "ROW");
    set("binlog_row_image", "FULL");
    set("binlog_row_metadata", "FULL");
    set("log_bin_compress", "OFF");
    for (name, value) in enforced(safe_migrations) {
        set(name, &value);
    }
    // Who makes a routine has rights on it by the schema's, or none.
    set("automatic_sp_privileges", "OFF");
    set("gtid_strict_mode", "ON");
    set("binlog_expire_logs_seconds", &BINLOG_KEPT_S.to_string());
    set("max_binlog_size", &BINLOG_MAX_BYTES.to_string());

    set("character-set-server", "utf8mb4");
    set("default-time-zone", "+00:00");
    set("event_scheduler", "ON");
    // Aborted and refused connections are the gateway's to report.
    set("log_warnings", "1");

    for (name, value) in DATA_FILES {
        set(name, value);
    }
    let redo = redo_bytes.map_or(redo_log_bytes(size), |bytes| bytes.max(REDO_MIN_BYTES));
    set("innodb_log_file_size", &redo.to_string());
    let pool = buffer_pool_bytes(size);
    set("innodb_buffer_pool_size", &pool.to_string());
    // Addresses, not memory. Servers that do not know it grow without.
    set("loose-innodb-buffer-pool-size-max", &pool_max_bytes.max(pool).to_string());
    set("innodb_log_buffer_size", &LOG_BUFFER_BYTES.to_string());
    set("max_connections", &max_connections(size).to_string());
    set("performance_schema", "OFF");
    set("key_buffer_size", "1M");
    set("aria_pagecache_buffer_size", "8M");
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_ids_are_stable_and_not_zero() {
        let id = |text| BranchId::parse(text).expect("an id");
        assert_eq!(server_id(&id("aaaaaaaaaaaa")), server_id(&id("aaaaaaaaaaaa")));
        assert_ne!(server_id(&id("aaaaaaaaaaaa")), server_id(&id("aaaaaaaaaaab")));
    }
}
