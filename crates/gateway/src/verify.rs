//! Whether a client knows a password's secret. For a user that there is not, the same steps are taken with
//! verifiers that nothing fits.

use std::net::{IpAddr, SocketAddr};

use bough_model::{PasswordId, PasswordVerifiers};
use bough_mysql_wire::{Nonce, fits_caching_sha2, fits_native, fits_password};

use crate::directory::Credential;

/// How a client has answered.
pub(crate) enum Proof<'a> {
    /// `mysql_native_password`.
    Native(&'a Nonce, &'a [u8]),
    /// `caching_sha2_password`.
    CachingSha2(&'a Nonce, &'a [u8]),
    /// The secret itself, inside TLS.
    Password(&'a [u8]),
}

/// Somebody who may exist.
pub(crate) struct Claimant {
    credential: Option<Credential>,
    verifiers: PasswordVerifiers,
    admitted: bool,
}

impl Claimant {
    /// `nobody` is what is checked against when there is no such user.
    pub(crate) fn new(credential: Option<Credential>, nobody: &PasswordVerifiers, address: IpAddr) -> Self {
        let verifiers = credential.as_ref().map_or(*nobody, |credential| credential.verifiers);
        let admitted = credential.as_ref().is_some_and(|credential| credential.cidrs.admits(address));
        Self { credential, verifiers, admitted }
    }

    /// Whether the secret is known; says nothing about whether the user exists.
    pub(crate) fn knows(&self, proof: &Proof<'_>) -> bool {
        match proof {
            Proof::Native(nonce, response) => fits_native(self.verifiers.native(), nonce, response),
            Proof::CachingSha2(nonce, response) => fits_caching_sha2(self.verifiers.sha2(), nonce, response),
            Proof::Password(password) => fits_password(self.verifiers.sha2(), password),
        }
    }

    /// The credential of one who knows its secret and comes from where it may be used.
    ///
    /// # Errors
    /// Why not, for the operator's eyes: the client is told the same whatever it is.
    pub(crate) fn admit(self, knows: bool) -> Result<Credential, WhyNot> {
        let known = self.credential.as_ref().map(|credential| credential.password.clone());
        self.credential.filter(|_| knows & self.admitted).ok_or(match known {
            None => WhyNot {
                password: None,
                reason: "there is no such user name, or its password has expired or is deleted",
            },
            Some(_) if !knows => WhyNot { password: known, reason: "the secret is another" },
            Some(_) => WhyNot { password: known, reason: "it may not be used from this address" },
        })
    }
}

/// Why a login was refused.
#[derive(Debug)]
pub(crate) struct WhyNot {
    /// The password that the user name belongs to.
    pub(crate) password: Option<PasswordId>,
    pub(crate) reason: &'static str,
}

impl WhyNot {
    /// Writes it down, after the client has been told: what it takes must not tell it more.
    pub(crate) fn note(&self, address: SocketAddr) {
        let password = self.password.as_ref().map(tracing::field::display);
        tracing::info!(%address, password, reason = self.reason, "a login was refused");
    }
}
