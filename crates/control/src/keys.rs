//! The master key, and what is derived from it. It lies beside the store, not in it: a stolen
//! metadata file opens nothing and proves nothing.

use bough_model::Secret;
use bough_store::audit::AuditKey;

/// Bytes of a master key.
pub const MASTER_KEY_LEN: usize = 32;

/// The keys of one installation.
#[derive(Clone, Debug)]
pub struct Keys {
    audit: AuditKey,
}

impl Keys {
    /// Derives all keys from the master key.
    pub fn derive(master: &Secret<[u8; MASTER_KEY_LEN]>) -> Self {
        let root = AuditKey::new(*master.expose());
        Self { audit: AuditKey::new(root.mac(&[b"bough audit log 1"])) }
    }

    /// A new master key.
    pub fn new_master() -> Secret<[u8; MASTER_KEY_LEN]> {
        Secret::new(crate::random::bytes())
    }

    /// What authenticates the audit log.
    pub const fn audit(&self) -> &AuditKey {
        &self.audit
    }
}
