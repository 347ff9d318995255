//! Organizations, and what they see of the operator's settings: regions and cluster sizes; their
//! members, for reading. What people are in them is in [`people`](crate::people).

mod actions;

pub use actions::UpdateOrganization;
pub use bough_store::organizations::OrganizationRow;
pub use bough_store::users::{MembershipRow, UserRow};
