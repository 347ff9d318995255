//! The branches of a database as a tree: parents before what was made from them, siblings by age.

use std::collections::{HashMap, HashSet};

use bough_control::branches::BranchRow;

/// Deepest level that is drawn; deeper branches stand there as well.
const DEPTH_MAX: usize = 8;

/// A branch in the tree.
pub(crate) struct Line<'a> {
    pub(crate) row: &'a BranchRow,
    /// How many branches it stands below, as far as that is drawn.
    pub(crate) depth: usize,
    /// What is drawn left of it, a word for each level.
    pub(crate) guides: Vec<&'static str>,
}

/// Puts branches, oldest first, in the order of the tree. A branch whose parent is not among them stands at
/// the top.
pub(crate) fn lines(rows: &[BranchRow]) -> Vec<Line<'_>> {
    let known: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut children: HashMap<Option<&str>, Vec<&BranchRow>> = HashMap::new();
    for row in rows {
        let parent = row.parent_id.as_ref().map(|id| id.as_str()).filter(|id| known.contains(id));
        children.entry(parent).or_default().push(row);
    }
    let mut waiting: Vec<(&BranchRow, Vec<bool>)> = Vec::new();
    let mut lines = Vec::with_capacity(rows.len());
    put(&mut waiting, children.remove(&None), None);
    while let Some((row, more)) = waiting.pop() {
        put(&mut waiting, children.remove(&Some(row.id.as_str())), Some(&more));
        lines.push(Line { row, depth: more.len().min(DEPTH_MAX), guides: guides(&more) });
    }
    lines
}

/// Puts siblings below what stands `above` onto those that wait, the first on top.
fn put<'a>(
    waiting: &mut Vec<(&'a BranchRow, Vec<bool>)>,
    siblings: Option<Vec<&'a BranchRow>>,
    above: Option<&[bool]>,
) {
    let siblings = siblings.unwrap_or_default();
    let last = siblings.len().saturating_sub(1);
    for (at, row) in siblings.into_iter().enumerate().rev() {
        let mut more = above.map(<[bool]>::to_vec).unwrap_or_default();
        if above.is_some() {
            more.push(at < last);
        }
        waiting.push((row, more));
    }
}

/// For each level above whether more follow there; the last is the branch's own.
fn guides(more: &[bool]) -> Vec<&'static str> {
    let own = more.len().saturating_sub(1);
    let words = more.iter().enumerate().map(|(level, more)| match (level == own, more) {
        (true, true) => "tee",
        (true, false) => "end",
        (false, true) => "line",
        (false, false) => "none",
    });
    words.skip(more.len().saturating_sub(DEPTH_MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guides_say_what_follows_at_each_level() {
        assert_eq!(guides(&[]), [""; 0]);
        assert_eq!(guides(&[true]), ["tee"]);
        assert_eq!(guides(&[true, false, false]), ["line", "none", "end"]);
        assert_eq!(guides(&[true; 20]).len(), DEPTH_MAX);
    }
}
