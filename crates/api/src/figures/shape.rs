//! Shapes of figures (ours).

use bough_control::figures::{self, Branches, Point, RequestFigures, average_micros, percentile_micros};
use schemars::JsonSchema;
use serde::Serialize;

use crate::shape::Time;

/// Seconds of an hour.
const HOUR_SECONDS: i64 = 3600;

/// A service token's requests over a span of time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenFigures {
    /// `ServiceTokenFigures`
    r#type: &'static str,
    /// `day` or `month`
    span: &'static str,
    /// How long each step is, in seconds.
    step_seconds: i64,
    /// The whole span.
    total: Requests,
    /// Its steps, oldest first; the last one is not over yet.
    data: Vec<TokenStep>,
}

/// A service token's requests in one step.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenStep {
    /// When it begins.
    from: Time,
    #[serde(flatten)]
    requests: Requests,
}

/// Requests, counted together.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Requests {
    /// How many were answered.
    requests: u64,
    /// How many of them were refused, with 403 or 404, for want of an access.
    refusals: u64,
    /// How long they took on average, from header to answer, in microseconds; null when there was none.
    latency_average_micros: Option<u64>,
    /// 95 of a hundred took no longer, in microseconds; estimated.
    latency_p95_micros: Option<u64>,
    /// The longest, in microseconds.
    latency_max_micros: Option<u64>,
}

impl Requests {
    fn new(requests: &RequestFigures) -> Self {
        Self {
            requests: requests.count,
            refusals: requests.refusals,
            latency_average_micros: average_micros(requests),
            latency_p95_micros: percentile_micros(requests, 95),
            latency_max_micros: (requests.count > 0).then_some(requests.micros_max),
        }
    }
}

impl TokenFigures {
    pub(crate) fn new(figures: &figures::TokenFigures) -> Self {
        let step = |point: &Point<RequestFigures>| TokenStep {
            from: Time(point.from),
            requests: Requests::new(&point.counted),
        };
        Self {
            r#type: "ServiceTokenFigures",
            span: figures.span.as_str(),
            step_seconds: figures.span.step_hours() * HOUR_SECONDS,
            total: Requests::new(&figures.total),
            data: figures.points.iter().map(step).collect(),
        }
    }
}

/// An organization's branches over a span of time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OrganizationFigures {
    /// `OrganizationFigures`
    r#type: &'static str,
    /// `day` or `month`
    span: &'static str,
    /// How long each step is, in seconds.
    step_seconds: i64,
    /// Its steps, oldest first; the last one is not over yet.
    data: Vec<OrganizationStep>,
}

/// An organization's branches at the end of one step; null where nobody looked.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OrganizationStep {
    /// When it begins.
    from: Time,
    /// How many branches there were.
    branches: Option<u64>,
    /// How many of them ran.
    running: Option<u64>,
    /// How many of them were asleep.
    asleep: Option<u64>,
    /// What they took on disk together, in bytes, as each was measured last.
    disk_bytes: Option<u64>,
}

impl OrganizationFigures {
    pub(crate) fn new(figures: &figures::OrganizationFigures) -> Self {
        let step = |point: &Point<Option<Branches>>| OrganizationStep {
            from: Time(point.from),
            branches: point.counted.map(|branches| branches.count),
            running: point.counted.map(|branches| branches.running),
            asleep: point.counted.map(|branches| branches.asleep),
            disk_bytes: point.counted.map(|branches| branches.disk_bytes),
        };
        Self {
            r#type: "OrganizationFigures",
            span: figures.span.as_str(),
            step_seconds: figures.span.step_hours() * HOUR_SECONDS,
            data: figures.points.iter().map(step).collect(),
        }
    }
}
