//! Fills a metadata file with service tokens and grants: straight rows, much faster than a million
//! requests. Only while no Bough has the file open.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bough_model::{Digest, TOKEN_RANDOM_LEN, TokenPrefix, mint_token_secret};
use bough_testkit::Dice;
use rusqlite::{Connection, params};

/// How many other databases the grants are spread over. They need no row of their own.
const OTHER_DATABASES: u64 = 10_000;
/// Every so many tokens there is one that holds nothing on the database that is asked for.
const OUTSIDER_EVERY: u64 = 1_000;
/// Accesses on the organization; the rest is on databases.
const ON_ORGANIZATION: [&str; 2] = ["read_organization", "read_databases"];
/// Accesses on each database.
const ON_DATABASE: [&str; 4] = ["connect_branch", "create_branch", "read_branch", "read_database"];
/// When the tokens were made, in microseconds since 1970.
const MADE_AT: i64 = 1_700_000_000_000_000;
/// The first id's number: ids then have twelve characters.
const FIRST_ID: u64 = 36_u64.pow(11);

/// A token that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// The value of the header `Authorization`.
    pub authorization: String,
    /// Whether it holds `read_branch` on the database.
    pub may_read: bool,
}

/// A public id by number; larger numbers sort later.
pub fn id_of(number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = number + FIRST_ID;
    let mut text = [b'0'; 12];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(rest % 36).unwrap_or(0)];
        rest /= 36;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn token(number: u64) -> Made {
    let mut dice = Dice::new(number);
    let mut random = [0_u8; TOKEN_RANDOM_LEN];
    for eight in random.chunks_mut(8) {
        let bytes = dice.next().to_le_bytes();
        eight.copy_from_slice(&bytes[..eight.len()]);
    }
    let secret = mint_token_secret(&TokenPrefix::contract(), &random);
    let id = id_of(number);
    Made {
        authorization: format!("{id}:{}", secret.expose()),
        may_read: number % OUTSIDER_EVERY != OUTSIDER_EVERY - 1,
        id,
    }
}

/// Some of the tokens, evenly out of all.
pub fn some(tokens: u64, count: u64) -> Vec<Made> {
    let step = (tokens / count.min(tokens).max(1)).max(1);
    // Not a multiple of how often outsiders come, else there might be only outsiders, or none.
    (0..tokens).step_by(usize::try_from(step).unwrap_or(1)).map(token).collect()
}

/// Tokens that may not read the branch.
pub fn outsiders(tokens: u64, count: u64) -> Vec<Made> {
    let numbers = (0..count).map(|at| at * OUTSIDER_EVERY + OUTSIDER_EVERY - 1);
    numbers.filter(|number| *number < tokens).map(token).collect()
}

/// Adds `tokens` tokens of `organization` with `grants` grants in all, as far as possible on `database`.
pub fn fill(file: &Path, organization: &str, database: &str, tokens: u64, grants: u64) -> Result<()> {
    ensure!(grants / tokens.max(1) >= 6, "each token needs 6 grants, or it could not read the branch");
    let db = Connection::open(file)?;
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
         PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -1500000;",
    )?;
    let text = |sql: &str, param: &str| db.query_row(sql, [param], |row| row.get::<_, String>(0));
    let organization = text("SELECT id FROM organizations WHERE name = ?", organization)?;
    let database = text("SELECT id FROM databases WHERE name = ?", database)?;
    let index = text("SELECT sql FROM sqlite_master WHERE name = ?", "token_accesses_by_database")
        .context("the index that is made last")?;
    db.execute_batch("BEGIN; DROP INDEX token_accesses_by_database;")?;
    {
        let mut token_row = db.prepare(
            "INSERT INTO service_tokens (id, organization_id, name, digest, creator_kind, creator_id, creator_name, \
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, 'System', 'bench', 'bench', ?5, ?5)",
        )?;
        let mut grant_row = db.prepare(
            "INSERT INTO token_accesses (token_id, scope, database_id, access, id, granted_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let mut granted = 0;
        for number in 0..tokens {
            let made = token(number);
            let secret = made.authorization.split_once(':').map_or("", |(_, secret)| secret);
            let digest = Digest::of(secret.as_bytes());
            let at = MADE_AT + i64::try_from(number)?;
            token_row.execute(params![
                made.id,
                organization,
                format!("bench {number}"),
                digest.as_bytes(),
                at
            ])?;
            let until = u64::try_from(u128::from(grants) * u128::from(number + 1) / u128::from(tokens))?;
            for nth in 0..(until - granted) {
                let (scope, on, access) = match usize::try_from(nth)? {
                    nth @ (0 | 1) => ("organization", String::new(), ON_ORGANIZATION[nth]),
                    nth => {
                        let (which, access) =
                            ((nth - 2) / ON_DATABASE.len(), ON_DATABASE[(nth - 2) % ON_DATABASE.len()]);
                        let other = || id_of(OTHER_DATABASES + (number * 7 + which as u64) % OTHER_DATABASES);
                        let on = if which == 0 && made.may_read { database.clone() } else { other() };
                        ("database", on, access)
                    }
                };
                grant_row.execute(params![made.id, scope, on, access, id_of(granted + nth), at])?;
            }
            granted = until;
        }
    }
    db.execute_batch(&format!("{index}; COMMIT; PRAGMA journal_mode = WAL;"))?;
    Ok(())
}
