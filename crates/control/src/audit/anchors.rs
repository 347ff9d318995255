//! Noting the heads of the audit chains outside the store.

use std::collections::HashMap;

use bough_model::OrganizationId;
use bough_store::audit::{anchors, heads};

use crate::{ControlPlane, Error, Result};

/// How often heads are noted, in seconds. Entries younger than that are not covered yet.
pub const NOTE_EVERY_SECONDS: u64 = 10;

impl ControlPlane {
    /// Notes the heads that have moved since they were noted last.
    ///
    /// # Errors
    /// When the store or the file fails.
    pub fn note_audit_heads(&self, noted: &mut HashMap<OrganizationId, i64>) -> Result<()> {
        let mut moved = self.store.read(|reader| Ok::<_, Error>(heads(reader)?))?;
        moved.retain(|head| noted.get(&head.organization) != Some(&head.count));
        if moved.is_empty() {
            return Ok(());
        }
        anchors::append(self.keys.audit(), &self.audit_heads, &moved)?;
        noted.extend(moved.into_iter().map(|head| (head.organization, head.count)));
        Ok(())
    }
}
