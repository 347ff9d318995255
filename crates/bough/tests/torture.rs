//! A few rounds of `make torture`, with one seed: random operations by several clients while processes die,
//! and after each round everything that was acknowledged is there, once.

use bough_torture::{Limit, Options, full_disk, many, run};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

#[test]
fn a_few_rounds_with_one_seed() {
    let options = Options { seed: 7, limit: Limit::Rounds(6), clients: 3, talkative: true };
    let report = run(BOUGH, &options);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert!(report.rounds == 6 && report.operations > 10 && report.rows > 10, "{report:?}");
}

/// As `make torture ARGS='many'` does with two hundred.
#[test]
fn many_at_once_and_death_in_the_middle() {
    many::run(BOUGH, 16, 8).expect("all ready, each once");
}

#[test]
fn a_disk_that_fills_up() {
    full_disk::run(BOUGH, full_disk::Then::Kill).expect("nothing is lost, and there is a way back");
}
