//! Feeds one parser of foreign bytes with what the fuzzer makes up. `BOUGH_FUZZ` names it; `make fuzz` runs all.
#![no_main]

mod definition;
mod texts;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

type Entry = (&'static str, fn(&[u8]));

/// Those that are not listed by their crates.
const OTHERS: &[Entry] = &[
    ("definition", definition::definition),
    ("authorization", texts::authorization),
    ("texts", texts::texts),
];

static CHOSEN: OnceLock<Entry> = OnceLock::new();

fuzz_target!(init: {
    let name = std::env::var("BOUGH_FUZZ").expect("BOUGH_FUZZ names a parser");
    let listed = bough_mysql_wire::untrusted::ENTRIES.iter().chain(bough_gateway::untrusted::ENTRIES);
    let entry = listed.chain(OTHERS).find(|(known, _)| *known == name);
    CHOSEN.set(*entry.unwrap_or_else(|| panic!("there is no parser {name}"))).expect("set once");
}, |data: &[u8]| {
    let (_, parse) = CHOSEN.get().expect("set");
    parse(data);
});
