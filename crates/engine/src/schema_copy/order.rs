//! Views in an order in which each comes after those that it reads.

use std::collections::HashMap;

use super::Object;
use super::text::after_quoted;

/// Puts `views` in that order, as far as their texts name each other. A view that reads another through a
/// function is not seen here; making it is tried again later.
pub fn by_what_they_read(views: &[Object]) -> Vec<&Object> {
    let places: HashMap<&[u8], usize> =
        views.iter().enumerate().map(|(at, view)| (view.name.as_bytes(), at)).collect();
    let reads: Vec<Vec<usize>> = views.iter().map(|view| named(&view.create, &places)).collect();
    let mut ordered = Vec::with_capacity(views.len());
    let mut seen = vec![false; views.len()];
    for first in 0..views.len() {
        // Depth first, with a stack of its own: a chain of views may be long.
        let mut stack = vec![(first, 0)];
        while let Some((view, next)) = stack.pop() {
            if next == 0 && std::mem::replace(&mut seen[view], true) {
                continue;
            }
            match reads[view].get(next) {
                Some(below) => {
                    stack.push((view, next + 1));
                    if !seen[*below] {
                        stack.push((*below, 0));
                    }
                }
                None => ordered.push(&views[view]),
            }
        }
    }
    ordered
}

/// The places of the views whose names stand in backticks in the text.
fn named(create: &[u8], places: &HashMap<&[u8], usize>) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while at < create.len() {
        if !matches!(create[at], b'\'' | b'`' | b'"') {
            at += 1;
            continue;
        }
        let end = after_quoted(create, at);
        if create[at] == b'`'
            && let Some(name) = create.get(at + 1..end - 1)
        {
            let place = match name.contains(&b'`') {
                false => places.get(name),
                true => places.get(String::from_utf8_lossy(name).replace("``", "`").as_bytes()),
            };
            found.extend(place.copied());
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Setting};
    use super::*;

    fn view(name: &str, select: &str) -> Object {
        let create = format!("CREATE VIEW `{}` AS select {select}", name.replace('`', "``")).into_bytes();
        let setting = Setting::default();
        Object { kind: Kind::View, name: name.to_owned(), create, setting, ..Object::default() }
    }

    #[test]
    fn what_is_read_comes_first() {
        let views = [
            view("a", "1 from `c` join `b`"),
            view("b", "'`a`' from `c```"),
            view("c", "`d`.`x` from `d`"),
            view("c`", "1"),
            view("d", "1 from `t`"),
        ];
        let names: Vec<_> = by_what_they_read(&views).iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["d", "c", "c`", "b", "a"]);
    }

    #[test]
    fn a_circle_and_a_long_chain_end() {
        let mut views: Vec<_> =
            (0..20_000).map(|n| view(&format!("v{n}"), &format!("1 from `v{}`", n + 1))).collect();
        views.push(view("v20000", "1 from `v0`"));
        let ordered = by_what_they_read(&views);
        assert_eq!(ordered.len(), views.len());
        assert_eq!(ordered[0].name, "v20000");
    }
}
