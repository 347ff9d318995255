//! Reading the log.

use bough_policy::{Granted, OrganizationAt};
use bough_store::audit as store;

use super::{Cursor, CursorPage};
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

impl ControlPlane {
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
