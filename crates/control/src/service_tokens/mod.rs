//! Service tokens: an id, a secret that is shown once, and what they may do.
//!
//! A token belongs to the organization; who made it is kept for good. A token that a token made ends
//! with its maker unless a person adopts it. Whoever changes what a token holds must be able to grant
//! all that changes, adding and removing alike; whoever rotates or adopts it, all that it holds, for
//! that hands over its power.

pub(crate) mod actions;
mod explain;
pub(crate) mod grants;
mod verdicts;

pub use actions::{CreateToken, NewSecret, UpdateToken, WantedTokens};
pub use bough_store::service_tokens::{GrantRow, TokenRow};
pub use explain::{Explanation, Question};
pub use grants::{GrantSet, WantedScope, etag};
pub use verdicts::{Verdict, verdicts};
