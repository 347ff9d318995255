//! What each role may do on the branch's schema. There are no rights anywhere else.

use bough_model::PasswordRole;

/// Every right on a schema that the server knows, but not to hand them on.
pub(super) const ALL: &str = "ALL PRIVILEGES";

/// Reads, definitions of views included.
const READER: &[&str] = &["SELECT", "SHOW VIEW"];
/// Writes without reading. Without `EXECUTE`, too: a routine acts with the rights of whoever made it.
const WRITER: &[&str] = &["INSERT", "UPDATE", "DELETE"];
/// What an application needs.
const READ_WRITER: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "SHOW VIEW",
];
/// What `admin` keeps where nobody may change the schema directly.
///
/// `TRIGGER` and `EVENT` are among it: each time a trigger fires or an event runs, the server asks whether
/// its owner has that right, and the owner is this account. That neither can be made, changed or removed
/// there has other reasons: triggers need a right that nobody has once `log_bin_trust_function_creators` is
/// off (error 1419), and the table of events is sealed (error 1036).
const ADMIN_OF_SAFE: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "SHOW VIEW",
    "EVENT",
    "TRIGGER",
];

/// The rights of a role's account on the branch's schema.
pub(super) const fn of(role: PasswordRole, safe_migrations: bool) -> &'static [&'static str] {
    match role {
        PasswordRole::Reader => READER,
        PasswordRole::Writer => WRITER,
        PasswordRole::ReadWriter => READ_WRITER,
        PasswordRole::Admin if safe_migrations => ADMIN_OF_SAFE,
        PasswordRole::Admin => &[ALL],
    }
}

/// Whether a role has the right that a column of the server's table of rights on schemas stands for.
pub(super) fn has(role: PasswordRole, safe_migrations: bool, column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    let stands_for = |right: &&str| match *right {
        ALL => column != "grant_priv",
        "CREATE TEMPORARY TABLES" => column == "create_tmp_table_priv",
        right => column == right.to_ascii_lowercase().replace(' ', "_") + "_priv",
    };
    of(role, safe_migrations).iter().any(stands_for)
}
