//! The corpus of an entry, given to it file by file: what the tests of the crates do with it.

use std::fs;
use std::path::Path;

/// Gives each file of `fuzz/corpus/NAME` to `entry`. For a crate's tests: it starts from that crate's folder.
pub fn replay(name: &str, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files: Vec<_> =
        fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    assert!(!files.is_empty(), "{name} has a corpus");
    files.iter().for_each(|file| entry(&fs::read(file).expect("a file")));
}
