//! Copies a schema without its rows from a parent branch to its child (RULES 4.4).
//!
//! Everything is read from the parent first, in the server's own words (`SHOW CREATE`), then made on the
//! child in an order in which each finds what it needs, then read again from the child and compared. The
//! copy is made under the same SQL mode, character sets and time zone as the original. What differs on
//! purpose: counters begin anew, and an owner that the child does not know becomes `planetscale-admin`.
//!
//! It names the first object that the server does not make again as it was. What is copied was there at one
//! moment, however often the parent's schema changes meanwhile.

mod columns;
mod hidden;
mod order;
mod read;
mod settled;
mod text;
mod write;

pub use read::{Bounds, Database, Scope};
pub use settled::read_settled;
pub use text::without_auto_increment;

use bough_model::{BranchId, DatabaseName};
use bough_mysql_client::{Connection, Error};

use crate::{EngineError, killpoint};
use read::read_database;

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Counters, before the tables whose defaults use them.
    Sequence,
    /// Tables; their foreign keys are not checked while they are made.
    #[default]
    Table,
    /// Functions, before the views that call them.
    Function,
    /// Procedures.
    Procedure,
    /// Packages.
    Package,
    /// Packages' insides.
    PackageBody,
    /// Views.
    View,
    /// Triggers.
    Trigger,
    /// Events.
    Event,
}

impl Kind {
    /// In words, as SQL writes it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sequence => "SEQUENCE",
            Self::Table => "TABLE",
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::Package => "PACKAGE",
            Self::PackageBody => "PACKAGE BODY",
            Self::View => "VIEW",
            Self::Trigger => "TRIGGER",
            Self::Event => "EVENT",
        }
    }
}

/// The session under which an object was made, and must be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    sql_mode: Option<String>,
    time_zone: Option<String>,
    character_set_client: Option<String>,
    collation_connection: Option<String>,
    database_collation: Option<String>,
}

/// One object of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The statement that makes it as the server prints it, in its own character set.
    pub create: Vec<u8>,
    /// The statement that makes it, where the printed one lacks something.
    pub whole: Option<Vec<u8>>,
    /// The session it wants.
    pub setting: Setting,
    /// A digest of its stored text, where the server keeps one that `SHOW CREATE` might not show whole.
    pub stored: Option<String>,
    /// When it was made, in seconds since 1970, where it could not be made at another time.
    pub made_at: Option<u64>,
    /// What the server says of a view that it cannot use; not asked for where all is read.
    pub complaint: Option<String>,
}

/// Why reading or making stopped.
enum Failure {
    /// At one object.
    Object {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
        /// What the server said.
        error: Error,
    },
    /// Somewhere else.
    Server(Error),
}

impl Failure {
    fn error(&self) -> &Error {
        let (Self::Object { error, .. } | Self::Server(error)) = self;
        error
    }

    fn keeps_connection(&self) -> bool {
        self.error().keeps_connection()
    }

    fn into_error(self) -> Error {
        let (Self::Object { error, .. } | Self::Server(error)) = self;
        error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

/// Copies `parent_schema` to `child_schema`, which is removed first if it is there.
///
/// # Errors
/// [`EngineError::NotCopied`] naming the object, [`EngineError::Refused`] when the parent's schema keeps
/// changing, [`EngineError::Server`].
pub fn copy_schema(
    parent: (&BranchId, &mut Connection, &DatabaseName),
    child: (&BranchId, &mut Connection, &DatabaseName),
) -> Result<(), EngineError> {
    let (parent_id, parent, parent_schema) = parent;
    let (child_id, child, child_schema) = child;
    let writing = EngineError::server(child_id, "was given its parent's schema");

    let accounts = read::accounts(child).map_err(&writing)?;
    let mut database = settled::read_settled(parent_id, parent, parent_schema, Scope::Everything)?;
    for object in &mut database.objects {
        object.create = text::with_known_definer(&object.create, &accounts);
    }

    let failed = |failure| match failure {
        Failure::Object { kind, name, error } => not_copied(kind, &name, server_words(&error)),
        Failure::Server(error) => writing(error),
    };
    write::make_empty(child, child_schema, &database).map_err(&writing)?;
    write::make_all(child, child_schema, &database).map_err(failed)?;
    let copy = read_database(child, child_schema, Scope::Everything).map_err(failed)?;
    compare(parent_id, &database, &copy)
}

fn not_copied(kind: Kind, name: &str, why: String) -> EngineError {
    EngineError::NotCopied { kind: kind.words(), name: name.to_owned(), why }
}

fn server_words(error: &Error) -> String {
    match error {
        Error::Statement { code, message } => format!("{message} (error {code})"),
        other => other.to_string(),
    }
}

fn compare(parent: &BranchId, wanted: &Database, copy: &Database) -> Result<(), EngineError> {
    let differs = |kind: Kind, name: &str, why: String| Err(not_copied(kind, name, why));
    for object in &wanted.objects {
        let found = copy.objects.iter().find(|other| other.kind == object.kind && other.name == object.name);
        let Some(found) = found else {
            return differs(object.kind, &object.name, "the copy is missing".to_owned());
        };
        if found.create != object.create {
            let at = found.create.iter().zip(&object.create).take_while(|(a, b)| a == b).count();
            let why = format!(
                "the copy reads differently: {:?} instead of {:?}",
                text::excerpt(&found.create, at),
                text::excerpt(&object.create, at)
            );
            return differs(object.kind, &object.name, why);
        }
        if found.setting != object.setting {
            return differs(
                object.kind,
                &object.name,
                "the copy has other modes or character sets".to_owned(),
            );
        }
        if found.stored != object.stored {
            // What was read is what was made, so only what the server does not print can differ.
            let why = "the server keeps something in it that it does not print in full (such as an emoji in a \
                       literal default or in an ENUM), and the copy has it otherwise";
            return differs(object.kind, &object.name, why.to_owned());
        }
    }
    let alike = |a: &Database, b: &Database| {
        (&a.character_set, &a.collation, &a.comment) == (&b.character_set, &b.collation, &b.comment)
    };
    if copy.objects.len() != wanted.objects.len() || !alike(copy, wanted) {
        let why =
            "the copy of its schema holds other objects, or has another collation or comment".to_owned();
        return Err(EngineError::Refused { branch: parent.clone(), why });
    }
    killpoint::reach("copy-schema.verified");
    Ok(())
}
