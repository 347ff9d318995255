//! What pages show as curves: the requests of a service token, hour by hour, and an organization's
//! branches with what they take on disk.
//!
//! Requests are counted in memory where they end ([`Counter`]) and added to the rows of the hour by the
//! recorder; branches are looked at, and measured a few at a time, by a thread of their own.

mod actions;
mod counting;
pub(crate) mod upkeep;

use bough_model::Timestamp;
use bough_store::figures::{LATENCY_BOUNDS_MICROS, Requests};

pub use bough_store::figures::{Branches, Hour, LATENCY_CLASSES};
pub use counting::Counter;
pub(crate) use counting::Counting;

/// How long figures are kept, in days.
pub const KEPT_DAYS: i64 = 35;

/// How much of the past is shown, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The last 24 hours, hour by hour.
    Day,
    /// The last 31 days, day by day (UTC).
    Month,
}

impl Span {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The span of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Day, Self::Month].into_iter().find(|span| span.as_str() == name)
    }

    /// Hours in a step.
    pub const fn step_hours(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Month => 24,
        }
    }

    const fn steps(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Month => 31,
        }
    }

    /// The first hours of its steps, oldest first; the last step is the one that `now` lies in.
    fn starts(self, now: Timestamp) -> impl Iterator<Item = Hour> + use<> {
        let step = self.step_hours();
        let last = Hour::of(now).0.div_euclid(step) * step;
        (0..self.steps()).rev().map(move |back| Hour(last - back * step))
    }
}

/// What was counted in one step of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point<T> {
    /// When the step begins.
    pub from: Timestamp,
    /// What was counted.
    pub counted: T,
}

/// A token's requests, step by step.
#[derive(Clone, Debug)]
pub struct TokenFigures {
    /// How much of the past.
    pub span: Span,
    /// Every step, oldest first.
    pub points: Vec<Point<Requests>>,
    /// All of them together.
    pub total: Requests,
}

/// An organization's branches, step by step.
#[derive(Clone, Debug)]
pub struct OrganizationFigures {
    /// How much of the past.
    pub span: Span,
    /// Every step, oldest first, as it was at its end; `None` where nobody looked.
    pub points: Vec<Point<Option<Branches>>>,
}

pub use bough_store::figures::Requests as RequestFigures;

/// How long a request took on average, in microseconds; `None` when there was none.
pub fn average_micros(requests: &Requests) -> Option<u64> {
    requests.micros_sum.checked_div(requests.count)
}

/// A time that so many of a hundred requests did not take longer than, in microseconds; `None` when there was
/// none. It is known to within its class, and taken to lie evenly in it.
pub fn percentile_micros(requests: &Requests, percent: u64) -> Option<u64> {
    let all: u64 = requests.took.iter().sum();
    if all == 0 {
        return None;
    }
    let wanted = all.saturating_mul(percent.min(100)).div_ceil(100).max(1);
    let mut before = 0;
    for (class, count) in requests.took.iter().enumerate() {
        if before + count < wanted {
            before += count;
            continue;
        }
        let bound = |class: usize| LATENCY_BOUNDS_MICROS.get(class).map(|bound| u64::from(*bound));
        let low = class.checked_sub(1).and_then(bound).unwrap_or(0);
        let high = bound(class).unwrap_or(requests.micros_max).min(requests.micros_max).max(low);
        return Some(low + (high - low).saturating_mul(wanted - before) / count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(counts: &[(usize, u64)], max: u64) -> Requests {
        let mut requests = Requests { micros_max: max, ..Requests::default() };
        for (class, count) in counts {
            requests.took[*class] = *count;
            requests.count += count;
        }
        requests
    }

    #[test]
    fn percentiles_lie_in_their_class_and_below_the_maximum() {
        assert_eq!(percentile_micros(&Requests::default(), 95), None);
        assert_eq!(percentile_micros(&took(&[(0, 1)], 40), 95), Some(40), "one request is its own measure");
        // 100 requests of up to 100 us: the 95th of them.
        assert_eq!(percentile_micros(&took(&[(0, 100)], 100), 95), Some(95));
        // 90 quick ones, 10 between 1 and 3 ms: the 95th is in the middle of the slow ones.
        assert_eq!(percentile_micros(&took(&[(0, 90), (3, 10)], 3_000), 95), Some(2_000));
        let slow = percentile_micros(&took(&[(0, 1), (11, 99)], 60_000_000), 95).expect("some");
        assert!((10_000_000..=60_000_000).contains(&slow), "{slow}");
        assert_eq!(percentile_micros(&took(&[(5, 3)], 20_000), 100), Some(20_000));
        let many = took(&[(0, u64::MAX / 200), (11, 1)], u64::MAX);
        assert!(percentile_micros(&many, 50).is_some_and(|at| at <= 100), "no overflow");
    }

    #[test]
    fn spans_end_with_the_step_of_now() {
        // 1970-03-02T05:30Z: day 60, hour 5.
        let now = Timestamp::from_micros((60 * 24 + 5) * 3_600_000_000 + 1_800_000_000);
        let hours: Vec<i64> = Span::Day.starts(now).map(|hour| hour.0).collect();
        assert_eq!((hours.len(), hours[0], hours[23]), (24, 60 * 24 + 5 - 23, 60 * 24 + 5));
        let days: Vec<i64> = Span::Month.starts(now).map(|hour| hour.0).collect();
        assert_eq!((days.len(), days[0], days[30]), (31, 30 * 24, 60 * 24));
        assert!(Span::Month.steps() < KEPT_DAYS);
        assert_eq!(Span::parse("week"), None);
        assert_eq!(Span::parse("month"), Some(Span::Month));
    }
}
