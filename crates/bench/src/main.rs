//! Measures Bough against what runs beside it on the same machine in the same minutes, and prints the
//! ratios. `docs/benchmarks.md` says what each measure means and how it is taken.
//!
//! `bough-bench [MEASURE…]` runs the named measures (P1, P2, …), or all but P14 and `sleep`, which take long. A measure that
//! cannot be taken has a line that says so.

mod api_read;
mod asleep;
mod audit;
mod bare_route;
mod bare_server;
mod branch;
#[cfg(feature = "peers")]
mod cedar;
mod decision;
mod fill;
mod gateway;
mod hidden;
mod load;
mod machine;
mod numbers;
mod pages;
mod places;
mod revocation;
mod scale;
mod server;
mod table;
mod wake;
mod wire;

use std::process::ExitCode;

use crate::machine::Machine;
use crate::table::{Line, say};

/// A measure: its name, and what takes it.
type Measure = (&'static str, fn() -> anyhow::Result<Vec<Line>>);

const MEASURES: &[Measure] = &[
    ("P1", api_read::measure),
    ("P2", decision::measure),
    ("P3", revocation::measure),
    ("P4", branch::measure),
    ("P6", wake::measure),
    ("P7", gateway::measure),
    ("P15", audit::measure),
    ("S4", hidden::measure),
    ("pages", pages::measure),
    ("P14", scale::measure),
    ("sleep", asleep::measure),
];
/// A million tokens and their log, and hundreds of branches, take minutes to be made: `make bench-scale`.
const BY_NAME_ONLY: &[&str] = &["P14", "sleep"];
/// Measures of GOALS.md that this program does not take yet, with the reason.
const NOT_YET: &[(&str, &str)] =
    &[("P5, P8 to P13", "what they measure is not in this version, or is not taken yet")];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, body] = args.as_slice()
        && command == bare_route::COMMAND
    {
        return bare_route::run(body);
    }
    let known = |name: &String| MEASURES.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some(unknown) = args.iter().find(|name| !known(name)) {
        let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
        say(&format!("{unknown:?} is no measure; there are {}", names.join(", ")));
        return ExitCode::FAILURE;
    }
    machine::introduce();
    let mut lines = Vec::new();
    let mut failed = false;
    for (name, measure) in MEASURES {
        let is_named = args.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        if !is_named && (!args.is_empty() || BY_NAME_ONLY.contains(name)) {
            continue;
        }
        say(&format!("\n{name}: {}", Machine::await_quiet()));
        let before = machine::Ticks::now();
        match std::panic::catch_unwind(measure) {
            Ok(Ok(measured)) => lines.extend(measured),
            Ok(Err(error)) => {
                failed = true;
                lines.push(Line::failed(name, &format!("{error:#}")));
            }
            Err(_) => {
                failed = true;
                lines.push(Line::failed(name, "it broke off; see above"));
            }
        }
        say(&format!("{name} done: {}; {}", Machine::look(), before.since()));
    }
    if args.is_empty() {
        lines.extend(BY_NAME_ONLY.iter().map(|name| Line::not_measured(name, "make bench-scale")));
        lines.extend(NOT_YET.iter().map(|(name, why)| Line::not_measured(name, why)));
    }
    say("");
    say(&table::print(&lines));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
