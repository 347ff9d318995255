//! The nouns of Bough: typed ids, names, times, secrets, actors, sizes, states.
//!
//! This crate touches no clock, network, disk, environment or randomness: a time comes in as a
//! [`Timestamp`], random bytes come in as arrays. It knows neither JSON nor SQL; the doors and the
//! store have their own counterparts of what is here.

mod actor;
mod addresses;
mod cidrs;
mod direct_ddl;
mod flavor;
mod ids;
mod leaks;
mod names;
mod password;
mod places;
mod secret;
mod states;
mod time;
mod time_zone;
mod token;

pub use actor::{Actor, ActorKind, ActorRef};
pub use addresses::neighbourhood;
pub use cidrs::{CIDRS_MAX, Cidrs};
pub use direct_ddl::{
    DIRECT_DDL_ERRNO, DIRECT_DDL_MESSAGE, DIRECT_DDL_STATE, is_direct_ddl, may_be_direct_ddl,
};
pub use flavor::{Flavor, Vendor};
pub use ids::*;
pub use leaks::{holds_secret, mask, may_be_repeated, without_secrets};
pub use names::{BranchName, DatabaseName, NameError, OrganizationName, PasswordName, TokenName};
pub use password::{
    PASSWORD_PREFIX, PasswordRole, PasswordVerifiers, SHORT_SECRET_LEN, USERNAME_LEN, Username,
    mint_password_secret,
};
pub use places::{ClusterSize, ClusterSizeName, Region, RegionSlug};
pub use secret::{Digest, Secret};
pub use states::{BranchState, DatabaseState, Desired, ResizeState, Role, SleepWish, TokenState};
pub use time::Timestamp;
pub use time_zone::TimeZoneName;
pub use token::{
    CredentialProblem, Credentials, TOKEN_CHECK_LEN, TOKEN_RANDOM_LEN, TOKEN_SECRET_LEN, TokenPrefix,
    mint_token_secret, parse_authorization,
};
