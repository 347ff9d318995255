//! Randomness, from the operating system. The only place that asks for it. Secrets are asked for one by
//! one; ids, which are no secrets and of which every request takes one, come out of a supply.

use std::cell::RefCell;

use bough_model::{Secret, TOKEN_RANDOM_LEN, TokenPrefix, Username, mint_password_secret, mint_token_secret};

/// Fills an array with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that we hand out would be safe.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Fills with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that we hand out would be safe.
pub fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// Bytes of the supply that each thread keeps for ids.
const SUPPLY_BYTES: usize = 4_096;

thread_local! {
    static SUPPLY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn supplied<const N: usize>() -> [u8; N] {
    SUPPLY.with_borrow_mut(|supply| {
        if supply.len() < N {
            *supply = bytes::<SUPPLY_BYTES>().to_vec();
        }
        // What is taken is taken out: no byte is ever used twice.
        let taken = supply.split_off(supply.len() - N);
        std::array::from_fn(|at| taken[at])
    })
}

/// A new id: `fresh(BranchId::from_random)`.
pub(crate) fn fresh<T>(from_random: fn(&[u8; 24]) -> Option<T>) -> T {
    // Each draw fails with a probability of less than 1 in 10^15; the loop ends.
    loop {
        if let Some(id) = from_random(&supplied()) {
            return id;
        }
    }
}

/// 32 random bytes, as 64 characters of hexadecimal.
pub(crate) fn secret_text() -> Secret<String> {
    Secret::new(bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A new service token's secret.
pub(crate) fn token_secret(prefix: &TokenPrefix) -> Secret<String> {
    mint_token_secret(prefix, &bytes::<TOKEN_RANDOM_LEN>())
}

/// A new password's secret.
pub(crate) fn password_secret(short: bool) -> Secret<String> {
    mint_password_secret(&bytes::<TOKEN_RANDOM_LEN>(), short)
}

/// A new password's user name.
pub(crate) fn username() -> Username {
    // As an id's, each draw fails with a probability of next to nothing; the loop ends.
    loop {
        if let Some(name) = Username::from_random(&bytes()) {
            return name;
        }
    }
}
