//! Waiting for a condition: the only place in this crate that sleeps.

use std::time::{Duration, Instant};

/// Asks `condition` until it answers `Some`, with `pause` between two questions, for `limit` at most.
/// `None` when the limit passed. It is asked at least once, and once more after the limit.
pub fn wait_until<T>(
    limit: Duration,
    pause: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        let over = Instant::now() >= end;
        if let Some(found) = condition() {
            return Some(found);
        }
        if over {
            return None;
        }
        std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        let mut asked = 0;
        assert_eq!(
            wait_until(Duration::ZERO, Duration::ZERO, || {
                asked += 1;
                None::<()>
            }),
            None
        );
        assert_eq!(asked, 1);
        let found = wait_until(Duration::from_secs(5), Duration::ZERO, || {
            asked += 1;
            (asked > 3).then_some(asked)
        });
        assert_eq!(found, Some(4));
    }
}
