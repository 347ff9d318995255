//! What stands in the way of enabling safe migrations and of promoting: rules for one schema by itself.
//!
//! Each rule has a file and a row in [`RULES`]: its code, which is one of the contract's, what it looks for
//! and why, and how to mend what it finds. A rule looks at values; what only the server knows (a view that
//! cannot be used) comes in as [`Case::complaints`]. An empty schema has no findings.
//!
//! Deploy requests will compare two schemas, and have rules of their own for that (`docs/lint.md`).

mod blob_in_primary_key;
mod duplicate_enum_value;
mod foreign_key_cycle;
mod foreign_key_parents;
mod foreign_keys_disallowed;
mod invalid_charset;
mod no_unique_key;
mod prefix_in_primary_key;
mod references;
mod unread;
mod unsupported_feature;
mod unsupported_partitioning;
mod view_names;
mod views;

use std::collections::{BTreeMap, HashMap};

use crate::{Schema, Table, TableName};

/// Most tables, views and sequences of a schema.
pub const OBJECTS_MAX: usize = 2_048;
/// Most findings that are listed.
pub const FINDINGS_MAX: usize = 1_000;

/// A schema, and what else must be known to judge it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// Whether foreign keys are allowed in its database.
    pub foreign_keys_allowed: bool,
    /// What the server says of views that it cannot use, by their names; it may not even show them.
    pub complaints: &'a BTreeMap<String, String>,
    /// How many tables, views and sequences there are beside those in `schema`, since they are too many, or
    /// too much text.
    pub left_out: usize,
}

/// A kind of finding; the names are the contract's (`lint_error`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// `NO_UNIQUE_KEY`
    NoUniqueKey,
    /// `BLOB_IN_UNIQUE_KEY`
    BlobInUniqueKey,
    /// `PARTIAL_KEY_IN_UNIQUE_KEY`
    PartialKeyInUniqueKey,
    /// `FOREIGN_KEYS_DISALLOWED`
    ForeignKeysDisallowed,
    /// `FOREIGN_KEYS_NONEXISTENT_TABLE`
    ForeignKeysNonexistentTable,
    /// `FOREIGN_KEYS_REFERENCED_VIEW`
    ForeignKeysReferencedView,
    /// `FOREIGN_KEYS_CIRCULAR_DEPENDENCY`
    ForeignKeysCircularDependency,
    /// `FOREIGN_KEYS_UNRESOLVED`
    ForeignKeysUnresolved,
    /// `INVALID_CHARSET`
    InvalidCharset,
    /// `DUPLICATE_ENUM_VALUE`
    DuplicateEnumValue,
    /// `UNSUPPORTED_FEATURE`
    UnsupportedFeature,
    /// `UNSUPPORTED_PARTITIONING_FEATURE`
    UnsupportedPartitioningFeature,
    /// `INVALID_TABLE_REFERENCED_IN_VIEW`
    InvalidTableReferencedInView,
    /// `INVALID_COLUMN_REFERENCED_IN_VIEW`
    InvalidColumnReferencedInView,
    /// `UNSPECIFIED`
    Unspecified,
}

impl Code {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoUniqueKey => "NO_UNIQUE_KEY",
            Self::BlobInUniqueKey => "BLOB_IN_UNIQUE_KEY",
            Self::PartialKeyInUniqueKey => "PARTIAL_KEY_IN_UNIQUE_KEY",
            Self::ForeignKeysDisallowed => "FOREIGN_KEYS_DISALLOWED",
            Self::ForeignKeysNonexistentTable => "FOREIGN_KEYS_NONEXISTENT_TABLE",
            Self::ForeignKeysReferencedView => "FOREIGN_KEYS_REFERENCED_VIEW",
            Self::ForeignKeysCircularDependency => "FOREIGN_KEYS_CIRCULAR_DEPENDENCY",
            Self::ForeignKeysUnresolved => "FOREIGN_KEYS_UNRESOLVED",
            Self::InvalidCharset => "INVALID_CHARSET",
            Self::DuplicateEnumValue => "DUPLICATE_ENUM_VALUE",
            Self::UnsupportedFeature => "UNSUPPORTED_FEATURE",
            Self::UnsupportedPartitioningFeature => "UNSUPPORTED_PARTITIONING_FEATURE",
            Self::InvalidTableReferencedInView => "INVALID_TABLE_REFERENCED_IN_VIEW",
            Self::InvalidColumnReferencedInView => "INVALID_COLUMN_REFERENCED_IN_VIEW",
            Self::Unspecified => "UNSPECIFIED",
        }
    }
}

/// Something in a schema that must be mended first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub code: Code,
    /// The table or view; empty when it is the schema as a whole.
    pub table: String,
    /// What is wrong, and what to do.
    pub description: String,
    /// What of the table it is about.
    pub about: About,
}

/// What of a table a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The column; empty when it is none.
    pub column: String,
    /// The columns of the foreign key.
    pub foreign_key_columns: Vec<String>,
    /// The character set; empty when it is not about one.
    pub charset: String,
    /// The storage engine; empty when it is not about one.
    pub engine: String,
    /// The value of an ENUM or SET; empty when it is not about one.
    pub enum_value: String,
    /// By what the table is partitioned; empty when it is not about that.
    pub partitioning: String,
    /// The partition; empty when it is not about one.
    pub partition: String,
}

/// A rule: what it finds, why that matters, and how it is mended.
pub struct Rule {
    /// What its findings are called.
    pub code: Code,
    /// What it finds, in a sentence.
    pub finds: &'static str,
    /// Why that stands in the way.
    pub why: &'static str,
    /// What to do.
    pub mend: &'static str,
    check: fn(&Looked<'_>, &mut Findings),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("code", &self.code).finish_non_exhaustive()
    }
}

/// Every rule, in the order in which a table's findings are told.
pub const RULES: &[Rule] = &[
    unread::RULE,
    no_unique_key::RULE,
    blob_in_primary_key::RULE,
    prefix_in_primary_key::RULE,
    foreign_keys_disallowed::RULE,
    foreign_key_parents::NONEXISTENT,
    foreign_key_parents::VIEW,
    foreign_key_cycle::CYCLE,
    foreign_key_cycle::UNRESOLVED,
    invalid_charset::RULE,
    duplicate_enum_value::RULE,
    unsupported_feature::RULE,
    unsupported_partitioning::RULE,
    views::TABLE,
    views::COLUMN,
];

/// A case, with what many rules look up in it.
struct Looked<'a> {
    case: &'a Case<'a>,
    tables: HashMap<&'a TableName, &'a Table>,
    keys: references::References<'a>,
    broken_views: Vec<views::Broken<'a>>,
}

impl<'a> Looked<'a> {
    fn tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.case.schema.tables.iter()
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Notes a finding, while there is room.
    fn note(&mut self, code: Code, table: impl AsRef<str>, about: About, description: String) {
        if self.0.len() < FINDINGS_MAX {
            self.0.push(Finding { code, table: table.as_ref().to_owned(), description, about });
        }
    }

    /// Notes a finding on the schema as a whole.
    fn note_schema(&mut self, code: Code, description: String) {
        self.note(code, "", About::default(), description);
    }
}

/// What is to be mended in a schema, by table, at most [`FINDINGS_MAX`].
pub fn lint(case: &Case<'_>) -> Vec<Finding> {
    let tables: HashMap<_, _> = case.schema.tables.iter().map(|table| (&table.name, table)).collect();
    let keys = references::References::of(case.schema, &tables);
    let mut looked = Looked { case, tables, keys, broken_views: Vec::new() };
    looked.broken_views = views::broken(&looked);
    let mut findings = Findings::default();
    for rule in RULES {
        (rule.check)(&looked, &mut findings);
    }
    // A stable sort: rules keep their order.
    findings.0.sort_by(|a, b| a.table.cmp(&b.table));
    findings.0
}
