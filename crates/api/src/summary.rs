//! What each operation does, in a sentence: for the description, and so for the reference page.

use bough_policy::Operation;

/// Of an operation that is served; `None` for those that are not.
pub(crate) const fn summary(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::ListOrganizations => "Lists the organizations that the caller belongs to.",
        Operation::GetOrganization => "Reads an organization.",
        Operation::UpdateOrganization => "Changes the organization's billing address.",
        Operation::ListAuditLogs => {
            "Lists what was done in the organization, by whom and from where; newest first."
        }
        Operation::ListClusterSizeSkus => "Lists the cluster sizes that branches can have.",
        Operation::GetOrganizationFigures => {
            "Counts the branches of the last day or month, how many ran, and what they took on disk."
        }
        Operation::ListRegionsForOrganization => {
            "Lists the regions in which the organization can have branches."
        }
        Operation::ListPublicRegions => "Lists the regions of this installation.",
        Operation::ListOrganizationMembers => "Lists the people of the organization with their roles.",
        Operation::GetOrganizationMembership => "Reads a member and his role.",
        Operation::UpdateOrganizationMembership => "Gives a member another role.",
        Operation::RemoveOrganizationMember => "Removes a member from the organization.",
        Operation::ListDatabases => "Lists the databases that the caller may see.",
        Operation::CreateDatabase => {
            "Makes a database with its first branch, `main`, which is a production branch."
        }
        Operation::GetDatabase => "Reads a database.",
        Operation::UpdateDatabaseSettings => "Changes a database's name or settings.",
        Operation::DeleteDatabase => "Deletes a database with all of its branches and their data.",
        Operation::ListDatabaseAdministrators => {
            "Lists who administers a database beside the organization's administrators."
        }
        Operation::AddDatabaseAdministrator => "Makes a member an administrator of a database.",
        Operation::RemoveDatabaseAdministrator => "Takes the administration of a database from somebody.",
        Operation::ListDatabaseRegions => "Lists the regions in which the database can have branches.",
        Operation::ListBranches => "Lists the branches of a database.",
        Operation::CreateBranch => "Makes a branch with the schema of another one, and a server of its own.",
        Operation::GetBranch => "Reads a branch and its state.",
        Operation::UpdateBranch => "Changes a branch's name, protection, lifetime, or when it falls asleep.",
        Operation::DeleteBranch => "Deletes a branch and its data.",
        Operation::LintBranchSchema => {
            "Lists what of a branch's schema must be mended before it is promoted or has safe migrations."
        }
        Operation::GetBranchSchema => "Reads the schema of a branch as SQL, a table at a time.",
        Operation::PromoteBranch => "Makes a branch a production branch.",
        Operation::DemoteBranch => "Makes a production branch a development branch.",
        Operation::RestartBranch => "Restarts a branch's server.",
        Operation::SleepBranch => "Stops a branch's server until somebody comes.",
        Operation::WakeBranch => "Starts the server of a branch that sleeps.",
        Operation::EnableSafeMigrations => "Turns safe migrations on.",
        Operation::DisableSafeMigrations => "Turns safe migrations off.",
        Operation::UpdateSafeMigrations => "Turns safe migrations on or off.",
        Operation::UpdateBranchClusterConfig => "Gives a branch another cluster size.",
        Operation::ListBranchClusterSizeSkus => "Lists the cluster sizes that the branch can have.",
        Operation::ListBranchResizeRequests => "Lists the resizes of a branch, newest first.",
        Operation::GetBranchResizeRequest => "Reads a resize of a branch.",
        Operation::UpdateBranchResizeRequest => "Asks for another size of a branch.",
        Operation::CancelBranchChangeRequest => "Cancels a resize that has not begun.",
        Operation::ListBranchConnections => {
            "Lists what clients have open on a branch, and what they are doing."
        }
        Operation::KillBranchConnection => "Ends a connection of a branch.",
        Operation::KillBranchQuery => "Ends a statement that runs on a branch; its connection stays.",
        Operation::KillBranchTransaction => {
            "Ends a transaction on a branch with its connection; what it has changed is undone."
        }
        Operation::ListPasswords => "Lists the passwords of a branch, newest first, never their secrets.",
        Operation::ListDatabasePasswords => {
            "Lists the passwords of all branches of a database, newest first."
        }
        Operation::CreatePassword => {
            "Makes a password that MySQL clients open the branch with. Its secret is answered once, here."
        }
        Operation::GetPassword => "Reads a password, never its secret.",
        Operation::UpdatePassword => "Changes a password's name, or the addresses that it may be used from.",
        Operation::RenewPassword => "Has a password that ends live once more as long as it was made for.",
        Operation::DeletePassword => "Deletes a password: it opens nothing from then on.",
        Operation::ListServiceTokens => "Lists the service tokens of the organization, never their secrets.",
        Operation::CreateServiceToken => {
            "Makes a service token that may do nothing yet. Its secret is answered once, here."
        }
        Operation::GetServiceToken => "Reads a service token and what it may do.",
        Operation::UpdateServiceToken => {
            "Changes a service token's name, or the addresses that it may be used from."
        }
        Operation::DeleteServiceToken => "Deletes a service token: it opens nothing from then on.",
        Operation::ListServiceTokenAccesses => "Lists the accesses of a service token, one by one.",
        Operation::AddServiceTokenAccesses => "Grants accesses to a service token at one place.",
        Operation::RemoveServiceTokenAccesses => "Takes accesses from a service token at one place.",
        Operation::ListServiceTokenGrants => "Lists what a service token holds, by resource.",
        Operation::ReplaceServiceTokenGrants => "Replaces all that a service token holds, at once.",
        Operation::RotateServiceToken => {
            "Gives a service token a new secret; the old one goes on for as long as asked."
        }
        Operation::AdoptServiceToken => {
            "Takes over a service token that a token made, so that it no longer ends with its maker."
        }
        Operation::ListServiceTokenDenials => {
            "Lists what a service token was refused, and which access it lacked."
        }
        Operation::ExplainServiceToken => "Says whether a service token might do something, and why.",
        Operation::GetServiceTokenFigures => "Counts the requests and refusals of a service token over time.",
        Operation::GetServiceTokenUsage => {
            "Lists which of its accesses a service token has used, and when last."
        }
        Operation::GetCurrentUser => "Reads one's own account.",
        _ => return None,
    })
}

/// What a parameter means, where its schema does not say it.
pub(crate) fn parameter(name: &str, operation: Operation) -> Option<&'static str> {
    Some(match (name, operation) {
        ("organization", _) => "Name or id of the organization.",
        ("database", Operation::ListClusterSizeSkus) => "Narrows nothing: every database has the same sizes.",
        ("database", _) => "Name or id of the database.",
        ("branch", _) => "Name or id of the branch.",
        ("resize", _) => "Id of the resize.",
        ("user", _) => "Id of the person.",
        (
            "id",
            Operation::GetOrganizationMembership
            | Operation::UpdateOrganizationMembership
            | Operation::RemoveOrganizationMember,
        ) => "Id of the membership, or of the person.",
        (
            "id",
            Operation::GetPassword
            | Operation::UpdatePassword
            | Operation::RenewPassword
            | Operation::DeletePassword,
        ) => "Id of the password.",
        ("id", Operation::KillBranchConnection) => "The `connection_id` of the connection.",
        ("id", Operation::KillBranchQuery) => "The `query_id` of the connection.",
        ("id", Operation::KillBranchTransaction) => "The `transaction_id` of the connection.",
        ("id", _) => "Id of the token.",
        ("page", _) => "Which page of the list.",
        ("q", Operation::ListPasswords | Operation::ListDatabasePasswords) => {
            "What to look for in names and user names."
        }
        ("q", _) => "What to look for in names.",
        ("status", _) => "Only those that open something, that end and can be renewed, or that have ended.",
        ("read_only_region_id", _) => "There are no read-only regions here: none is of any.",
        ("ephemeral", _) => {
            "Ours: only those that a client made for the time that it runs, or only the others."
        }
        ("production", _) => "Only production branches, or only the others.",
        ("safe_migrations", _) => "Only branches with safe migrations, or only those without.",
        ("order", _) => "Newest or oldest first.",
        ("starting_after", _) => "Only entries older than the one of this id.",
        ("ending_before", _) => "Only entries newer than the one of this id.",
        ("filters[]", _) => "`audit_action:NAME`, which may be repeated, or `actor_id:ID`.",
        ("engine", _) => "There are no sizes for `postgresql` here.",
        ("rates", _) => "Whether to answer what they cost.",
        ("region", _) => "A region's slug; an unknown one has no sizes.",
        ("delete_descendants", _) => "Deletes the branches that came from it, too. Else it must have none.",
        ("shard", _) => "Name of the shard: `-`, of which a keyspace has one.",
        ("keyspace", _) => "Name of the keyspace, of which a branch has one.",
        ("namespace", _) => "Narrows nothing: it belongs to Postgres.",
        ("span", _) => "How far back.",
        ("delete_passwords", _) => "Deletes the passwords that he has made, too.",
        ("delete_service_tokens", _) => "Deletes the service tokens that he has made, too.",
        ("unused", _) => "Only tokens that were never used.",
        ("expires_soon", _) => "Only tokens that end within two weeks.",
        _ => return None,
    })
}
