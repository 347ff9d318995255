//! `bough doctor`: each thing that can be broken here is broken, found, told with its mend, and mended with it
//! where that is a command. What needs another machine (a full disk of one's own, another account) is made
//! where this one allows it, and said where not.

mod branches;
mod folders;
mod healthy;
mod machine;
mod metadata;
mod programs;
mod told;

/// Says what could not be tried here.
fn skipped(what: &str) {
    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: {what}");
    }
}
