//! Figures for Prometheus. Labels are operations and classes of status: nothing that users name.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Api;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    status: u16,
}

/// Upper bounds of the latency's buckets, in seconds.
const BUCKETS: [f64; 11] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    latency: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("bough");
        let requests = Family::default();
        let latency = Histogram::new(BUCKETS);
        registry.register("api_requests", "Requests answered, by operation and status", requests.clone());
        registry.register("api_request_seconds", "Time from header to answer, in seconds", latency.clone());
        Self { registry, requests, latency }
    }

    pub(crate) fn answered(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Labels { operation, status }).inc();
        self.latency.observe(took.as_secs_f64());
    }
}

/// A figure that others add to the page.
#[derive(Clone, Debug)]
pub struct OtherFigure {
    /// Its name, without the prefix.
    pub name: String,
    /// Whether it only ever grows.
    pub grows: bool,
    /// What it says.
    pub help: &'static str,
    /// Its values, each with the number of the process that it is of.
    pub values: Vec<(u8, u64)>,
}

/// Asks for such figures, on a thread that may wait.
#[derive(Clone)]
pub struct OtherFigures(Arc<dyn Fn() -> Vec<OtherFigure> + Send + Sync>);

impl OtherFigures {
    /// Those that this answers.
    pub fn new(asks: impl Fn() -> Vec<OtherFigure> + Send + Sync + 'static) -> Self {
        Self(Arc::new(asks))
    }
}

impl fmt::Debug for OtherFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtherFigures")
    }
}

/// The whole page of figures.
pub(crate) fn page(api: &Api) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &api.metrics.registry);
    let end = text.rfind("# EOF").unwrap_or(text.len());
    text.truncate(end);
    text.push_str("# HELP bough_branches Branches, by state.\n# TYPE bough_branches gauge\n");
    for (state, count) in api.plane.count_branches().unwrap_or_default() {
        let _ = writeln!(text, "bough_branches{{state=\"{state}\"}} {count}");
    }
    text.push_str(
        "# HELP bough_records_dropped Refusals, uses and counted requests of tokens that were not recorded because too many waited.\n\
         # TYPE bough_records_dropped counter\n",
    );
    let _ = writeln!(text, "bough_records_dropped_total {}", api.plane.recorder().dropped());
    let seats = api.seats.figures();
    for (name, kind, help, figure) in [
        ("connections", "gauge", "Connections that are open.", seats.open as u64),
        (
            "connections_given_up",
            "counter",
            "Connections that were ended while their client was waited for, because others needed the place.",
            seats.given_up,
        ),
        (
            "connections_refused",
            "counter",
            "Connections that were refused because their address had too many requests under way.",
            seats.refused,
        ),
    ] {
        let total = if kind == "counter" { "_total" } else { "" };
        let _ = writeln!(
            text,
            "# HELP bough_{name} {help}\n# TYPE bough_{name} {kind}\nbough_{name}{total} {figure}"
        );
    }
    for OtherFigure { name, grows, help, values } in (api.other_figures.0)() {
        let (kind, total) = if grows { ("counter", "_total") } else { ("gauge", "") };
        let _ = writeln!(text, "# HELP bough_{name} {help}\n# TYPE bough_{name} {kind}");
        for (process, value) in values {
            let _ = writeln!(text, "bough_{name}{total}{{process=\"{process}\"}} {value}");
        }
    }
    text.push_str("# EOF\n");
    text
}
