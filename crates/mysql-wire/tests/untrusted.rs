//! No parser panics or reads wrongly, whatever the bytes are: the corpus of the fuzzer, and bytes made up from it.

use std::fs;
use std::path::Path;

use bough_mysql_wire::untrusted::ENTRIES;
use bough_testkit::Dice;

/// Made-up inputs for each parser.
const INPUTS: u64 = 20_000;
/// Largest of them, in bytes.
const LEN_MAX: usize = 300;
/// Bytes that mean something somewhere.
const TELLING: [u8; 12] = [0, 1, 2, 3, 0x20, 0x21, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

/// The corpus of a parser, in a fixed order.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

#[test]
fn the_corpus_is_read_without_harm() {
    for (name, parse) in ENTRIES {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name} has a corpus");
        inputs.iter().for_each(|input| parse(input));
    }
}

#[test]
fn made_up_bytes_are_read_without_harm() {
    for (name, parse) in ENTRIES {
        let inputs = corpus(name);
        for number in 0..INPUTS {
            let mut dice = Dice::numbered(6, number);
            let mut bytes = if dice.percent(70) { dice.pick(&inputs).clone() } else { Vec::new() };
            for _ in 0..=dice.below(8) {
                let at = dice.below(bytes.len() + 1);
                match dice.below(5) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, *dice.pick(&TELLING)),
                    2 if at < bytes.len() => bytes[at] = *dice.pick(&TELLING),
                    3 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
                    _ => {
                        let more = dice.below(40);
                        bytes.extend((0..more).map(|_| dice.next().to_le_bytes()[0]));
                    }
                }
            }
            bytes.truncate(LEN_MAX);
            parse(&bytes);
        }
    }
}
