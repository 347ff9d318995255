//! A change of what a token may has acted when it is answered: no request that is sent afterwards meets
//! what was before, whatever is kept in memory, and whichever process made the change.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use bough_testkit::Bough;
use serde_json::json;

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// Rounds in which the access is taken away through the API.
const ROUNDS: u64 = 1_000;
/// And through `bough admin`, while the server runs.
const BY_ADMIN: u64 = 20;
/// Nothing is to come any more.
const OVER: u64 = u64::MAX;

#[test]
fn nothing_is_allowed_after_a_revocation_was_answered() {
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let token = bough.token(&[]);
    let access = admin.org(&format!("/service-tokens/{}/access", token.id));
    let held = json!({"access": ["read_organization"]});
    let organization = admin.org("");
    // Odd while it is certain that the token does not hold the access.
    let state = AtomicU64::new(1);
    let hammer = || {
        let client = bough.client(&token);
        let (mut allowed, mut refused) = (0, 0);
        loop {
            let before = state.load(Ordering::SeqCst);
            if before == OVER {
                return (allowed, refused);
            }
            let answer = client.get(&organization);
            let same = state.load(Ordering::SeqCst) == before;
            let late = answer.status == 200 && same && before % 2 == 1;
            assert!(!late, "round {}: allowed although the revocation was answered before", before / 2);
            allowed += u64::from(answer.status == 200);
            refused += u64::from(answer.status == 404);
        }
    };
    let rounds = || {
        let client = bough.client(&token);
        for round in 0..ROUNDS + BY_ADMIN {
            state.fetch_add(1, Ordering::SeqCst);
            admin.post(&access, &held).expect(200);
            client.get(&organization).expect(200);
            if round < ROUNDS {
                admin.json("DELETE", &access, &held).expect(204);
            } else {
                let output = bough.run(&["admin", "token", "revoke", &token.id, "read_organization"]);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            state.fetch_add(1, Ordering::SeqCst);
            client.get(&organization).expect(404);
        }
    };
    std::thread::scope(|scope| {
        let hammers = [scope.spawn(hammer), scope.spawn(hammer)];
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(rounds));
        state.store(OVER, Ordering::SeqCst);
        for hammer in hammers {
            let (allowed, refused) = hammer.join().expect("no request was allowed too late");
            assert!(allowed > ROUNDS / 10 && refused > ROUNDS / 10, "{allowed} allowed, {refused} refused");
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}
