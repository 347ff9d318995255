//! Shapes of the audit log (contract: objects/AuditLogEvent.fields.md).

use bough_control::audit::EventRow;
use schemars::JsonSchema;
use serde::Serialize;

use crate::shape::Time;

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLogEvent {
    /// Public id.
    id: String,
    /// `AuditLogEvent`
    r#type: &'static str,
    /// Who.
    actor_id: String,
    /// `User`, `ServiceToken`, `Operator` or `System`.
    actor_type: &'static str,
    /// His name.
    actor_display_name: String,
    /// The thing that the entry belongs to.
    auditable_id: String,
    /// Its kind.
    auditable_type: String,
    /// Its name at the time.
    auditable_display_name: String,
    /// The thing that it was done to.
    target_id: String,
    /// Its kind.
    target_type: String,
    /// Its name at the time.
    target_display_name: String,
    location: Option<String>,
    /// What, in full, such as `database_branch.created`.
    audit_action: String,
    /// The verb alone, such as `created`.
    action: String,
    /// From where; null for what was done at the machine itself.
    remote_ip: Option<String>,
    /// When.
    created_at: Time,
    /// When.
    updated_at: Time,
    /// More.
    metadata: serde_json::Value,
    /// Ours: the request, as its answer's x-request-id named it.
    request_id: Option<String>,
}

impl AuditLogEvent {
    pub(crate) fn new(row: &EventRow) -> Self {
        let verb = row.action.rsplit('.').next().unwrap_or(&row.action);
        Self {
            id: row.id.to_string(),
            r#type: "AuditLogEvent",
            actor_id: row.actor.id.clone(),
            actor_type: row.actor.kind.as_str(),
            actor_display_name: row.actor.display_name.clone(),
            auditable_id: row.auditable.id.clone(),
            auditable_type: row.auditable.kind.clone(),
            auditable_display_name: row.auditable.name.clone(),
            target_id: row.target.id.clone(),
            target_type: row.target.kind.clone(),
            target_display_name: row.target.name.clone(),
            location: None,
            audit_action: row.action.clone(),
            action: verb.to_owned(),
            remote_ip: row.remote_ip.clone(),
            created_at: Time(row.created_at),
            updated_at: Time(row.created_at),
            metadata: serde_json::from_str(&row.metadata).unwrap_or(serde_json::Value::Null),
            request_id: row.request_id.clone(),
        }
    }
}
