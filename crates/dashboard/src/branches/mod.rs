//! Branches: a new one, its page with its schema and its server, and what can be done with it.

pub(crate) mod actions;
pub(crate) mod connections;
pub(crate) mod lint;
pub(crate) mod making;
pub(crate) mod routes;
mod schema;
pub(crate) mod sleep;
mod view;

pub(crate) use making::NewBranchForm;

use bough_control::branches::BranchRow;
use bough_control::model::BranchState;

/// A size as people read it.
pub(crate) fn bytes(count: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    for (unit, name) in UNITS {
        if count >= unit {
            let tenths = count.saturating_mul(10) / unit;
            return if tenths < 100 && tenths % 10 != 0 {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            } else {
                format!("{} {name}", tenths / 10)
            };
        }
    }
    format!("{count} bytes")
}

/// What to do about what went wrong with a branch; empty when nothing did.
pub(crate) fn advice(row: &BranchRow) -> &'static str {
    let Some(error) = &row.last_error else { return "" };
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if says(&["its end has come"]) {
        "Take away what keeps it, or set another lifetime below."
    } else if says(&["No space left", "not enough room", "disk is full", "is full"]) {
        "Make room on the disk of this region. Bough tries again by itself, and the branch comes up."
    } else if says(&["its files are missing"]) {
        "If its disk is not mounted, mount it, and the branch comes up by itself."
    } else if says(&["not configured any more"]) {
        "Choose another cluster size below, or put this one back into the configuration."
    } else if row.state == BranchState::Pending {
        "Bough tries again by itself, after pauses that grow to half a minute. If it stays like this, the log of Bough and \
         the branch's error log in its folder say more."
    } else {
        "It is looked after, and this goes away by itself once the server has stayed up for a minute."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let told: Vec<String> =
            [0, 1_023, 1_024, 1_536, 48 << 20, (1 << 30) + (1 << 28), 512 << 30, i64::MAX]
                .map(bytes)
                .to_vec();
        assert_eq!(told[..7], ["0 bytes", "1023 bytes", "1 kB", "1.5 kB", "48 MB", "1.2 GB", "512 GB"]);
        assert!(told[7].ends_with(" GB"));
    }
}
