//! What a token would be allowed that held so and so much: the same decisions that its requests would
//! meet, one for each operation. Nothing of this is read from the store, so it can be asked of grants that
//! nobody has saved.

use bough_model::{Actor, BranchId, OrganizationId, TokenId, UserId};
use bough_policy::{
    AccessSet, BranchAt, DatabaseAt, Facet, GrantScope, Grants, Located, MemberAt, Nowhere, Operation,
    OrganizationAt, PathKind, Place, Principal, TokenAt, decide, refine,
};

use crate::denials::nobodys_database;

/// An id that nothing has.
const NOBODY: &str = "000000000000";

/// What would become of an operation. Each result is the accesses that are missing, of which any one would
/// be enough; it is empty where none would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which operation.
    pub operation: Operation,
    /// On a development branch, or on what is no branch.
    pub result: Result<(), AccessSet>,
    /// On a production branch, for operations on branches.
    pub production: Option<Result<(), AccessSet>>,
}

/// Decides every one of `operations` that is done within `scope`, for a token that holds `grants`.
pub fn verdicts(at: &TokenAt, grants: &Grants, scope: &GrantScope, operations: &[Operation]) -> Vec<Verdict> {
    let subject = Principal::Token {
        actor: Actor::Token(at.token.clone()),
        organization: at.organization.clone(),
        expires_at: None,
        grants: grants.clone(),
    };
    let ask = Ask { subject, organization: at.organization.clone() };
    operations.iter().filter_map(|operation| ask.about(*operation, scope)).collect()
}

struct Ask {
    subject: Principal,
    organization: OrganizationId,
}

impl Ask {
    fn decided<T: Place>(&self, operation: Operation, place: T) -> Result<(), AccessSet> {
        let granted =
            decide(&self.subject, operation, Located::new(place)).map_err(|denied| denied.missing)?;
        // Most branches are made from their parent; what restores a backup does not open that.
        if operation == Operation::CreateBranch {
            refine(&self.subject, granted, Facet::FromParent).map_err(|denied| denied.missing)?;
        }
        Ok(())
    }

    fn about(&self, operation: Operation, scope: &GrantScope) -> Option<Verdict> {
        let organization = self.organization.clone();
        let plain = |result| Some(Verdict { operation, result, production: None });
        let database = match scope {
            GrantScope::Organization => None,
            GrantScope::AllDatabases => Some(nobodys_database()),
            GrantScope::Database(id) => Some(id.clone()),
        };
        match (operation.row().kind, database) {
            (PathKind::Nowhere, None) => plain(self.decided(operation, Nowhere)),
            (PathKind::Organization, None) => plain(self.decided(operation, OrganizationAt { organization })),
            (PathKind::Token, None) => {
                let token = TokenId::parse(NOBODY)?;
                plain(self.decided(operation, TokenAt { organization, token }))
            }
            (PathKind::Member, None) => {
                let user = UserId::parse(NOBODY)?;
                plain(self.decided(operation, MemberAt { organization, user }))
            }
            (PathKind::Database, Some(database)) => {
                plain(self.decided(operation, DatabaseAt { organization, database }))
            }
            // Of passwords it is told whether there is one with which it may be done: that of a reader.
            (PathKind::Branch | PathKind::Password, Some(database)) => {
                let branch = BranchId::parse(NOBODY)?;
                let at = |production| BranchAt {
                    organization: organization.clone(),
                    database: database.clone(),
                    branch: branch.clone(),
                    production,
                };
                Some(Verdict {
                    operation,
                    result: self.decided(operation, at(false)),
                    production: Some(self.decided(operation, at(true))),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bough_policy::Access;

    use super::*;

    fn at() -> TokenAt {
        TokenAt {
            organization: OrganizationId::parse("organization").expect("an id"),
            token: TokenId::parse("tokenaaaaaaa").expect("an id"),
        }
    }

    #[test]
    fn what_is_held_opens_what_its_requests_would_find_open() {
        let mut grants = Grants::default();
        grants.insert(&GrantScope::AllDatabases, Access::DeleteBranch);
        let of = |grants: &Grants, scope: &GrantScope, operation| {
            let found = verdicts(&at(), grants, scope, &[operation]);
            found.first().copied().expect("a verdict")
        };
        let delete = of(&grants, &GrantScope::AllDatabases, Operation::DeleteBranch);
        assert_eq!(delete.result, Ok(()));
        assert_eq!(delete.production, Some(Err(AccessSet::of(&[Access::DeleteProductionBranch]))));
        // What is held on all databases opens the same on one of them.
        let shop = GrantScope::Database(bough_model::DatabaseId::parse("databaseaaaa").expect("an id"));
        assert_eq!(of(&grants, &shop, Operation::DeleteBranch), delete);
        // And what is held on one does not open anything on the others.
        let mut grants = Grants::default();
        grants.insert(&shop, Access::CreateBranch);
        assert_eq!(of(&grants, &shop, Operation::CreateBranch).result, Ok(()));
        let missing = Err(AccessSet::of(&[Access::CreateBranch]));
        assert_eq!(of(&grants, &GrantScope::AllDatabases, Operation::CreateBranch).result, missing);
    }

    #[test]
    fn restoring_a_backup_does_not_count_as_making_a_branch() {
        let mut grants = Grants::default();
        grants.insert(&GrantScope::AllDatabases, Access::RestoreBackup);
        let found = verdicts(&at(), &grants, &GrantScope::AllDatabases, &[Operation::CreateBranch]);
        assert_eq!(found[0].result, Err(AccessSet::of(&[Access::CreateBranch])));
    }

    #[test]
    fn every_operation_is_done_within_one_kind_of_scope() {
        let grants = Grants::default();
        let on = |scope| verdicts(&at(), &grants, &scope, Operation::ALL).len();
        assert_eq!(on(GrantScope::Organization) + on(GrantScope::AllDatabases), Operation::ALL.len());
    }
}
