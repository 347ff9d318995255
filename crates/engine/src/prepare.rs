//! The schema and the accounts of a new branch.
//!
//! Afterwards the server knows Bough's own account, the server's own `mariadb.sys` (locked), and
//! `planetscale-admin`, locked and without a password that could match: it owns what is copied from a
//! parent. Nobody is let in before everything is there ([`crate::accounts`]).

use bough_model::DatabaseName;
use bough_mysql_client::{Connection, Error, quote_grant_schema, quote_ident, quote_str};

use crate::killpoint;

/// The account that definers are mapped to, at [`ROLE_HOST`].
pub const DEFINER: &str = "planetscale-admin";
/// The host part of every account.
pub const ROLE_HOST: &str = "localhost";
/// The role accounts (RULES 5.1); those that exist are left alone.
const ROLE_ACCOUNTS: &[&str] =
    &["planetscale-reader", "planetscale-writer-only", "planetscale-writer", DEFINER];
/// The server's own account, which owns its views; it is locked.
pub(crate) const SERVER_ACCOUNT: &str = "mariadb.sys";
/// What the server takes for a hash and no password has.
const NO_PASSWORD_MATCHES: &str = "invalid";
/// Schemas that are the server's own.
const SERVER_SCHEMAS: &[&str] = &["mysql", "sys", "information_schema", "performance_schema"];

/// Whether a schema name belongs to the server, so that no branch may have it.
pub fn is_server_schema(name: &DatabaseName) -> bool {
    SERVER_SCHEMAS.contains(&name.as_str())
}

/// An account written as SQL.
fn account(user: &str) -> String {
    format!("{}@{}", quote_ident(user), quote_ident(ROLE_HOST))
}

/// Makes the schema and the accounts; removes every other account.
///
/// # Errors
/// What the server refused, and [`Error::Unexpected`] when an account without a password remains.
pub fn prepare(conn: &mut Connection, schema: &DatabaseName, own_name: &str) -> Result<(), Error> {
    make_schema(conn, schema)?;
    killpoint::reach("prepare-accounts.schema-made");
    drop_others(conn, own_name)?;
    let definer = account(DEFINER);
    conn.execute(format!(
        "CREATE USER IF NOT EXISTS {definer} IDENTIFIED VIA mysql_native_password USING {} ACCOUNT LOCK",
        quote_str(NO_PASSWORD_MATCHES)
    ))?;
    let granted = quote_grant_schema(schema.as_str());
    conn.execute(format!("GRANT ALL PRIVILEGES ON {granted}.* TO {definer}"))?;
    killpoint::reach("prepare-accounts.accounts-made");
    refuse_open_accounts(conn, own_name)
}

/// Makes the schema, empty, where there is none. Of the session nothing goes into the binary log, which is for what users do.
///
/// # Errors
/// What the server refused.
pub(crate) fn make_schema(conn: &mut Connection, schema: &DatabaseName) -> Result<(), Error> {
    conn.execute("SET SESSION sql_log_bin = 0")?;
    let ident = quote_ident(schema.as_str());
    conn.execute(format!("CREATE DATABASE IF NOT EXISTS {ident} CHARACTER SET utf8mb4"))
}

/// Removes every account but Bough's own, the server's own and the role accounts.
///
/// # Errors
/// What the server refused.
pub(crate) fn drop_others(conn: &mut Connection, own_name: &str) -> Result<(), Error> {
    let rows = conn.query_rows(
        "SELECT User AS user, Host AS host, IFNULL(JSON_VALUE(Priv, '$.is_role'), 0) AS is_role FROM mysql.global_priv",
    )?;
    for row in rows {
        let (user, host) = (row.text("user")?, row.text("host")?);
        let kept = user == own_name || user == SERVER_ACCOUNT || ROLE_ACCOUNTS.contains(&user);
        if kept && host == ROLE_HOST {
            continue;
        }
        let sql = match row.text("is_role")? {
            "1" | "true" => format!("DROP ROLE IF EXISTS {}", quote_ident(user)),
            _ => format!("DROP USER IF EXISTS {}@{}", quote_ident(user), quote_ident(host)),
        };
        conn.execute(sql)?;
    }
    Ok(())
}

/// Every account but Bough's own must be locked or have something to prove.
pub(crate) fn refuse_open_accounts(conn: &mut Connection, own_name: &str) -> Result<(), Error> {
    let rows = conn.query_rows(
        "SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.plugin') AS plugin, \
         IFNULL(JSON_VALUE(Priv, '$.authentication_string'), '') AS proof, \
         IFNULL(JSON_VALUE(Priv, '$.account_locked'), 'false') AS locked, \
         JSON_EXISTS(Priv, '$.auth_or') AS others FROM mysql.global_priv \
         WHERE IFNULL(JSON_VALUE(Priv, '$.is_role'), 0) = 0",
    )?;
    for row in rows {
        let (user, plugin) = (row.text("user")?, row.opt_text("plugin")?.unwrap_or_default());
        let locked = matches!(row.text("locked")?, "1" | "true");
        let fine = if user == own_name {
            // By the socket alone: no password, not even besides.
            plugin == "unix_socket" && row.text("proof")?.is_empty() && row.text("others")? == "0"
        } else {
            locked || (!row.text("proof")?.is_empty() && plugin != "unix_socket")
        };
        if !fine {
            let why = format!("account {user:?}@{:?} can be entered without a password", row.text("host")?);
            return Err(Error::Unexpected { why });
        }
    }
    Ok(())
}
