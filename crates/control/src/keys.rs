//! The master key, and what is derived from it. It lies beside the store, not in it: a stolen
//! metadata file opens nothing and proves nothing.

use bough_model::{BranchId, PasswordId, PasswordRole, PasswordVerifiers, Secret};
use bough_store::audit::AuditKey;
use bough_store::passwords::SealedVerifiers;

/// Bytes of a master key.
pub const MASTER_KEY_LEN: usize = 32;

/// The keys of one installation.
#[derive(Clone, Debug)]
pub struct Keys {
    audit: AuditKey,
    forms: AuditKey,
    role_accounts: AuditKey,
    passwords: AuditKey,
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
            passwords: derived(b"bough passwords 1"),
        }
    }

    /// What a role's account on a branch server is entered with: 256 bits that stand nowhere, told to the
    /// branch server and used by the gateway.
    pub fn role_secret(&self, branch: &BranchId, role: PasswordRole) -> Secret<String> {
        let bytes = self.role_accounts.mac(&[branch.as_str().as_bytes(), role.as_str().as_bytes()]);
        Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What a password's secret is verified with, encrypted: with a key stream of its own for each password, of
    /// which nothing else is ever encrypted, since neither its id nor its secret changes.
    pub(crate) fn seal_verifiers(&self, id: &PasswordId, verifiers: &PasswordVerifiers) -> SealedVerifiers {
        let (native, sha2) = self.verifier_masks(id);
        SealedVerifiers { native: masked(verifiers.native(), &native), sha2: masked(verifiers.sha2(), &sha2) }
    }

    /// The inverse of [`Keys::seal_verifiers`].
    pub(crate) fn open_verifiers(&self, id: &PasswordId, sealed: &SealedVerifiers) -> PasswordVerifiers {
        let (native, sha2) = self.verifier_masks(id);
        PasswordVerifiers::from_bytes(masked(&sealed.native, &native), masked(&sealed.sha2, &sha2))
    }

    fn verifier_masks(&self, id: &PasswordId) -> ([u8; 32], [u8; 32]) {
        let mask = |of: &[u8]| self.passwords.mac(&[id.as_str().as_bytes(), of]);
        (mask(b"native"), mask(b"sha2"))
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

fn masked<const N: usize>(bytes: &[u8; N], mask: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| bytes[at] ^ mask[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_are_kept_encrypted_for_each_password_by_itself() {
        let keys = Keys::derive(&Secret::new([7; MASTER_KEY_LEN]));
        let id = |text| PasswordId::parse(text).expect("an id");
        let verifiers = PasswordVerifiers::of(b"secret");
        let sealed = keys.seal_verifiers(&id("passwordaaaa"), &verifiers);
        let opened = keys.open_verifiers(&id("passwordaaaa"), &sealed);
        assert_eq!((opened.native(), opened.sha2()), (verifiers.native(), verifiers.sha2()));
        assert!(sealed.native != *verifiers.native() && sealed.sha2 != *verifiers.sha2());
        let other = keys.seal_verifiers(&id("passwordbbbb"), &verifiers);
        assert!(sealed.native != other.native && sealed.sha2 != other.sha2);
        let elsewhere = Keys::derive(&Secret::new([8; MASTER_KEY_LEN]));
        assert_ne!(elsewhere.open_verifiers(&id("passwordaaaa"), &sealed).native(), verifiers.native());
    }
}
