//! Fills a metadata file with service tokens and grants: straight rows, much faster than a million
//! requests. Only while no Bough has the file open.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bough_model::{Digest, TOKEN_RANDOM_LEN, TokenPrefix, mint_token_secret};
use bough_testkit::Dice;
use rusqlite::{Connection, params};

/// How many databases without a row grants are spread over.
const OTHER_DATABASES: u64 = 10_000;
/// Every so many tokens there is one that holds nothing on the database that is asked for.
const OUTSIDER_EVERY: u64 = 1_000;
/// Accesses on the organization that every token holds first; the rest is on databases.
const ON_ORGANIZATION: [&str; 2] = ["read_organization", "read_databases"];
/// Accesses on each database.
const ON_DATABASE: [&str; 4] = ["connect_branch", "create_branch", "read_branch", "read_database"];
/// When the tokens were made, in microseconds since 1970.
pub const MADE_AT: i64 = 1_700_000_000_000_000;
/// The first id's number: ids then have twelve characters.
const FIRST_ID: u64 = 36_u64.pow(11);

/// What Bough counts as it comes and goes.
pub const COUNT: &str = "UPDATE organizations SET \
    live_databases = (SELECT COUNT(*) FROM databases d WHERE d.organization_id = organizations.id AND d.desired = 'running'), \
    service_tokens = (SELECT COUNT(*) FROM service_tokens t WHERE t.organization_id = organizations.id)";

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
    let id = id_of_token(number);
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

/// The id of a database by name.
pub fn database_id(file: &Path, name: &str) -> Result<String> {
    let db = Connection::open(file)?;
    Ok(db.query_row("SELECT id FROM databases WHERE live_name = ?", [name], |row| row.get(0))?)
}

/// Ids of databases that have no row.
pub fn others() -> Vec<String> {
    (0..OTHER_DATABASES).map(|number| id_of(OTHER_DATABASES + number)).collect()
}

/// The id of the token of a number.
pub fn id_of_token(number: u64) -> String {
    id_of(number * 2)
}

/// An id of no token, between those of tokens.
pub fn id_of_nobody(number: u64) -> String {
    id_of(number * 2 + 1)
}

/// The secret of the token of a number.
pub fn secret_of(number: u64) -> String {
    token(number).authorization.split_once(':').map_or("", |(_, secret)| secret).to_owned()
}

/// For who fills a file that he would rather make anew than repair.
pub fn unsafe_but_fast(db: &Connection) -> Result<()> {
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
         PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -1500000;",
    )?;
    Ok(())
}

/// What tokens there shall be.
pub struct Tokens<'a> {
    /// How many.
    pub count: u64,
    /// How many grants they hold, all together.
    pub grants: u64,
    /// What else they hold on the organization.
    pub on_organization: &'a [&'a str],
    /// The id of a database that all of them may read, but for the outsiders.
    pub all_read: Option<String>,
    /// The ids of databases that the rest of their grants is on, four on each: [`nth_database`] says which.
    pub databases: Vec<String>,
}

/// Which of so many databases a token holds something on, from 0.
pub fn nth_database(token: u64, which: u64, databases: u64) -> u64 {
    (token * 7 + which) % databases
}

/// Adds tokens to an organization.
pub fn fill(file: &Path, organization: &str, tokens: &Tokens<'_>) -> Result<()> {
    let held: Vec<&str> = ON_ORGANIZATION.iter().chain(tokens.on_organization).copied().collect();
    ensure!(
        tokens.grants / tokens.count.max(1) >= held.len() as u64 + 4,
        "too few grants for a token to read its database"
    );
    let db = Connection::open(file)?;
    unsafe_but_fast(&db)?;
    let text = |sql: &str, param: &str| db.query_row(sql, [param], |row| row.get::<_, String>(0));
    let organization = text("SELECT id FROM organizations WHERE name = ?", organization)?;
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
        for number in 0..tokens.count {
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
            let until =
                u64::try_from(u128::from(tokens.grants) * u128::from(number + 1) / u128::from(tokens.count))?;
            for count in 0..(until - granted) {
                let nth = usize::try_from(count)?;
                let (scope, on, access) = match nth.checked_sub(held.len()) {
                    None => ("organization", "", held[nth]),
                    Some(nth) => {
                        let (which, access) = (nth / ON_DATABASE.len(), ON_DATABASE[nth % ON_DATABASE.len()]);
                        let at = nth_database(number, which as u64, tokens.databases.len() as u64);
                        let other = tokens.databases[usize::try_from(at)?].as_str();
                        let all_read = tokens.all_read.as_deref().filter(|_| which == 0 && made.may_read);
                        ("database", all_read.unwrap_or(other), access)
                    }
                };
                grant_row.execute(params![made.id, scope, on, access, id_of(granted + count), at])?;
            }
            granted = until;
        }
    }
    db.execute_batch(&format!("{index}; {COUNT}; COMMIT; PRAGMA journal_mode = WAL;"))?;
    Ok(())
}
