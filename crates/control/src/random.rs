//! Randomness, from the operating system. The only place that asks for it.

use bough_model::{Secret, TOKEN_RANDOM_LEN, TokenPrefix, mint_token_secret};

/// Fills an array with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that we hand out would be safe.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new id: `fresh(BranchId::from_random)`.
pub(crate) fn fresh<T>(from_random: fn(&[u8; 24]) -> Option<T>) -> T {
    // Each draw fails with a probability of less than 1 in 10^15; the loop ends.
    loop {
        if let Some(id) = from_random(&bytes()) {
            return id;
        }
    }
}

/// A new service token's secret.
pub(crate) fn token_secret(prefix: &TokenPrefix) -> Secret<String> {
    mint_token_secret(prefix, &bytes::<TOKEN_RANDOM_LEN>())
}
