//! The accesses: what a service token can hold, one permission each, at its level.
//!
//! Names are the contract's (accesses.md), descriptions ours. A few that only people have stand at
//! the level [`Level::People`]: no token can be granted them.

use std::fmt;

/// Where an access is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// On the organization.
    Organization,
    /// On one database, or on all of them.
    Database,
    /// By people only, through their role.
    People,
}

macro_rules! accesses {
    ($($variant:ident $name:literal $level:ident $production:literal $description:literal;)+) => {
        /// One permission.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Access {
            $(#[doc = $description] $variant,)+
        }

        impl Access {
            /// Every access, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As it stands in requests and answers.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The access of that name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// Where it is held.
            pub const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level),+ }
            }

            /// Whether it reaches production: only administrators may grant it.
            pub const fn is_production(self) -> bool {
                match self { $(Self::$variant => $production),+ }
            }

            /// What it lets a token do, for people.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description),+ }
            }
        }
    };
}

accesses! {
    ReadOrganization "read_organization" Organization false "Read an organization, its members, teams, regions and cluster sizes";
    ReadDatabases "read_databases" Organization false "Read all databases of an organization, their deploy requests and regions";
    CreateDatabases "create_databases" Organization false "Create databases, and hold every database access on those it creates";
    DeleteDatabases "delete_databases" Organization false "Delete any database of an organization";
    ReadOauthApplications "read_oauth_applications" Organization false "Read the OAuth applications of an organization";
    WriteOauthTokens "write_oauth_tokens" Organization false "Create and refresh the tokens of an OAuth application";
    ReadOauthTokens "read_oauth_tokens" Organization false "Read the tokens of an OAuth application";
    DeleteOauthTokens "delete_oauth_tokens" Organization false "Delete the tokens of an OAuth application";
    WriteOrganization "write_organization" Organization false "Change the role of members and remove them";
    WriteMembers "write_members" Organization false "Invite members and cancel invitations";
    WriteTeams "write_teams" Organization false "Create, change and delete teams and their members";
    ReadInvoices "read_invoices" Organization false "Read invoices and their line items";
    ReadAuditLogs "read_audit_logs" Organization false "Read the audit log of an organization";
    ReadServiceTokens "read_service_tokens" Organization false "Read service tokens, their grants, usage and refusals";
    WriteServiceTokens "write_service_tokens" Organization false "Create service tokens, and grant them what the granting token holds itself";
    DeleteServiceTokens "delete_service_tokens" Organization false "Delete service tokens";
    ReadMetricsEndpoints "read_metrics_endpoints" Organization false "Read where the metrics of branches are scraped";

    ReadDatabase "read_database" Database false "Read a database, its insights, webhooks and recommendations";
    WriteDatabase "write_database" Database false "Change the settings of a database and of its branches";
    DeleteDatabase "delete_database" Database false "Delete a database";
    CreateBranch "create_branch" Database false "Create branches, and read them";
    ReadBranch "read_branch" Database false "Read branches, their schema and their passwords' names";
    DeleteBranch "delete_branch" Database false "Delete development branches, and read branches";
    DeleteProductionBranch "delete_production_branch" Database true "Delete production branches";
    ConnectBranch "connect_branch" Database false "Connect to development branches: create, change and renew their passwords";
    ConnectProductionBranch "connect_production_branch" Database true "Connect to production branches: create, change and renew their passwords; promote and demote branches";
    DeleteBranchPassword "delete_branch_password" Database false "Delete passwords of development branches";
    DeleteProductionBranchPassword "delete_production_branch_password" Database true "Delete passwords of production branches";
    CreateDeployRequest "create_deploy_request" Database false "Create deploy requests, and deploy, cancel, apply, revert and close them";
    ReadDeployRequest "read_deploy_request" Database false "Read deploy requests, their deployments, operations and reviews";
    ApproveDeployRequest "approve_deploy_request" Database false "Approve deploy requests that it did not create";
    CreateComment "create_comment" Database false "Comment on deploy requests, and read comments";
    ReadComment "read_comment" Database false "Read the comments of deploy requests";
    ReadBackups "read_backups" Database false "Read backups and backup policies";
    WriteBackups "write_backups" Database false "Create and change backups and backup policies";
    DeleteBackups "delete_backups" Database false "Delete backups of development branches";
    DeleteProductionBranchBackups "delete_production_branch_backups" Database true "Delete backups of production branches";
    RestoreBackup "restore_backup" Database false "Restore a development branch's backup into a new branch";
    RestoreProductionBranchBackup "restore_production_branch_backup" Database true "Restore a production branch's backup into a new branch";
    ConnectProductionReadOnlyBranch "connect_production_read_only_branch" Database true "Connect to production branches for reading only";
    DeleteProductionReadOnlyBranchPassword "delete_production_read_only_branch_password" Database true "Delete read-only passwords of production branches";
    PromoteBranches "promote_branches" Database true "Promote branches to production";
    DemoteBranches "demote_branches" Database true "Demote production branches";
    ReviewDeployRequest "review_deploy_request" Database false "Leave a review that comments on a deploy request";
    WriteBranchVschema "write_branch_vschema" Database false "Change the VSchema of development branches";
    WriteProductionBranchVschema "write_production_branch_vschema" Database true "Change the VSchema of production branches";

    ImportDatabases "import_databases" People false "Import databases from other servers";
    ReadUser "read_user" People false "Read one's own account";
    WriteUser "write_user" People false "Change one's own account, password and sessions";
    WriteOrganizationSettings "write_organization_settings" People false "Change the settings of an organization";
    AdoptServiceTokens "adopt_service_tokens" People false "Take over a service token that a token made";
    WriteDatabaseAdministrators "write_database_administrators" People false "Choose who administers a database";
    ViewConnections "view_connections" People false "See the live connections of development branches";
    ViewProductionConnections "view_production_connections" People true "See the live connections of production branches";
    KillConnections "kill_connections" People false "End queries and connections on development branches";
    KillProductionConnections "kill_production_connections" People true "End queries and connections on production branches";
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of accesses: one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct AccessSet(u64);

const _: () = assert!(Access::ALL.len() <= 64, "an AccessSet has 64 bits");

impl AccessSet {
    /// None at all.
    pub const EMPTY: Self = Self(0);

    /// Of the accesses given.
    pub const fn of(accesses: &[Access]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < accesses.len() {
            bits |= 1 << accesses[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Every access of a level.
    pub fn of_level(level: Level) -> Self {
        Access::ALL.iter().copied().filter(|access| access.level() == level).collect()
    }

    /// Of either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Of both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Of this set and not of the other.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the sets share an access.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `access` is in it.
    pub const fn contains(self, access: Access) -> bool {
        self.0 & (1 << access as u8) != 0
    }

    /// Whether all of `other` is in it.
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Adds one.
    pub fn insert(&mut self, access: Access) {
        self.0 |= 1 << access as u8;
    }

    /// Takes one out.
    pub fn remove(&mut self, access: Access) {
        self.0 &= !(1 << access as u8);
    }

    /// Those in it, in the order of [`Access::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Access> {
        Access::ALL.iter().copied().filter(move |access| self.contains(*access))
    }

    /// Their names, in the order of [`Access::ALL`].
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Access::name).collect()
    }
}

impl FromIterator<Access> for AccessSet {
    fn from_iter<I: IntoIterator<Item = Access>>(accesses: I) -> Self {
        let mut set = Self::EMPTY;
        for access in accesses {
            set.insert(access);
        }
        set
    }
}

impl fmt::Debug for AccessSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Access::name)).finish()
    }
}
