//! Which tables and columns the query of a view names.
//!
//! The server prints a query in a form of its own: every name in backticks, every column with the table's
//! name or alias before it, joins in parentheses. So tables stand behind `from` and `join`, and what has a
//! dot in it elsewhere is a column. That explains what the server complains of; it decides nothing.

use std::collections::{BTreeSet, HashSet};

use crate::View;
use crate::scan::Scanner;

/// Longest query that is looked into, in bytes: what is said of longer ones is what the server says.
const QUERY_MAX_BYTES: usize = 16 << 10;

/// What a view names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// What it reads, as schema, name and alias; what it defines itself (`with`) left out.
    pub(super) tables: BTreeSet<Source>,
    /// Its columns, as the table's name or alias, and the column.
    pub(super) columns: BTreeSet<(String, String)>,
}

/// Something that a view reads.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) schema: Option<String>,
    pub(super) table: String,
    /// What its columns are called by: its alias, or its name.
    pub(super) called: String,
}

enum Token {
    /// Names with dots between them.
    Chain(Vec<String>),
    /// A word of the language, in lower case.
    Word(String),
    Punctuation(u8),
}

/// `None` when the query is not of the form that is known.
pub(super) fn named(view: &View) -> Option<Named> {
    let query = Some(view.query.as_bytes()).filter(|query| query.len() <= QUERY_MAX_BYTES)?;
    let tokens = tokens(query)?;
    let own = defined_by_itself(&tokens);
    let mut named = Named::default();
    let (mut at, mut table_comes) = (0, false);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Word(word) => table_comes = matches!(word.as_str(), "from" | "join" | "straight_join"),
            Token::Punctuation(b'(') => {}
            // From here on names are columns, until another word says otherwise.
            Token::Punctuation(_) => table_comes = false,
            Token::Chain(chain) if table_comes => {
                let called = match tokens.get(at) {
                    Some(Token::Chain(alias)) => {
                        at += 1;
                        alias.last()
                    }
                    _ => chain.last(),
                };
                let (schema, table) = match chain.as_slice() {
                    [table] => (None, table),
                    [schema, table] => (Some(schema.clone()), table),
                    _ => return None,
                };
                if schema.is_some() || !own.contains(table.as_str()) {
                    let (table, called) = (table.clone(), called?.clone());
                    named.tables.insert(Source { schema, table, called });
                }
                table_comes = false;
            }
            Token::Chain(chain) => {
                if let [.., table, column] = chain.as_slice() {
                    named.columns.insert((table.clone(), column.clone()));
                }
            }
        }
    }
    Some(named)
}

fn tokens(query: &[u8]) -> Option<Vec<Token>> {
    let mut scanner = Scanner::new(query);
    let mut tokens = Vec::new();
    while let Some(byte) = scanner.peek() {
        match byte {
            b'`' => {
                let mut chain = vec![scanner.name().ok()?];
                while scanner.take(".`") {
                    // The quote belongs to the name.
                    scanner.back();
                    chain.push(scanner.name().ok()?);
                }
                tokens.push(Token::Chain(chain));
            }
            b'\'' | b'"' | b'/' => {
                scanner.piece().ok()?;
                tokens.push(Token::Punctuation(byte));
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let word = String::from_utf8_lossy(scanner.word()).to_ascii_lowercase();
                tokens.push(Token::Word(word));
            }
            b' ' | b'\n' => scanner.piece().ok()?,
            _ => {
                scanner.piece().ok()?;
                tokens.push(Token::Punctuation(byte));
            }
        }
    }
    Some(tokens)
}

/// The names that `with` gives to queries: `with r(`n`) as (`, `with r as (`.
fn defined_by_itself(tokens: &[Token]) -> HashSet<String> {
    let mut own = HashSet::new();
    for (at, token) in tokens.iter().enumerate() {
        if !matches!(token, Token::Word(word) if word == "as") {
            continue;
        }
        if !matches!(tokens.get(at + 1), Some(Token::Punctuation(b'('))) {
            continue;
        }
        // Back over the names of its columns.
        let mut before = at;
        if matches!(before.checked_sub(1).map(|last| &tokens[last]), Some(Token::Punctuation(b')'))) {
            while before > 0 && !matches!(tokens[before], Token::Punctuation(b'(')) {
                before -= 1;
            }
        }
        match before.checked_sub(1).map(|last| &tokens[last]) {
            Some(Token::Chain(chain)) => own.extend(chain.last().cloned()),
            Some(Token::Word(word)) => drop(own.insert(word.clone())),
            _ => {}
        }
    }
    own
}
