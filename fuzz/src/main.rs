//! Feeds one parser of foreign bytes with what the fuzzer makes up. `BOUGH_FUZZ` names it; `make fuzz` runs all.
#![no_main]

use std::sync::OnceLock;

use bough_mysql_wire::untrusted::Entry;
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<Entry> = OnceLock::new();

fuzz_target!(init: {
    let name = std::env::var("BOUGH_FUZZ").expect("BOUGH_FUZZ names a parser");
    let mut all = bough_mysql_wire::untrusted::ENTRIES.iter().chain(bough_gateway::untrusted::ENTRIES);
    let entry = all.find(|(known, _)| *known == name).unwrap_or_else(|| panic!("there is no parser {name}"));
    CHOSEN.set(*entry).expect("set once");
}, |data: &[u8]| {
    let (_, parse) = CHOSEN.get().expect("set");
    parse(data);
});
