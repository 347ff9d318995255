//! What a branch's server says of its accounts, and whether that is what is wished.
//!
//! The server is asked for its own words (`SHOW CREATE USER`, `SHOW GRANTS`): they tell what it enforces,
//! whatever its tables say, and whatever more an account was given shows in them.

use std::collections::BTreeSet;

use bough_model::{BranchId, PasswordRole};
use bough_mysql_client::{Connection, Error, Row, quote_grant_schema};

use super::{Wished, account, rights, seal};
use crate::managed::{BranchSpec, ManagedEngine};
use crate::prepare::{ROLE_HOST, SERVER_ACCOUNT};
use crate::{EngineError, cnf};

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    rights: BTreeSet<String>,
    on: String,
    /// What stands behind the account.
    more: String,
}

/// What the server says of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountSeen {
    create: String,
    /// `None` for a line that is no grant of rights.
    grants: Vec<Option<Grant>>,
}

/// How an account differs from what is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// In the rights on its schema alone. Whether it has some that it shall not have.
    Rights {
        /// Sessions from before may still have them.
        surplus: bool,
    },
    /// It is missing, has rights elsewhere, or another secret.
    Other,
}

/// What a branch's server says of its accounts, and what enforces them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsSeen {
    /// In the order of [`PasswordRole::ALL`].
    roles: Vec<Option<AccountSeen>>,
    /// Whether there are accounts besides Bough's own, the server's own and the roles'.
    strangers: bool,
    /// Whether whoever may make triggers needs no right besides. Nobody but Bough itself has that right.
    trusts_makers: bool,
    /// The largest packet, in bytes.
    packet_max_bytes: u64,
    /// Whether the accounts cannot be changed.
    pub(super) sealed: bool,
    /// Whether events can neither be made nor changed.
    events_sealed: bool,
    /// Whether a rewriting was begun and not ended: sessions with rights that were taken may still live.
    pub(super) half_done: bool,
}

impl AccountsSeen {
    /// Whether all of it is as wished.
    pub fn fit(&self, spec: &BranchSpec) -> bool {
        !self.half_done && self.is_as_wished(&spec.wished())
    }

    pub(super) fn is_as_wished(&self, wished: &Wished<'_>) -> bool {
        let safe = wished.accounts.safe_migrations;
        let rewritten = self.sealed && self.are_roles_as_wished(wished);
        rewritten && self.trusts_makers != safe && self.events_sealed == safe && self.is_roomy()
    }

    pub(super) fn are_roles_as_wished(&self, wished: &Wished<'_>) -> bool {
        let alike = |role: &PasswordRole| self.difference(*role, wished) == Difference::None;
        !self.strangers && PasswordRole::ALL.iter().all(alike)
    }

    /// Whether nothing is to be changed but what roles may do on the schema.
    pub(super) fn differ_in_rights_alone(&self, wished: &Wished<'_>) -> bool {
        let differences = PasswordRole::ALL.map(|role| self.difference(role, wished));
        let rights = differences.iter().any(|difference| matches!(difference, Difference::Rights { .. }));
        self.sealed && !self.strangers && rights && !differences.contains(&Difference::Other)
    }

    pub(super) fn difference(&self, role: PasswordRole, wished: &Wished<'_>) -> Difference {
        let at = PasswordRole::ALL.iter().position(|other| *other == role);
        let Some(seen) = at.and_then(|at| self.roles.get(at)?.as_ref()) else { return Difference::Other };
        seen.difference(role, wished)
    }

    const fn is_roomy(&self) -> bool {
        self.packet_max_bytes >= cnf::PACKET_MAX_BYTES
    }

    /// Accounts as a server has them that was never asked: for tables of the plan.
    #[cfg(test)]
    pub(crate) fn as_wished(spec: &BranchSpec) -> Self {
        let wished = spec.wished();
        let role = |role: PasswordRole| {
            let grant = |rights: &[&str], on: String, more: String| {
                Some(Grant { rights: rights.iter().map(|right| (*right).to_owned()).collect(), on, more })
            };
            let hash = wished.accounts.hash(role);
            Some(AccountSeen {
                create: format!("CREATE USER {} IDENTIFIED BY PASSWORD '{hash}'", account(role)),
                grants: vec![
                    grant(&["USAGE"], "*.*".to_owned(), format!(" IDENTIFIED BY PASSWORD '{hash}'")),
                    grant(rights::of(role, wished.accounts.safe_migrations), wished.scope(), String::new()),
                ],
            })
        };
        Self {
            roles: PasswordRole::ALL.into_iter().map(role).collect(),
            strangers: false,
            trusts_makers: !wished.accounts.safe_migrations,
            packet_max_bytes: cnf::PACKET_MAX_BYTES,
            sealed: true,
            events_sealed: wished.accounts.safe_migrations,
            half_done: false,
        }
    }
}

impl AccountSeen {
    fn difference(&self, role: PasswordRole, wished: &Wished<'_>) -> Difference {
        let hash = wished.accounts.hash(role);
        let proofs = ["BY PASSWORD", "VIA mysql_native_password USING"];
        let same_secret = proofs
            .iter()
            .any(|words| self.create == format!("CREATE USER {} IDENTIFIED {words} '{hash}'", account(role)));
        let [Some(nothing), Some(granted)] = self.grants.as_slice() else { return Difference::Other };
        let is_nothing = nothing.rights.iter().eq(["USAGE"]) && nothing.on == "*.*";
        let on_schema = granted.on == wished.scope() && granted.more.is_empty();
        if !same_secret || !is_nothing || nothing.more.contains(" WITH ") || !on_schema {
            return Difference::Other;
        }
        let wanted = rights::of(role, wished.accounts.safe_migrations);
        let surplus = granted.rights.iter().any(|right| !wanted.contains(&right.as_str()));
        let lacking = wanted.iter().any(|right| !granted.rights.contains(*right));
        match (surplus, lacking) {
            (false, false) => Difference::None,
            (true, _) if wanted == [rights::ALL] => Difference::Rights { surplus: false },
            (surplus, _) => Difference::Rights { surplus },
        }
    }
}

impl Wished<'_> {
    /// What the rights are on, as the server prints it.
    pub(super) fn scope(&self) -> String {
        format!("{}.*", quote_grant_schema(self.schema.as_str()))
    }
}

impl BranchSpec {
    pub(super) fn wished(&self) -> Wished<'_> {
        Wished { accounts: &self.accounts, schema: &self.schema }
    }
}

impl ManagedEngine {
    /// Asks a branch's server for its accounts.
    pub(crate) fn accounts_seen(
        &self,
        id: &BranchId,
        conn: &mut Connection,
        half_done: bool,
    ) -> Result<AccountsSeen, EngineError> {
        let paths = self.dir.branch(id);
        let told = tell(conn, &self.account.own_name);
        let mut seen = told.map_err(EngineError::server(id, "was asked for its accounts"))?;
        let _own = self.account.own_files()?;
        seen.sealed = seal::is_sealed(&paths, seal::ACCOUNTS)?;
        seen.events_sealed = seal::is_sealed(&paths, seal::EVENTS)?;
        seen.half_done = half_done;
        Ok(seen)
    }
}

impl ManagedEngine {
    /// Whether clients could change the accounts of a branch that is made: something to be mended. Only files
    /// are looked at.
    pub fn are_accounts_changeable(&self, id: &BranchId) -> bool {
        let Ok(_own) = self.account.own_files() else { return false };
        seal::is_sealed(&self.dir.branch(id), seal::ACCOUNTS).is_ok_and(|sealed| !sealed)
    }
}

fn tell(conn: &mut Connection, own_name: &str) -> Result<AccountsSeen, Error> {
    let row = conn.query_one(
        "SELECT @@GLOBAL.log_bin_trust_function_creators AS trusts, @@GLOBAL.max_allowed_packet AS packet",
    )?;
    let mut seen = AccountsSeen {
        roles: vec![None; PasswordRole::ALL.len()],
        strangers: false,
        trusts_makers: row.u64("trusts")? != 0,
        packet_max_bytes: row.u64("packet")?,
        sealed: false,
        events_sealed: false,
        half_done: false,
    };
    for row in conn.query_rows("SELECT User AS user, Host AS host FROM mysql.global_priv")? {
        let (user, host) = (row.text("user")?, row.text("host")?);
        match PasswordRole::ALL.iter().position(|role| role.account() == user) {
            _ if host != ROLE_HOST => seen.strangers = true,
            Some(at) => seen.roles[at] = Some(account_seen(conn, PasswordRole::ALL[at])?),
            None => seen.strangers |= user != own_name && user != SERVER_ACCOUNT,
        }
    }
    Ok(seen)
}

fn account_seen(conn: &mut Connection, role: PasswordRole) -> Result<AccountSeen, Error> {
    let account = account(role);
    let create = first_text(&conn.query_one(format!("SHOW CREATE USER {account}"))?)?;
    let lines = conn.query_rows(format!("SHOW GRANTS FOR {account}"))?;
    let grants =
        lines.iter().map(|row| Ok(grant(&first_text(row)?, &account))).collect::<Result<_, Error>>()?;
    Ok(AccountSeen { create, grants })
}

fn first_text(row: &Row) -> Result<String, Error> {
    let column = row.columns().first().cloned().unwrap_or_default();
    Ok(row.text(&column)?.to_owned())
}

/// A line of `SHOW GRANTS`.
fn grant(line: &str, account: &str) -> Option<Grant> {
    let (rights, rest) = line.strip_prefix("GRANT ")?.split_once(" ON ")?;
    let (on, more) = rest.split_once(&format!(" TO {account}"))?;
    let rights = rights.split(", ").map(str::to_owned).collect();
    Some(Grant { rights, on: on.to_owned(), more: more.to_owned() })
}
