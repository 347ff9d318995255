//! How many requests a principal may make. What is counted is kept per principal; an address counts
//! where there is no valid credential.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use bough_control::model::neighbourhood;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::respond::{Reply, refuse};

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    Principal(String),
    Address(IpAddr),
}

impl Counted {
    /// Somebody without a valid credential.
    pub(crate) fn from(address: IpAddr) -> Self {
        Self::Address(neighbourhood(address))
    }
}

type Limiter = RateLimiter<Counted, DashMapStateStore<Counted>, DefaultClock, StateInformationMiddleware>;

/// How many checks there are between two sweeps of principals that have not been seen lately.
const CHECKS_PER_SWEEP: u32 = 10_000;

pub(crate) struct RateLimit {
    limiter: Option<(u32, Limiter)>,
    checks: AtomicU32,
}

/// What an answer says of the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
}

impl RateLimit {
    /// A limit per minute; 0 for none.
    pub(crate) fn per_minute(limit: u32) -> Self {
        let limiter = NonZeroU32::new(limit).map(|limit| {
            let limiter = RateLimiter::dashmap(Quota::per_minute(limit));
            (limit.get(), limiter.with_middleware::<StateInformationMiddleware>())
        });
        Self { limiter, checks: AtomicU32::new(0) }
    }

    /// Counts a request of who is asked for only where there is a limit.
    pub(crate) fn check(&self, who: impl FnOnce() -> Counted) -> Result<Option<Standing>, Box<Reply>> {
        let Some((limit, limiter)) = &self.limiter else { return Ok(None) };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_SWEEP == CHECKS_PER_SWEEP - 1 {
            limiter.retain_recent();
        }
        match limiter.check_key(&who()) {
            Ok(state) => Ok(Some(Standing { limit: *limit, remaining: state.remaining_burst_capacity() })),
            Err(wait) => {
                let wait = wait.wait_time_from(DefaultClock::default().now());
                Err(Box::new(self.too_many(*limit, wait)))
            }
        }
    }

    fn too_many(&self, limit: u32, wait: Duration) -> Reply {
        let seconds = wait.as_secs_f64().ceil().max(1.0);
        let message = format!("more than {limit} requests in a minute; try again in {seconds} s");
        refuse(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
            .with_header(header::RETRY_AFTER, &seconds.to_string())
            .with_header(HeaderName::from_static("ratelimit-limit"), &limit.to_string())
            .with_header(HeaderName::from_static("ratelimit-remaining"), "0")
    }
}

impl Standing {
    pub(crate) fn put(self, reply: Reply) -> Reply {
        reply
            .with_header(HeaderName::from_static("ratelimit-limit"), &self.limit.to_string())
            .with_header(HeaderName::from_static("ratelimit-remaining"), &self.remaining.to_string())
    }
}
