//! What the fuzzer has found worth keeping does no harm.

#[path = "../../../fuzz/src/texts.rs"]
mod texts;

use std::fs;
use std::path::Path;

fn replay(name: &str, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files: Vec<_> =
        fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    assert!(!files.is_empty(), "{name} has a corpus");
    files.iter().for_each(|file| entry(&fs::read(file).expect("a file")));
}

#[test]
fn the_corpus_is_read_without_harm() {
    replay("authorization", texts::authorization);
    replay("texts", texts::texts);
}
