//! The table, printed for people: which accesses open which operation in which state. The print is
//! a reviewed file; a change of a rule shows in its diff.

use std::fmt::Write as _;

use crate::{AccessSet, Facet, Operation, PasswordRole, ResourceState, Rule};

/// The states that a rule tells apart, each with its name.
pub(crate) fn states_of(rule: Rule) -> Vec<(&'static str, ResourceState)> {
    let state = |production, facet| ResourceState { production, facet, oneself: false };
    let reader = Facet::Password(PasswordRole::Reader);
    let other = Facet::Password(PasswordRole::ReadWriter);
    match rule {
        Rule::Public | Rule::AnyCaller | Rule::AnyOfOrganization | Rule::AnyOf(_) => {
            vec![("", ResourceState::default())]
        }
        Rule::AnyOfOrOneself(_) => vec![
            ("somebody else", ResourceState::default()),
            ("oneself", ResourceState { oneself: true, ..ResourceState::default() }),
        ],
        Rule::ByClass { .. } => {
            vec![("development", state(false, Facet::Unread)), ("production", state(true, Facet::Unread))]
        }
        Rule::ByPassword { .. } => vec![
            ("development", state(false, other)),
            ("production, reader", state(true, reader)),
            ("production, other roles", state(true, other)),
        ],
        Rule::MakeBranch { .. } => vec![
            ("from parent", state(false, Facet::FromParent)),
            ("from development backup", state(false, Facet::FromBackup { production: false })),
            ("from production backup", state(false, Facet::FromBackup { production: true })),
        ],
        Rule::ByReview { .. } => {
            vec![("approve", state(false, Facet::Approve)), ("comment", state(false, Facet::Comment))]
        }
    }
}

fn set_in_words(rule: Rule, required: Option<AccessSet>) -> String {
    match (rule, required) {
        (rule, Some(set)) if rule.is_for_people() => format!("people only: {}", set.names().join(" ")),
        (_, Some(set)) => set.names().join(" "),
        (Rule::Public, None) => "everybody".to_owned(),
        (Rule::AnyCaller, None) => "every valid credential".to_owned(),
        (Rule::AnyOfOrOneself(_), None) => "no access is needed".to_owned(),
        _ => "every valid credential of the organization".to_owned(),
    }
}

/// Prints the whole table: a line per operation and state.
pub fn print_matrix() -> String {
    let mut text = String::from(
        "# operation | method path | state | any one of these opens it | 403 instead of 404 for who may\n",
    );
    for operation in Operation::ALL {
        let row = operation.row();
        for (name, state) in states_of(row.rule) {
            let state_name = if name.is_empty() { "any" } else { name };
            let _ = writeln!(
                text,
                "{} | {} {} | {} | {} | {}",
                row.id,
                row.method.as_str(),
                row.path,
                state_name,
                set_in_words(row.rule, row.rule.required(state)),
                row.sees.id(),
            );
        }
    }
    text
}
