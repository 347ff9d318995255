//! What `SHOW CREATE` prints, on a server whose users may have named things as they like.

use bough_schema::{Sequence, Table, View};

/// Whatever is read is printed back as it was.
pub fn definition(bytes: &[u8]) {
    let printed = [
        Table::read(bytes).ok().map(|table| table.print()),
        Sequence::read(bytes).ok().map(|sequence| sequence.print()),
        View::read(bytes).ok().map(|view| view.print()),
    ];
    for printed in printed.into_iter().flatten() {
        assert!(printed == bytes, "it was read as something else");
    }
}
