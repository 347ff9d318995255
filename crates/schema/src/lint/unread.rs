//! `UNSPECIFIED`: what no other rule has a name for.

use super::{About, Code, Findings, Looked, Rule, views};

pub(super) const RULE: Rule = Rule {
    code: Code::Unspecified,
    finds: "A definition that Bough cannot read, or a view that the server cannot use, for a reason that none of the \
            other codes names.",
    why: "What is not understood in full is not compared, merged or copied: a guess could lose part of it.",
    mend: "The description holds what the server or Bough's reader said. For a view, what it calls (a function, or what \
           its definer may read) is missing: make it again, or change the view with CREATE OR REPLACE VIEW. For a table, \
           leave out what is named.",
    check,
};

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for unread in &looked.case.schema.unread {
        let description = format!(
            "The definition of {} \"{}\" cannot be read: {}. Leave out what stands there.",
            unread.kind.word(),
            unread.name,
            unread.why
        );
        findings.note(Code::Unspecified, &unread.name, About::default(), description);
    }
    views::unexplained(looked, findings);
}
