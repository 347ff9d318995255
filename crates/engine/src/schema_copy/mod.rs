//! Copies a schema without its rows from a parent branch to its child (RULES 4.4).
//!
//! Everything is read from the parent first, in the server's own words (`SHOW CREATE`), then made on the
//! child in an order in which each finds what it needs, then read again from the child and compared. The
//! copy is made under the same SQL mode, character sets and time zone as the original. What differs on
//! purpose: counters begin anew, and an owner that the child does not know becomes `planetscale-admin`.
//!
//! It refuses a parent whose schema keeps changing meanwhile, and names the first object that the server
//! does not make again as it was.

mod read;
mod text;
mod write;

pub use read::{Database, read_database};
pub use text::without_auto_increment;

use bough_model::{BranchId, DatabaseName};
use bough_mysql_client::{Connection, Error};

use crate::{EngineError, killpoint};

/// How often a parent is read anew because its schema changed while it was read.
const READS_MAX: usize = 3;

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Counters, before the tables whose defaults use them.
    Sequence,
    /// Tables; their foreign keys are not checked while they are made.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The statement that makes it, in its own character set.
    pub create: Vec<u8>,
    /// The session it wants.
    pub setting: Setting,
    /// A digest of its stored text, where the server keeps one that `SHOW CREATE` might not show whole.
    pub stored: Option<String>,
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
    let mut database = read_settled(parent_id, parent, parent_schema)?;
    for object in &mut database.objects {
        object.create = text::with_known_definer(&object.create, &accounts);
    }

    write::make_empty(child, child_schema, &database).map_err(&writing)?;
    write::make_all(child, child_schema, &database).map_err(|failure| match failure {
        write::Failure::Object { kind, name, error } => {
            EngineError::NotCopied { kind: kind.words(), name, why: server_words(&error) }
        }
        write::Failure::Server(error) => writing(error),
    })?;

    let copy = read_database(child, child_schema).map_err(&writing)?;
    compare(parent_id, &database, &copy)
}

fn server_words(error: &Error) -> String {
    match error {
        Error::Statement { code, message } => format!("{message} (error {code})"),
        other => other.to_string(),
    }
}

/// Reads the parent so that what is read belongs together.
fn read_settled(
    id: &BranchId,
    conn: &mut Connection,
    schema: &DatabaseName,
) -> Result<Database, EngineError> {
    let reading = EngineError::server(id, "had its schema read");
    let mut before = read_database(conn, schema).map_err(&reading)?;
    for _ in 1..READS_MAX {
        let after = read_database(conn, schema).map_err(&reading)?;
        if after == before {
            return Ok(after);
        }
        before = after;
    }
    let why = "the parent's schema keeps changing while it is copied; try again when that is over".to_owned();
    Err(EngineError::Refused { branch: id.clone(), why })
}

fn compare(parent: &BranchId, wanted: &Database, copy: &Database) -> Result<(), EngineError> {
    let differs = |kind: Kind, name: &str, why: String| {
        Err(EngineError::NotCopied { kind: kind.words(), name: name.to_owned(), why })
    };
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
            let why = "the server keeps text in it that it does not print in full (such as an emoji in a literal \
                       default or in an ENUM), so the copy would differ; write it as an expression, DEFAULT ('…')";
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
