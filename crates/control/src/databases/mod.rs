//! Databases: a name, settings, and branches of which one is the default.
//!
//! A database comes with its first branch, `main`: production, default, empty. Its state is that of
//! its default branch. Deleting it is a wish, like making it: its branches are wished gone with it,
//! and its record goes with the last of them.

pub(crate) mod actions;

pub use actions::{CreateDatabase, SettingsChange, UpdateDatabase};
pub use bough_store::databases::{DatabaseRow, DefaultBranch, Settings};
