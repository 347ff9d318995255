//! What opens an operation, for those who choose a service token's accesses: from the policy's table.

use bough_policy::{AccessSet, Level, Rule};

/// Most accesses that stand there at once; the rest is unfolded.
const SHOWN_MAX: usize = 5;

/// What is needed in one of the states that a rule tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The state, such as `On a production branch`; empty where there is only one.
    pub(super) when: &'static str,
    /// In words, where there are no accesses to choose.
    pub(super) words: &'static str,
    /// Any one of these, the first few.
    pub(super) accesses: Vec<&'static str>,
    /// The others.
    pub(super) more: Vec<&'static str>,
}

const PEOPLE: &str = "People only: no service token can be granted what it needs.";

/// Any one of a set, without what only people hold.
fn one_of(when: &'static str, set: AccessSet) -> Need {
    let mut accesses: Vec<&'static str> =
        set.iter().filter(|access| access.level() != Level::People).map(|access| access.name()).collect();
    // One more takes no more room than the words that would unfold it.
    let more = if accesses.len() > SHOWN_MAX + 1 { accesses.split_off(SHOWN_MAX) } else { Vec::new() };
    let words = if accesses.is_empty() { PEOPLE } else { "" };
    Need { when, words, accesses, more }
}

fn open(when: &'static str, words: &'static str) -> Need {
    Need { when, words, accesses: Vec::new(), more: Vec::new() }
}

const DEVELOPMENT: &str = "On a development branch";
const PRODUCTION: &str = "On a production branch";

/// All that a rule asks for.
pub(super) fn needs(rule: Rule) -> Vec<Need> {
    match rule {
        Rule::Public => vec![open("", "Open to everybody, without a credential too.")],
        Rule::AnyCaller => vec![open("", "Open to every valid credential.")],
        Rule::AnyOfOrganization => vec![open("", "Open to every valid credential of the organization.")],
        Rule::AnyOf(set) => vec![one_of("", set)],
        Rule::AnyOfOrOneself(set) => {
            vec![
                one_of("For somebody else", set),
                open("For the very person that the path names", "No access."),
            ]
        }
        Rule::ByClass { development, production } => {
            vec![one_of(DEVELOPMENT, development), one_of(PRODUCTION, production)]
        }
        Rule::ByPassword { development, production, production_reader, .. } => vec![
            one_of(DEVELOPMENT, development),
            one_of("On a production branch, with the role reader", production_reader),
            one_of("On a production branch, with another role", production),
        ],
        Rule::MakeBranch { from_parent, from_backup, from_production_backup } => vec![
            one_of("From its parent's schema", from_parent),
            one_of("From a development branch's backup", from_backup),
            one_of("From a production branch's backup", from_production_backup),
        ],
        Rule::ByReview { approve, comment } => {
            vec![one_of("To approve", approve), one_of("To comment", comment)]
        }
    }
}

/// Whether no service token can be granted what a rule asks for.
pub(crate) fn is_for_people(rule: Rule) -> bool {
    needs(rule).iter().all(|need| need.words == PEOPLE)
}

#[cfg(test)]
mod tests {
    use bough_policy::Operation;

    use super::*;

    fn of(operation: Operation) -> Vec<Need> {
        needs(operation.row().rule)
    }

    #[test]
    fn every_access_of_the_table_that_a_token_can_hold_is_named() {
        for operation in Operation::ALL {
            let named: Vec<&str> = of(*operation)
                .iter()
                .flat_map(|need| need.accesses.iter().chain(&need.more).copied())
                .collect();
            let text = format!("{:?}", operation.row().rule.required(Default::default()));
            for need in of(*operation) {
                assert_eq!(
                    need.words.is_empty(),
                    !need.accesses.is_empty(),
                    "{operation}: words or accesses"
                );
                assert!(need.accesses.len() <= SHOWN_MAX + 1, "{operation}");
            }
            let required = operation.row().rule.required(Default::default()).unwrap_or_default();
            for access in required.iter() {
                let is_named = named.contains(&access.name());
                assert_eq!(is_named, access.level() != Level::People, "{operation}: {access:?} of {text}");
            }
        }
    }

    #[test]
    fn the_class_of_a_branch_is_told_where_it_matters() {
        let needs = of(Operation::DeleteBranch);
        let told: Vec<(&str, &[&str])> =
            needs.iter().map(|need| (need.when, need.accesses.as_slice())).collect();
        assert_eq!(
            told,
            [(DEVELOPMENT, &["delete_branch"][..]), (PRODUCTION, &["delete_production_branch"][..])]
        );
        assert_eq!(of(Operation::GetCurrentUser)[0].words, PEOPLE);
        for (operation, people) in [(Operation::ListBranchConnections, true), (Operation::GetBranch, false)] {
            assert_eq!(is_for_people(operation.row().rule), people, "{operation}");
        }
        let wide = &of(Operation::GetDatabase)[0];
        assert!(
            wide.more.contains(&"restore_backup"),
            "what does not stand there at once is unfolded: {wide:?}"
        );
    }
}
