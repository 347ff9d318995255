//! Feeds one parser of foreign bytes with what the fuzzer makes up. `BOUGH_FUZZ` names it; `make fuzz` runs all.
#![no_main]

use std::sync::OnceLock;

use bough_mysql_wire::untrusted::{ENTRIES, Entry};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<Entry> = OnceLock::new();

fuzz_target!(init: {
    let name = std::env::var("BOUGH_FUZZ").expect("BOUGH_FUZZ names a parser");
    let entry = ENTRIES.iter().find(|(known, _)| *known == name);
    let entry = entry.unwrap_or_else(|| panic!("BOUGH_FUZZ: {name} is none of {:?}", ENTRIES.iter().map(|(name, _)| name)));
    CHOSEN.set(*entry).expect("set once");
}, |data: &[u8]| {
    let (_, parse) = CHOSEN.get().expect("set");
    parse(data);
});
