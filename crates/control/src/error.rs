//! The control plane's one error. It knows nothing of HTTP: the API turns it into a status in one
//! place.

use bough_policy::Denied;
use bough_store::StoreError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or the caller may not know that it does.
    #[error("Not Found")]
    NotFound,
    /// The permission core refuses it. What the caller is told of that is [`crate::denials::refusal`].
    #[error("refused")]
    Refused(Denied),
    /// The caller can see it and may not do this with it. The text names what would be needed.
    #[error("{0}")]
    Forbidden(String),
    /// The request itself is malformed.
    #[error("{0}")]
    Malformed(String),
    /// A value cannot be, or the state of things does not allow it.
    #[error("{0}")]
    Invalid(String),
    /// The schema of a branch must be mended first. The text says what the lint found.
    #[error("{0}")]
    SchemaUnfit(String),
    /// Somebody else changed it meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// A condition that came with the request does not hold any more.
    #[error("{0}")]
    PreconditionFailed(String),
    /// Too many tries that failed.
    #[error("too many tries; try again in {seconds} s")]
    TooManyTries {
        /// After how many seconds one may try again.
        seconds: u64,
    },
    /// It cannot be done right now; trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// What was decided on has changed: locate and decide again.
    #[error("what was asked for has changed meanwhile; try again")]
    Changed,
    /// A failure of our own. The text is for the log, never for the caller.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Changed => Self::Changed,
            StoreError::DiskFull | StoreError::Locked(_) => Self::Unavailable(error.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// What an action answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
