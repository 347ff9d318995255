//! Organizations, and what they see of the operator's settings: regions and cluster sizes; their
//! members, for reading. Making and changing them is the operator's (`bough admin`) for now.

mod actions;

pub use bough_store::organizations::OrganizationRow;
pub use bough_store::users::{MembershipRow, UserRow};
