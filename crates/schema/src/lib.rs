//! What is in a branch's schema, as values.
//!
//! The server prints each definition in one canonical form (`SHOW CREATE`). It is read here into typed
//! values; what this crate has no type for is kept word for word, in its place. Printing a value gives back
//! the text that it was read from, byte for byte: each reading checks that, so a value is never a guess. A
//! text that does not come back the same is [`Unreadable`], and whoever wanted it says so.
//!
//! Texts are bytes, not UTF-8: the server prints the default of a binary column as it is. Any bytes may come
//! in; reading is one pass without recursion, over a text of at most [`DEFINITION_MAX_BYTES`].

mod column;
mod constraint;
mod index;
pub mod lint;
mod names;
mod options;
mod partitions;
mod scan;
mod schema;
mod sequence;
mod table;
mod text;
mod view;

pub use column::{Attribute, Column, DataType, Storage};
pub use constraint::{Action, Check, ForeignKey, Parent, Period};
pub use index::{Index, IndexKind, IndexOption, KeyPart, Keyed};
pub use names::{
    CharacterSet, CollationName, ColumnName, ConstraintName, EngineName, IndexName, PartitionName, TableName,
};
pub use options::TableOption;
pub use partitions::{Method, Partition, Partitioning};
pub use scan::Unreadable;
pub use schema::{Definition, ObjectKind, Schema, Unread};
pub use sequence::Sequence;
pub use table::Table;
pub use text::Text;
pub use view::View;

/// Longest definition that is read, in bytes; the server's own are far shorter.
pub const DEFINITION_MAX_BYTES: usize = 16 << 20;
