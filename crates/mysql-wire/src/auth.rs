//! The two ways to log in, verified against what is kept of a secret, and the client's side of one of them.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Name of the plugin that wants `SHA1(p) XOR SHA1(nonce, SHA1(SHA1(p)))`.
pub const NATIVE: &[u8] = b"mysql_native_password";
/// Name of the plugin that wants `SHA256(p) XOR SHA256(SHA256(SHA256(p)), nonce)`.
pub const CACHING_SHA2: &[u8] = b"caching_sha2_password";
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 20;

/// What a server gives a client to mix into its answer, so that no answer serves twice. Has no zero byte, for
/// some clients read it as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_LEN]);

impl Nonce {
    /// From random bytes: printable characters, as servers have them.
    pub fn from_random(random: &[u8; NONCE_LEN]) -> Self {
        // 64 characters, so each byte's lower six bits choose without bias.
        Self(random.map(|byte| b'0' + (byte & 0x3f)))
    }

    /// From what a server sent; more than [`NONCE_LEN`] bytes are ignored, as is a NUL behind them.
    pub(crate) fn from_server(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|nonce| Self(*nonce))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }
}

fn xor<const N: usize>(a: &[u8; N], b: &[u8; N]) -> [u8; N] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

/// Whether a client's answer to the nonce shows that it knows the secret of which `verifier` is
/// `SHA1(SHA1(secret))`. Takes the same time for every answer of the right length.
pub fn fits_native(verifier: &[u8; 20], nonce: &Nonce, response: &[u8]) -> bool {
    let Ok(response) = <&[u8; 20]>::try_from(response) else { return false };
    let mask: [u8; 20] = Sha1::new().chain_update(nonce.0).chain_update(verifier).finalize().into();
    let found: [u8; 20] = Sha1::digest(xor(&mask, response)).into();
    found.ct_eq(verifier).into()
}

/// The same for `SHA256(SHA256(secret))`.
pub fn fits_caching_sha2(verifier: &[u8; 32], nonce: &Nonce, response: &[u8]) -> bool {
    let Ok(response) = <&[u8; 32]>::try_from(response) else { return false };
    let mask: [u8; 32] = Sha256::new().chain_update(verifier).chain_update(nonce.0).finalize().into();
    let found: [u8; 32] = Sha256::digest(xor(&mask, response)).into();
    found.ct_eq(verifier).into()
}

/// Whether this is the secret itself of which `verifier` is `SHA256(SHA256(secret))`.
pub fn fits_password(verifier: &[u8; 32], password: &[u8]) -> bool {
    let found: [u8; 32] = Sha256::digest(Sha256::digest(password)).into();
    found.ct_eq(verifier).into()
}

/// What a client who knows the secret answers to a server's nonce, by [`NATIVE`].
pub fn native_response(secret: &[u8], nonce: &Nonce) -> [u8; 20] {
    let once: [u8; 20] = Sha1::digest(secret).into();
    let twice: [u8; 20] = Sha1::digest(once).into();
    let mask: [u8; 20] = Sha1::new().chain_update(nonce.0).chain_update(twice).finalize().into();
    xor(&once, &mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce() -> Nonce {
        Nonce::from_random(&std::array::from_fn(|at| u8::try_from(at * 13 % 256).unwrap_or(0)))
    }

    #[test]
    fn who_knows_the_secret_gets_in_and_nobody_else() {
        let verifier: [u8; 20] = Sha1::digest(Sha1::digest(b"secret")).into();
        let response = native_response(b"secret", &nonce());
        assert!(fits_native(&verifier, &nonce(), &response));
        assert!(!fits_native(&verifier, &nonce(), &native_response(b"secreu", &nonce())));
        assert!(!fits_native(&verifier, &Nonce::from_random(&[1; 20]), &response));
        assert!(!fits_native(&verifier, &nonce(), &verifier), "what is kept does not open");
        assert!(!fits_native(&verifier, &nonce(), b"") && !fits_native(&verifier, &nonce(), &[0; 21]));

        let once: [u8; 32] = Sha256::digest(b"secret").into();
        let verifier: [u8; 32] = Sha256::digest(once).into();
        let mask: [u8; 32] =
            Sha256::new().chain_update(verifier).chain_update(nonce().as_bytes()).finalize().into();
        assert!(fits_caching_sha2(&verifier, &nonce(), &xor(&once, &mask)));
        assert!(!fits_caching_sha2(&verifier, &nonce(), &xor(&verifier, &mask)));
        assert!(!fits_caching_sha2(&verifier, &nonce(), &once[..31]));
        assert!(
            fits_password(&verifier, b"secret")
                && !fits_password(&verifier, b"")
                && !fits_password(&verifier, &once)
        );
    }

    #[test]
    fn nonces_are_printable() {
        for byte in 0..=255 {
            let nonce = Nonce::from_random(&[byte; NONCE_LEN]);
            assert!(nonce.as_bytes().iter().all(|byte| (b'0'..=b'o').contains(byte)));
        }
    }
}
