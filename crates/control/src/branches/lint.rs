//! What of a branch's schema must be mended before safe migrations are enabled, or it is promoted.
//!
//! The schema is read from the branch's server each time, at one moment: nothing of it is kept, since a
//! change within the same second as another could not be told from what was there before. The rules are
//! `bough_schema::lint`'s; see `docs/lint.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bough_engine::{Definitions, SchemaBounds, SchemaObjectKind};
use bough_model::{BranchState, DatabaseName};
use bough_policy::{BranchAt, DatabaseAt, Granted, Operation};
use bough_schema::lint::{Case, Finding, OBJECTS_MAX, lint};
use bough_schema::{Definition, ObjectKind, Schema};
use bough_store::branches as store;
use bough_store::schema as rules;

use crate::caller::read_back;
use crate::{ControlPlane, Error, Result};

/// Longest wait for a branch that is not ready yet, before something is refused for it, in seconds.
const READY_LIMIT_SECONDS: u64 = 30;
/// How much of a schema is read: no further object when the texts are of this length together, in bytes.
const SCHEMA_MAX_BYTES: usize = 8 << 20;
/// How many findings a refusal names.
const NAMED_MAX: usize = 5;

/// What is to be mended in a branch's schema.
#[derive(Clone, Debug)]
pub struct Lint {
    /// The SQL schema, which is the branch's keyspace.
    pub keyspace: DatabaseName,
    /// What was found, by table.
    pub findings: Vec<Finding>,
}

/// What a schema is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Enabling safe migrations.
    SafeMigrations,
    /// Making a branch that begins with safe migrations and this one's schema.
    BranchWithSafeMigrations,
    /// Promoting.
    Promotion,
}

impl Before {
    const fn words(self) -> &'static str {
        match self {
            Self::SafeMigrations => "Safe migrations cannot be enabled",
            Self::BranchWithSafeMigrations => {
                "A branch with safe migrations cannot be made from this parent branch"
            }
            Self::Promotion => "The branch cannot be promoted",
        }
    }
}

impl ControlPlane {
    /// What is to be mended in a branch's schema before safe migrations are enabled or it is promoted; nothing
    /// in an empty one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the branch is not ready, its server does not answer, or its schema keeps
    /// changing.
    pub fn lint_branch(&self, granted: &Granted<BranchAt>) -> Result<Lint> {
        self.lint_within(granted, Duration::ZERO)
    }

    /// Refuses what wants a schema without findings. Waits for a branch that is not ready yet.
    ///
    /// # Errors
    /// [`Error::SchemaUnfit`] with what is to be mended; as [`ControlPlane::lint_branch`].
    pub(super) fn refuse_unfit(&self, granted: &Granted<BranchAt>, before: Before) -> Result<()> {
        let lint = self.lint_within(granted, Duration::from_secs(READY_LIMIT_SECONDS))?;
        if lint.findings.is_empty() {
            return Ok(());
        }
        Err(Error::SchemaUnfit(refusal(before, &lint.findings)))
    }

    /// As [`ControlPlane::refuse_unfit`], for a new branch of `database` from the schema of the branch of that
    /// name, or of the default branch.
    pub(super) fn refuse_unfit_parent(
        &self,
        database: &Granted<DatabaseAt>,
        parent: Option<&str>,
    ) -> Result<()> {
        let found = self.store.read(|reader| Ok::<_, Error>(rules::parent(reader, database, parent)?))?;
        // One that does not exist is refused where the branch is made.
        let Some((branch, production)) = found else { return Ok(()) };
        let DatabaseAt { organization, database } = database.at().clone();
        let at = BranchAt { organization, database, branch, production };
        self.refuse_unfit(&read_back(Operation::LintBranchSchema, at)?, Before::BranchWithSafeMigrations)
    }

    fn lint_within(&self, granted: &Granted<BranchAt>, limit: Duration) -> Result<Lint> {
        let judged = self.store.read(|reader| rules::rules(reader, granted)?.ok_or(Error::NotFound))?;
        let branch = self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))?;
        if branch.schema_ready && branch.state != BranchState::Pending {
            self.enter(&branch.id, Duration::from_secs(READY_LIMIT_SECONDS))?;
        }
        let bounds = SchemaBounds { objects: OBJECTS_MAX, bytes: SCHEMA_MAX_BYTES };
        let look = || self.try_to_read(granted, &judged.schema, bounds);
        let read = self.waiting.until(limit, look, Result::is_ok)??;
        let mut complaints = BTreeMap::new();
        complaints.extend(read.complaints.into_iter().map(|said| (said.view, said.words)));
        let definitions = read.objects.iter().map(|(kind, name, create)| {
            let kind = match kind {
                SchemaObjectKind::Table => ObjectKind::Table,
                SchemaObjectKind::View => ObjectKind::View,
                SchemaObjectKind::Sequence => ObjectKind::Sequence,
            };
            Definition { kind, name, create }
        });
        let schema = Schema::read(judged.schema.clone(), definitions);
        let findings = lint(&Case {
            schema: &schema,
            foreign_keys_allowed: judged.foreign_keys_enabled,
            complaints: &complaints,
            left_out: read.left_out,
        });
        Ok(Lint { keyspace: judged.schema, findings })
    }

    /// The inner error is one that may pass: the branch is not ready, or its server does not answer.
    fn try_to_read(
        &self,
        granted: &Granted<BranchAt>,
        schema: &DatabaseName,
        bounds: SchemaBounds,
    ) -> Result<Result<Definitions>> {
        let branch = self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))?;
        if !branch.schema_ready || branch.state == BranchState::Pending {
            return Ok(Err(Error::Unavailable(format!(
                "branch {} is not ready yet; try again when its `ready` is true",
                branch.name
            ))));
        }
        let read = self.engine()?.read_definitions(&branch.id, schema, bounds);
        Ok(read.map_err(|error| Error::Unavailable(format!("the branch's schema cannot be read: {error}"))))
    }
}

/// The findings in a sentence that fits into a message.
fn refusal(before: Before, findings: &[Finding]) -> String {
    let mut text = format!("{}: its schema has ", before.words());
    let (count, things) = (findings.len(), if findings.len() == 1 { "a finding" } else { "findings" });
    let counted = if count == 1 { things.to_owned() } else { format!("{count} {things}") };
    // Writing into a String cannot fail.
    let _ = write!(text, "{counted} of the lint (");
    for (number, finding) in findings.iter().take(NAMED_MAX).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let of = if finding.table.is_empty() { String::new() } else { format!(" in \"{}\"", finding.table) };
        let _ = write!(text, "{comma}{}{of}", finding.code.as_str());
    }
    if count > NAMED_MAX {
        let _ = write!(text, ", and {} more", count - NAMED_MAX);
    }
    text.push_str("). The lint (GET …/schema/lint) says what to mend; mend it, then try again.");
    text
}

#[cfg(test)]
mod tests {
    use bough_schema::lint::{About, Code};

    use super::*;

    #[test]
    fn a_refusal_names_the_first_findings() {
        let finding = |table: &str| Finding {
            code: Code::NoUniqueKey,
            table: table.to_owned(),
            description: String::new(),
            about: About::default(),
        };
        assert_eq!(
            refusal(Before::Promotion, &[finding("t")]),
            "The branch cannot be promoted: its schema has a finding of the lint (NO_UNIQUE_KEY in \"t\"). The \
             lint (GET …/schema/lint) says what to mend; mend it, then try again."
        );
        let many: Vec<_> = (0..2_048).map(|number| finding(&format!("{number}{}", "x".repeat(60)))).collect();
        let text = refusal(Before::SafeMigrations, &many);
        assert!(text.contains("2048 findings") && text.contains("and 2043 more"), "{text}");
        assert!(text.chars().count() < 1_000, "it fits into a message: {text}");
    }
}
