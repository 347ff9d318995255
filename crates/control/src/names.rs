//! Finding databases, branches and service tokens of an organization by their name.

use bough_policy::{BranchAt, DatabaseAt, Granted, Located, Operation, OrganizationAt, decide};
use bough_store::names as store;

pub use bough_store::names::{BranchNamed, DatabaseNamed, TokenNamed};

use crate::{Caller, ControlPlane, Result};

/// Longest text that is looked for, in characters: that of the longest name with its database's.
const TEXT_MAX: usize = 200;

/// Most of each kind that are looked for.
#[derive(Clone, Copy, Debug)]
pub struct NamesWanted {
    /// Databases.
    pub databases: u32,
    /// Branches.
    pub branches: u32,
    /// Service tokens.
    pub tokens: u32,
}

/// What was found, best first.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Databases.
    pub databases: Vec<DatabaseNamed>,
    /// Branches.
    pub branches: Vec<BranchNamed>,
    /// Service tokens.
    pub tokens: Vec<TokenNamed>,
    /// There are more than were wanted.
    pub more: bool,
}

/// Takes away the one that was looked for beyond what was wanted.
fn cut<T>(found: &mut Vec<T>, wanted: u32) -> bool {
    let more = found.len() > wanted as usize;
    found.truncate(wanted as usize);
    more
}

impl ControlPlane {
    /// Finds things by a part of their name, or branches by `database/branch`; only such as the caller may
    /// see. Upper and lower case are alike.
    ///
    /// # Errors
    /// When the store fails.
    pub fn find_named(
        &self,
        caller: &Caller,
        granted: &Granted<OrganizationAt>,
        text: &str,
        wanted: NamesWanted,
    ) -> Result<Named> {
        let text: String = text.chars().take(TEXT_MAX).collect::<String>().to_ascii_lowercase();
        let organization = &granted.at().organization;
        let at = |database: &DatabaseNamed| DatabaseAt {
            organization: organization.clone(),
            database: database.id.clone(),
        };
        let lists_tokens =
            decide(&caller.principal, Operation::ListServiceTokens, Located::new(granted.at().clone()));
        let mut named = self.store.read(|reader| {
            Ok::<_, crate::Error>(Named {
                databases: store::databases(reader, granted, &text, wanted.databases + 1)?,
                branches: store::branches(reader, granted, &text, wanted.branches + 1)?,
                tokens: match &lists_tokens {
                    Ok(granted) => store::tokens(reader, granted, &text, wanted.tokens + 1)?,
                    Err(_) => Vec::new(),
                },
                more: false,
            })
        })?;
        let more = [
            cut(&mut named.databases, wanted.databases),
            cut(&mut named.branches, wanted.branches),
            cut(&mut named.tokens, wanted.tokens),
        ];
        named.more = more.contains(&true);
        named
            .databases
            .retain(|row| decide(&caller.principal, Operation::GetDatabase, Located::new(at(row))).is_ok());
        named.branches.retain(|row| {
            let DatabaseAt { organization, database } = at(&row.database);
            let at = BranchAt { organization, database, branch: row.id.clone(), production: row.production };
            decide(&caller.principal, Operation::GetBranch, Located::new(at)).is_ok()
        });
        Ok(named)
    }
}
