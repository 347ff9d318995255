//! Reading the log, and checking it.

use std::sync::TryLockError;
use std::time::{Duration, Instant};

use bough_policy::{Granted, OrganizationAt};
use bough_store::audit as store;
use bough_store::audit::verify::{ChainReport, verify_chain};

use super::{Cursor, CursorPage, Recent};
use crate::{ControlPlane, Error, Result};

/// Names that older clients filter by, and what the same events are called here (contract:
/// cli-endpoints.md, "Audit log"; webhooks-audit.md B2).
const OLDER_NAMES: &[(&str, &str)] = &[
    ("branch.created", "database_branch.created"),
    ("branch.deleted", "database_branch.deleted"),
    ("deploy_request.created", "database_deploy_request.created"),
    ("deploy_request.closed", "database_deploy_request.closed"),
    ("deploy_request.deleted", "database_deploy_request.deleted"),
    ("deploy_request.approved", "deploy_request_review.approved"),
    ("deploy_request.unqueued", "deployment.unqueued"),
    ("organization.updated_role", "organization_membership.updated_role"),
    ("service_token.granted_access", "service_token.updated_bulk_database_access"),
];

/// Longest time that a log is checked for whoever waits for it, in seconds. `bough audit verify` has no
/// such limit.
const CHECK_LIMIT_SECONDS: u64 = 10;

impl ControlPlane {
    /// Who did something of late in an organization, and what was done.
    ///
    /// # Errors
    /// When the store fails.
    pub fn recent_audit_actors(&self, granted: &Granted<OrganizationAt>) -> Result<Recent> {
        self.store.read(|reader| Ok(store::recent(reader, granted)?))
    }

    /// Checks an organization's log against itself and against the heads that are noted outside the store,
    /// from the first entry on and for ten seconds at most. One at a time, for it keeps a processor busy.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while another one is checked; a failure of the store. What is wrong with the
    /// log is in the report.
    pub fn verify_audit_log(&self, granted: &Granted<OrganizationAt>) -> Result<ChainReport> {
        let _alone = match self.verifying.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let text = "an audit log is being checked already; try again in a few seconds";
                return Err(Error::Unavailable(text.to_owned()));
            }
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Ok(held) => held,
        };
        let ends = Instant::now() + Duration::from_secs(CHECK_LIMIT_SECONDS);
        self.verify_within(granted, &|| Instant::now() < ends)
    }

    fn verify_within(
        &self,
        granted: &Granted<OrganizationAt>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<ChainReport> {
        let (key, heads) = (self.keys.audit(), &self.audit_heads);
        self.store.read(|reader| Ok(verify_chain(reader, granted, key, heads, goes_on)?))
    }

    /// A part of an organization's log, newest first.
    ///
    /// # Errors
    /// When the store fails, or a cursor names no entry of the log.
    pub fn list_audit_events(
        &self,
        granted: &Granted<OrganizationAt>,
        mut cursor: Cursor,
    ) -> Result<CursorPage> {
        for action in &mut cursor.actions {
            if let Some((_, name)) = OLDER_NAMES.iter().find(|(older, _)| older == action) {
                *action = (*name).to_owned();
            }
        }
        let page = self.store.read(|reader| store::list(reader, granted, &cursor))?;
        page.ok_or_else(|| {
            Error::Malformed("starting_after and ending_before must be ids of entries of this log".to_owned())
        })
    }
}
