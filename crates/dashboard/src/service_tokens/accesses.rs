//! The accesses as boxes: in which group each stands, whether it is ticked, and why it cannot be changed.

use bough_control::model::{OrganizationId, Timestamp};
use bough_policy::Access::*;
use bough_policy::{Access, AccessSet, GrantScope, Level, Principal, may_grant};

use crate::layout::sentence;

/// One box.
pub(crate) struct AccessBox {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) production: bool,
    /// Held, or wanted, here itself.
    pub(crate) checked: bool,
    /// Held on all databases.
    pub(crate) implied: bool,
    /// Why the viewer may not change it; empty when he may.
    pub(crate) reason: String,
}

/// Boxes under one heading.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) boxes: Vec<AccessBox>,
}

/// Under which heading an access stands.
const fn group_of(access: Access) -> &'static str {
    match access {
        ReadOrganization
        | WriteOrganization
        | WriteMembers
        | WriteTeams
        | ReadInvoices
        | ReadAuditLogs
        | ReadMetricsEndpoints
        | WriteOrganizationSettings => "Organization",
        ReadDatabases | CreateDatabases | DeleteDatabases | ImportDatabases => "Databases",
        ReadOauthApplications | WriteOauthTokens | ReadOauthTokens | DeleteOauthTokens => {
            "OAuth applications"
        }
        ReadServiceTokens | WriteServiceTokens | DeleteServiceTokens | AdoptServiceTokens => "Service tokens",
        ReadDatabase | WriteDatabase | DeleteDatabase | WriteDatabaseAdministrators => "Database",
        CreateBranch
        | ReadBranch
        | DeleteBranch
        | DeleteProductionBranch
        | PromoteBranches
        | DemoteBranches => "Branches",
        ConnectBranch
        | ConnectProductionBranch
        | ConnectProductionReadOnlyBranch
        | DeleteBranchPassword
        | DeleteProductionBranchPassword
        | DeleteProductionReadOnlyBranchPassword
        | ViewConnections
        | ViewProductionConnections
        | KillConnections
        | KillProductionConnections => "Connections and passwords",
        CreateDeployRequest | ReadDeployRequest | ApproveDeployRequest | ReviewDeployRequest
        | CreateComment | ReadComment => "Deploy requests",
        ReadBackups
        | WriteBackups
        | DeleteBackups
        | DeleteProductionBranchBackups
        | RestoreBackup
        | RestoreProductionBranchBackup => "Backups",
        WriteBranchVschema | WriteProductionBranchVschema => "VSchema",
        ReadUser | WriteUser => "Account",
    }
}

/// What is ticked at a scope, and what is known of it.
pub(crate) struct Ticked<'a> {
    pub(crate) scope: &'a GrantScope,
    /// What is wanted.
    pub(crate) wanted: AccessSet,
    /// What is held.
    pub(crate) held: AccessSet,
    /// What is held, or wanted, on all databases.
    pub(crate) implied: AccessSet,
}

/// Why somebody may not grant or take away an access; empty when he may.
pub(crate) fn reason(
    principal: &Principal,
    organization: &OrganizationId,
    ends_at: Option<Timestamp>,
    scope: &GrantScope,
    access: Access,
) -> String {
    match may_grant(principal, organization, ends_at, scope, AccessSet::of(&[access])) {
        Ok(()) => String::new(),
        Err(problem) => sentence(problem.because),
    }
}

/// Why the viewer may not change some of the boxes of a scope, in one sentence for all of them; empty when he may
/// change each.
pub(crate) fn why(
    principal: &Principal,
    organization: &OrganizationId,
    ends_at: Option<Timestamp>,
    scope: &GrantScope,
) -> String {
    match may_grant(principal, organization, ends_at, scope, AccessSet::of_level(scope.level())) {
        Ok(()) => String::new(),
        Err(problem) => sentence(problem.because),
    }
}

/// The boxes of a scope, under their headings. Why some cannot be changed stands at each in few words; [`why`]
/// has the whole sentence.
pub(crate) fn groups(
    principal: &Principal,
    organization: &OrganizationId,
    ends_at: Option<Timestamp>,
    ticked: &Ticked<'_>,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for access in Access::ALL.iter().copied().filter(|access| access.level() == ticked.scope.level()) {
        let one = AccessSet::of(&[access]);
        let reason = match may_grant(principal, organization, ends_at, ticked.scope, one) {
            Ok(()) => String::new(),
            Err(_) => "Only administrators can grant it.".to_owned(),
        };
        // What the viewer may not change stays as it is, whatever he sent.
        let checked = if reason.is_empty() { ticked.wanted } else { ticked.held }.contains(access);
        let one = AccessBox {
            name: access.name(),
            description: access.description(),
            production: access.is_production(),
            checked,
            implied: ticked.implied.contains(access),
            reason,
        };
        let title = group_of(access);
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.boxes.push(one),
            None => groups.push(Group { title, boxes: vec![one] }),
        }
    }
    groups
}

/// A set of accesses that a kind of program needs.
#[derive(Debug)]
pub(crate) struct Preset {
    /// As it stands in addresses.
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    accesses: &'static [Access],
}

impl Preset {
    pub(crate) const ALL: &[Self] = &[
        Self {
            key: "read-only",
            title: "Read only",
            accesses: &[ReadOrganization, ReadDatabases, ReadDatabase, ReadBranch],
        },
        Self {
            key: "ci-branch",
            title: "CI branch",
            accesses: &[
                CreateBranch,
                ReadBranch,
                DeleteBranch,
                ConnectBranch,
                DeleteBranchPassword,
                CreateDeployRequest,
                ReadDeployRequest,
                CreateComment,
            ],
        },
        Self {
            key: "deploy-bot",
            title: "Deploy bot",
            accesses: &[
                ReadDatabase,
                ReadBranch,
                CreateDeployRequest,
                ReadDeployRequest,
                CreateComment,
                ReadComment,
            ],
        },
        Self {
            key: "backup-bot",
            title: "Backup bot",
            accesses: &[ReadBranch, ReadBackups, WriteBackups, RestoreBackup],
        },
    ];

    pub(crate) fn named(key: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|preset| preset.key == key)
    }

    pub(crate) const fn set(&self) -> AccessSet {
        AccessSet::of(self.accesses)
    }

    /// Its accesses, as the script reads them.
    pub(crate) fn names(&self) -> String {
        self.set().names().join(" ")
    }
}

/// Where an access stands among several that would do: first what only reads, on one database; last what is of
/// the whole organization.
pub(crate) fn breadth(access: Access) -> impl Ord {
    let reads = access.name().starts_with("read_");
    (access.level() != Level::Database, !reads, access.name().starts_with("connect_"), access)
}

#[cfg(test)]
mod tests {
    use bough_control::model::{Actor, TokenId};
    use bough_policy::Grants;

    use super::*;

    #[test]
    fn every_access_has_its_box_once() {
        let organization = OrganizationId::parse("organization").expect("an id");
        let all = |level| AccessSet::of_level(level);
        let principal = Principal::Token {
            actor: Actor::Token(TokenId::parse("tokenaaaaaaa").expect("an id")),
            organization: organization.clone(),
            expires_at: None,
            grants: Grants::default(),
        };
        for scope in [GrantScope::Organization, GrantScope::AllDatabases] {
            let held = AccessSet::of(&[ReadOrganization, ReadBranch]);
            let ticked = Ticked { scope: &scope, wanted: AccessSet::EMPTY, held, implied: AccessSet::EMPTY };
            let groups = groups(&principal, &organization, None, &ticked);
            let boxes: Vec<&AccessBox> = groups.iter().flat_map(|group| &group.boxes).collect();
            assert_eq!(boxes.len(), all(scope.level()).iter().count());
            // Who may not change a box sees it as it is held, not as he would have it.
            assert!(boxes.iter().all(|one| !one.reason.is_empty()));
            let checked: Vec<&str> = boxes.iter().filter(|one| one.checked).map(|one| one.name).collect();
            let held = held.intersection(all(scope.level()));
            assert_eq!(checked, held.names());
        }
    }

    #[test]
    fn texts_become_sentences() {
        assert_eq!(sentence("you may not"), "You may not.");
        assert_eq!(sentence("read_branch is none"), "read_branch is none.");
        assert_eq!(sentence("Why?"), "Why?");
    }

    #[test]
    fn presets_hold_what_tokens_can_hold() {
        for preset in Preset::ALL {
            assert!(preset.set().iter().all(|access| access.level() != Level::People), "{}", preset.key);
            assert!(!preset.set().iter().any(Access::is_production), "{}", preset.key);
        }
    }
}
