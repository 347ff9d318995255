//! Which table refers to which.

use std::collections::{HashMap, HashSet};

use crate::{ForeignKey, Schema, Table, TableName};

/// Foreign keys as a graph.
pub(super) struct References<'a> {
    /// The tables that each refers to, itself left out.
    parents: HashMap<&'a TableName, Vec<&'a TableName>>,
    /// The tables of each round of references, of two or more, sorted.
    pub(super) cycles: Vec<Vec<&'a TableName>>,
}

/// In a sentence.
pub(super) fn named(key: &ForeignKey) -> String {
    match &key.name {
        Some(name) => format!("the foreign key \"{name}\""),
        None => "a foreign key".to_owned(),
    }
}

pub(super) fn columns_of(key: &ForeignKey) -> Vec<String> {
    key.columns.iter().map(ToString::to_string).collect()
}

impl<'a> References<'a> {
    pub(super) fn of(schema: &'a Schema, tables: &HashMap<&'a TableName, &'a Table>) -> Self {
        let mut parents: HashMap<&TableName, Vec<&TableName>> = HashMap::new();
        for table in &schema.tables {
            let own = table.foreign_keys.iter().map(|key| &key.parent);
            let here = own.filter(|parent| parent.schema.is_none() && parent.table != table.name);
            let mut known: Vec<_> =
                here.map(|parent| &parent.table).filter(|name| tables.contains_key(name)).collect();
            known.sort_unstable();
            known.dedup();
            parents.insert(&table.name, known);
        }
        let cycles = cycles(schema, &parents);
        Self { parents, cycles }
    }

    /// The tables that refer, over others or directly, to one of `names`, sorted; those themselves left out.
    pub(super) fn that_need(&self, names: &HashSet<&'a TableName>) -> Vec<&'a TableName> {
        let mut children: HashMap<&TableName, Vec<&'a TableName>> = HashMap::new();
        for (child, parents) in &self.parents {
            parents.iter().for_each(|parent| children.entry(parent).or_default().push(child));
        }
        let mut found = HashSet::new();
        let mut open: Vec<&TableName> = names.iter().copied().collect();
        while let Some(name) = open.pop() {
            for child in children.get(name).into_iter().flatten() {
                if !names.contains(child) && found.insert(*child) {
                    open.push(child);
                }
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        found
    }
}

/// The sets of tables of which each refers to each, over others or directly (Tarjan's way, without
/// recursion: a chain of references may be as long as there are tables).
fn cycles<'a>(
    schema: &'a Schema,
    parents: &HashMap<&'a TableName, Vec<&'a TableName>>,
) -> Vec<Vec<&'a TableName>> {
    let mut seen: HashMap<&TableName, (usize, usize)> = HashMap::new();
    let (mut stack, mut on_stack, mut cycles) = (Vec::new(), HashSet::new(), Vec::new());
    for table in &schema.tables {
        let mut path: Vec<(&TableName, usize)> = Vec::new();
        if !seen.contains_key(&table.name) {
            path.push((&table.name, 0));
        }
        while let Some((name, at)) = path.last_mut() {
            let name = *name;
            if *at == 0 && !seen.contains_key(name) {
                seen.insert(name, (seen.len(), seen.len()));
                stack.push(name);
                on_stack.insert(name);
            }
            if let Some(next) = parents.get(name).and_then(|all| all.get(*at)) {
                *at += 1;
                match seen.get(next).copied() {
                    None => path.push((next, 0)),
                    Some((number, _)) if on_stack.contains(next) => lower(&mut seen, name, number),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            let (number, low) = seen.get(name).copied().unwrap_or_default();
            if let Some((before, _)) = path.last() {
                lower(&mut seen, before, low);
            }
            if number == low {
                let from = stack.iter().rposition(|other| *other == name).unwrap_or(stack.len());
                let mut cycle = stack.split_off(from);
                for other in &cycle {
                    on_stack.remove(other);
                }
                if cycle.len() > 1 {
                    cycle.sort_unstable();
                    cycles.push(cycle);
                }
            }
        }
    }
    cycles
}

fn lower<'a>(seen: &mut HashMap<&'a TableName, (usize, usize)>, name: &'a TableName, low: usize) {
    if let Some((_, own)) = seen.get_mut(name) {
        *own = low.min(*own);
    }
}
