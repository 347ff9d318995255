//! The master key, and what is derived from it. It lies beside the store, not in it: a stolen
//! metadata file opens nothing and proves nothing.

use bough_model::{BranchId, PasswordRole, Secret};
use bough_store::audit::AuditKey;

/// Bytes of a master key.
pub const MASTER_KEY_LEN: usize = 32;

/// The keys of one installation.
#[derive(Clone, Debug)]
pub struct Keys {
    audit: AuditKey,
    forms: AuditKey,
    role_accounts: AuditKey,
}

impl Keys {
    /// Derives all keys from the master key.
    pub fn derive(master: &Secret<[u8; MASTER_KEY_LEN]>) -> Self {
        let root = AuditKey::new(*master.expose());
        let derived = |what: &[u8]| AuditKey::new(root.mac(&[what]));
        Self {
            audit: derived(b"bough audit log 1"),
            forms: derived(b"bough forms 1"),
            role_accounts: derived(b"bough role accounts 1"),
        }
    }

    /// What a role's account on a branch server is entered with: 256 bits that stand nowhere, told to the
    /// branch server and used by the gateway.
    pub fn role_secret(&self, branch: &BranchId, role: PasswordRole) -> Secret<String> {
        let bytes = self.role_accounts.mac(&[branch.as_str().as_bytes(), role.as_str().as_bytes()]);
        Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A new master key.
    pub fn new_master() -> Secret<[u8; MASTER_KEY_LEN]> {
        Secret::new(crate::random::bytes())
    }

    /// What authenticates the audit log.
    pub const fn audit(&self) -> &AuditKey {
        &self.audit
    }

    /// What shows that a page of ours asked for a form.
    pub(crate) const fn forms(&self) -> &AuditKey {
        &self.forms
    }
}
