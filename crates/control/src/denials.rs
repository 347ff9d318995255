//! Refusals: what the caller is told, and what is kept for the administrators.

use bough_model::{DatabaseName, DenialId, TokenId};
use bough_policy::{Denied, Granted, Located, Operation, TokenAt, Visibility, decide};
use bough_store::denials::{self as store, NewDenial};
use bough_store::locate;

use crate::random::fresh;
use crate::{Caller, ControlPlane, Error, Page, Result};

pub use bough_store::denials::DenialRow;

/// The refusal as the caller is told it: by name where it can see the thing, else not at all.
pub fn refusal(denied: &Denied) -> Error {
    if denied.visibility == Visibility::Hidden {
        return Error::NotFound;
    }
    let operation = denied.operation.id();
    let names = denied.missing.names();
    Error::Forbidden(match names.as_slice() {
        [] => format!("{operation} is not open to service tokens, whatever accesses they hold"),
        [one] => format!("{operation} needs the access {one}, which this credential does not hold here"),
        more => format!(
            "{operation} needs one of the accesses {}, of which this credential holds none here",
            more.join(", ")
        ),
    })
}

/// A refused request, for the record.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    /// Who was refused.
    pub token: TokenId,
    /// What was asked for.
    pub operation: Operation,
    /// The path as it was asked for.
    pub path: String,
    /// What it names, below the organization.
    pub resource: String,
    /// The database's name in it.
    pub database: Option<String>,
    /// The accesses of which any one would have been enough.
    pub missing: Vec<&'static str>,
}

impl ControlPlane {
    /// Keeps a refusal for the administrators. Returns at once: the time that it takes would tell.
    pub fn note_refusal(&self, refused: RefusedRequest) {
        self.recorder.denied(NewDenial {
            id: fresh(DenialId::from_random),
            token: refused.token,
            operation: refused.operation.id(),
            method: refused.operation.row().method.as_str(),
            path: refused.path,
            resource: refused.resource,
            database_name: refused.database,
            missing: refused.missing,
            at: self.now(),
        });
    }

    /// The refusals of a token, latest first. Names of what the reader cannot see are left out:
    /// `path`, `resource` and `database_name` are empty then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_denials(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        page: Page,
    ) -> Result<(Vec<DenialRow>, i64)> {
        self.store.read(|reader| {
            let (mut rows, total) = store::list(reader, granted, page)?;
            for row in &mut rows {
                let Some(name) = row.database_name.clone() else { continue };
                let found = locate::path(reader, organization_name, Some(&name), None)?;
                let names_branch = row.resource.contains("/branches/");
                let sees = if names_branch { Operation::GetBranch } else { Operation::GetDatabase };
                let visible = match found.as_ref().and_then(locate::Found::database_at) {
                    Some(at) => decide(&caller.principal, sees, at).is_ok(),
                    // Nothing of that name: whoever sees every database may know that.
                    None => found
                        .is_some_and(|found| decide(&caller.principal, sees, every_database(&found)).is_ok()),
                };
                if !visible {
                    row.path = String::new();
                    row.resource = String::new();
                    row.database_name = None;
                }
            }
            Ok((rows, total))
        })
    }
}

/// Stands for a database that nobody was granted anything on by itself.
fn every_database(found: &locate::Found) -> Located<bough_policy::DatabaseAt> {
    Located::new(bough_policy::DatabaseAt {
        organization: found.organization.clone(),
        database: nobodys_database(),
    })
}

/// An id that is never drawn on its own account: deciding on it tells what is held on all databases.
pub(crate) fn nobodys_database() -> bough_model::DatabaseId {
    bough_model::DatabaseId::parse("000000000000").expect("twelve characters of the alphabet")
}

/// Whether a name could be a database's: what cannot be is not worth a query.
pub(crate) fn could_be_database(name: &str) -> bool {
    DatabaseName::parse(name).is_ok()
}
