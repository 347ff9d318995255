//! What people's roles amount to, as sets of the same accesses that tokens hold.
//!
//! From behaviour/access-control.md §2 and §3. Where it leaves a right open, the role does not have
//! it: members do not write backups or backup policies, for those concern production as well.

use bough_model::Role;

use crate::access::Access::{self, *};
use crate::{AccessSet, Level};

const MEMBER: &[Access] = &[
    ReadOrganization,
    ReadDatabases,
    CreateDatabases,
    ReadServiceTokens,
    WriteServiceTokens,
    DeleteServiceTokens,
    ReadDatabase,
    CreateBranch,
    ReadBranch,
    DeleteBranch,
    ConnectBranch,
    DeleteBranchPassword,
    CreateDeployRequest,
    ReadDeployRequest,
    ApproveDeployRequest,
    ReviewDeployRequest,
    CreateComment,
    ReadComment,
    ReadBackups,
    DeleteBackups,
    RestoreBackup,
    ReadUser,
    WriteUser,
    AdoptServiceTokens,
    ViewConnections,
    KillConnections,
];

const ANALYST_TOO: &[Access] =
    &[ConnectProductionReadOnlyBranch, DeleteProductionReadOnlyBranchPassword, ViewProductionConnections];

/// What a role in an organization may do on all of it.
pub fn role_accesses(role: Role) -> AccessSet {
    let member = AccessSet::of(MEMBER);
    match role {
        Role::Member => member,
        Role::Analyst => member.union(AccessSet::of(ANALYST_TOO)),
        Role::Admin => Access::ALL.iter().copied().collect(),
    }
}

/// What a database administrator may do on that database beside his role.
pub(crate) fn database_administrator_accesses() -> AccessSet {
    AccessSet::of_level(Level::Database).union(AccessSet::of(&[
        WriteDatabaseAdministrators,
        ViewConnections,
        ViewProductionConnections,
        KillConnections,
        KillProductionConnections,
    ]))
}
