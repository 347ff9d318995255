//! Makes the accounts what is wished, seals them, and ends what was begun with rights that were taken.
//!
//! Rights on the schema stand in a table of their own, which no client reaches: they are changed without opening the
//! accounts. Somebody who tries to change his account without pause would get in at each opening, and with that
//! keep everybody of his role out.

use std::collections::BTreeSet;
use std::time::Duration;

use bough_model::{BranchId, PasswordRole};
use bough_mysql_client::{Connection, Error, code, quote_grant_schema, quote_ident, quote_str};

use super::seen::Difference;
use super::{AccountsSeen, Wished, account, rights, seal};
use crate::managed::{BranchSpec, ManagedEngine};
use crate::prepare::ROLE_HOST;
use crate::wait::wait_until;
use crate::{EngineError, cnf, killpoint, prepare};

/// How often accounts are rewritten before it is said that they do not stay as they are made: while they
/// are open, for milliseconds, a client can change its own.
const REWRITES_MAX: u32 = 3;
/// Longest wait for sessions that were told to end, in seconds: a change of a large table is undone first.
pub const CUT_LIMIT_S: u64 = 60;
/// Pause between two looks at sessions that end, in milliseconds.
const CUT_PAUSE_MS: u64 = 5;

impl ManagedEngine {
    pub(crate) fn seal_accounts(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        let id = &spec.id;
        let wished = spec.wished();
        self.must_answer(id)?;
        let mut conn = self.connect(id)?;
        let made = self.make_as_wished(id, &mut conn, &wished);
        self.shut_after(id, &mut conn, made)
    }

    fn make_as_wished(
        &self,
        id: &BranchId,
        conn: &mut Connection,
        wished: &Wished<'_>,
    ) -> Result<(), EngineError> {
        let failed = EngineError::server(id, "had its accounts sealed");
        conn.execute("SET SESSION sql_log_bin = 0").map_err(&failed)?;
        let mut seen = self.accounts_seen(id, conn, self.are_accounts_open(id)?)?;
        // Whose they are that an interrupted rewriting left over is not known any more.
        let mut narrowed: BTreeSet<&str> = if seen.half_done { all_accounts() } else { BTreeSet::new() };
        for round in 0..REWRITES_MAX {
            if round == 0 && seen.differ_in_rights_alone(wished) {
                self.note_rewriting(id)?;
                narrowed.extend(change_rights(conn, &seen, wished).map_err(&failed)?);
            } else if !seen.sealed || !seen.are_roles_as_wished(wished) {
                self.open_accounts(id, conn)?;
                if round > 0 {
                    cut(id, conn, &all_accounts())?;
                }
                narrowed.extend(self.rewrite(conn, &seen, wished).map_err(&failed)?);
            }
            self.enforce(id, conn, wished)?;
            seen = self.accounts_seen(id, conn, self.are_accounts_open(id)?)?;
            if seen.is_as_wished(wished) {
                if seen.half_done {
                    cut(id, conn, &narrowed)?;
                    killpoint::reach("seal-accounts.cut");
                    self.set_stage(id, &self.dir.branch(id), |stage| stage.accounts_open = false)?;
                }
                return Ok(());
            }
        }
        let why =
            "its accounts do not stay as they are made; somebody changes them at the same time".to_owned();
        Err(EngineError::Refused { branch: id.clone(), why })
    }

    /// Seals accounts that were opened for what has failed: a client may change its own while they are open, and the
    /// next try comes only after a pause. It begins with what this one has noted.
    pub(crate) fn shut_after<T>(
        &self,
        id: &BranchId,
        conn: &mut Connection,
        done: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if done.is_err()
            && let Err(error) = self.shut(id, conn, &[seal::ACCOUNTS])
        {
            tracing::warn!(branch = %id, %error, "accounts that were opened could not be sealed again; trying later");
        }
        done
    }

    /// Shuts these tables against writing.
    fn shut(&self, id: &BranchId, conn: &mut Connection, tables: &[&str]) -> Result<(), EngineError> {
        // What was written is in the files before they are shut.
        reopen(id, conn)?;
        {
            let paths = self.dir.branch(id);
            let _own = self.account.own_files()?;
            tables.iter().try_for_each(|table| seal::seal(&paths, table))?;
        }
        reopen(id, conn)
    }

    /// Lets accounts be changed until they are sealed again, which is noted first.
    pub(crate) fn open_accounts(&self, id: &BranchId, conn: &mut Connection) -> Result<(), EngineError> {
        self.note_rewriting(id)?;
        {
            let _own = self.account.own_files()?;
            seal::unseal(&self.dir.branch(id), seal::ACCOUNTS)?;
        }
        reopen(id, conn)?;
        killpoint::reach("seal-accounts.opened");
        Ok(())
    }

    fn let_write_events(&self, id: &BranchId) -> Result<(), EngineError> {
        let _own = self.account.own_files()?;
        seal::unseal(&self.dir.branch(id), seal::EVENTS)
    }

    /// Notes that something of the accounts is being rewritten: until that has ended, sessions may live whose rights
    /// were taken.
    fn note_rewriting(&self, id: &BranchId) -> Result<(), EngineError> {
        if self.are_accounts_open(id)? {
            return Ok(());
        }
        self.set_stage(id, &self.dir.branch(id), |stage| stage.accounts_open = true)
    }

    fn are_accounts_open(&self, id: &BranchId) -> Result<bool, EngineError> {
        let _own = self.account.own_files()?;
        Ok(self.stage(&self.dir.branch(id))?.ok_or_else(|| self.no_stage(id))?.accounts_open)
    }

    /// The accounts as they are wished; which of them lost rights, or had another secret.
    fn rewrite(
        &self,
        conn: &mut Connection,
        seen: &AccountsSeen,
        wished: &Wished<'_>,
    ) -> Result<Vec<&'static str>, Error> {
        prepare::drop_others(conn, &self.account.own_name)?;
        let mut narrowed = Vec::new();
        for role in PasswordRole::ALL {
            let difference = seen.difference(role, wished);
            if difference == Difference::None {
                continue;
            }
            if difference != (Difference::Rights { surplus: false }) {
                conn.execute(format!(
                    "CREATE OR REPLACE USER {} IDENTIFIED VIA mysql_native_password USING {}",
                    account(role),
                    quote_str(&wished.accounts.hash(role))
                ))?;
                narrowed.push(role.account());
            }
            conn.execute(format!(
                "GRANT {} ON {}.* TO {}",
                rights::of(role, wished.accounts.safe_migrations).join(", "),
                quote_grant_schema(wished.schema.as_str()),
                account(role)
            ))?;
        }
        killpoint::reach("seal-accounts.rewritten");
        Ok(narrowed)
    }

    /// What holds besides the accounts' own rights.
    fn enforce(&self, id: &BranchId, conn: &mut Connection, wished: &Wished<'_>) -> Result<(), EngineError> {
        let safe = wished.accounts.safe_migrations;
        for (name, value) in cnf::enforced(safe) {
            let set = conn.execute(format!("SET GLOBAL {name} = {value}"));
            set.map_err(EngineError::server(id, "had its accounts sealed"))?;
        }
        if safe {
            self.shut(id, conn, &[seal::ACCOUNTS, seal::EVENTS])?;
        } else {
            self.let_write_events(id)?;
            self.shut(id, conn, &[seal::ACCOUNTS])?;
        }
        killpoint::reach("seal-accounts.sealed");
        Ok(())
    }
}

/// What the roles may do on the schema, as it is wished; which of them lost rights. Whatever of it the server does not take
/// over shows when it is asked again.
fn change_rights(
    conn: &mut Connection,
    seen: &AccountsSeen,
    wished: &Wished<'_>,
) -> Result<Vec<&'static str>, Error> {
    let safe = wished.accounts.safe_migrations;
    let rows = conn.query_rows(
        "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db' AND COLUMN_NAME LIKE '%\\_priv'",
    )?;
    let columns =
        rows.iter().map(|row| Ok(row.text("name")?.to_owned())).collect::<Result<Vec<_>, Error>>()?;
    let mut narrowed = Vec::new();
    for role in PasswordRole::ALL {
        let Difference::Rights { surplus } = seen.difference(role, wished) else { continue };
        let right = |column: &String| {
            let has = if rights::has(role, safe, column) { 'Y' } else { 'N' };
            format!("{} = '{has}'", quote_ident(column))
        };
        // There is one row: that of the schema, or the difference would be another.
        conn.execute(format!(
            "UPDATE mysql.db SET {} WHERE User = {} AND Host = {}",
            columns.iter().map(right).collect::<Vec<_>>().join(", "),
            quote_str(role.account()),
            quote_str(ROLE_HOST)
        ))?;
        if surplus {
            narrowed.push(role.account());
        }
    }
    killpoint::reach("seal-accounts.rewritten");
    conn.execute("FLUSH PRIVILEGES")?;
    Ok(narrowed)
}

fn all_accounts() -> BTreeSet<&'static str> {
    PasswordRole::ALL.into_iter().map(PasswordRole::account).collect()
}

/// Has the server write the tables out and open their files anew.
fn reopen(id: &BranchId, conn: &mut Connection) -> Result<(), EngineError> {
    let tables = format!("FLUSH TABLES mysql.{}, mysql.{}", seal::ACCOUNTS, seal::EVENTS);
    conn.execute(tables).map_err(EngineError::server(id, "had its accounts sealed"))
}

/// Ends every session of these accounts, events that run included: a session keeps the rights that it had
/// when it chose its schema.
fn cut(id: &BranchId, conn: &mut Connection, accounts: &BTreeSet<&str>) -> Result<(), EngineError> {
    let failed = EngineError::server(id, "had sessions ended whose rights were taken");
    let names: Vec<String> = accounts.iter().map(|name| quote_str(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let sql =
        format!("SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER IN ({})", names.join(", "));
    let rows = conn.query_rows(sql).map_err(&failed)?;
    let ids = rows.iter().map(|row| row.u64("id")).collect::<Result<Vec<_>, _>>().map_err(&failed)?;
    for session in &ids {
        match conn.execute(format!("KILL CONNECTION {session}")) {
            Err(Error::Statement { code: code::NO_SUCH_SESSION, .. }) | Ok(()) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> = ids.iter().map(u64::to_string).collect();
    let sql = format!(
        "SELECT COUNT(*) AS left_over FROM information_schema.PROCESSLIST WHERE ID IN ({})",
        listed.join(", ")
    );
    let limit = Duration::from_secs(CUT_LIMIT_S);
    let gone = wait_until(limit, Duration::from_millis(CUT_PAUSE_MS), || {
        match conn.query_one(&sql).and_then(|row| row.u64("left_over")) {
            Ok(0) => Some(Ok(())),
            Ok(_) => None,
            Err(error) => Some(Err(failed(error))),
        }
    });
    gone.unwrap_or_else(|| {
        let what = "the end of sessions whose rights were taken";
        Err(EngineError::TooSlow { what, branch: id.clone(), limit, last_words: None })
    })
}
