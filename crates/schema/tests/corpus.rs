//! What the fuzzer has found worth keeping does no harm.

#[path = "../../../fuzz/src/definition.rs"]
mod definition;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_is_read_without_harm() {
    replay("definition", definition::definition);
}
