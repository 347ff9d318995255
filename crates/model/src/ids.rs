//! Public ids: 12 characters of `a-z0-9` (contract: conventions.md §7). Every kind of thing has its
//! own id type, so that the compiler stops a swap.

use std::fmt;

/// Length of every public id, in characters.
pub const ID_LEN: usize = 12;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Draws one id from random bytes without bias. `None` when too many bytes had to be rejected
/// (each byte of 252 and above is); the caller draws again.
fn draw(random: &[u8]) -> Option<[u8; ID_LEN]> {
    let mut usable = random.iter().filter(|byte| **byte < 252);
    let mut text = [0; ID_LEN];
    for to in &mut text {
        *to = ALPHABET[usize::from(usable.next()? % 36)];
    }
    Some(text)
}

fn read(text: &str) -> Option<[u8; ID_LEN]> {
    let text: [u8; ID_LEN] = text.as_bytes().try_into().ok()?;
    text.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).then_some(text)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; ID_LEN]);

        impl $name {
            /// Draws an id from random bytes; `None` when they hold too many unusable values.
            pub fn from_random(random: &[u8; 24]) -> Option<Self> {
                draw(random).map(Self)
            }

            /// Reads an id; `None` when `text` does not have the form of one.
            pub fn parse(text: &str) -> Option<Self> {
                read(text).map(Self)
            }

            /// The id as it stands in paths and answers.
            pub fn as_str(&self) -> &str {
                // Both ways to make one let nothing but ASCII in.
                str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    )+};
}

ids! {
    /// An organization.
    OrganizationId,
    /// A person.
    UserId,
    /// A person's place in an organization.
    MembershipId,
    /// A service token: the first half of the `Authorization` value.
    TokenId,
    /// One access held on one resource.
    GrantId,
    /// A database.
    DatabaseId,
    /// A branch of a database.
    BranchId,
    /// A change of a branch's size.
    ResizeId,
    /// A branch's password.
    PasswordId,
    /// A region.
    RegionId,
    /// An entry of the audit log.
    AuditEventId,
    /// A recorded refusal.
    DenialId,
    /// A person's session in the dashboard: what tells it from others, not what opens it.
    SessionId,
    /// One run of statements in the console, as long as it lasts.
    ConsoleRunId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_twelve_characters_of_the_alphabet() {
        let id = BranchId::from_random(&[7; 24]).expect("usable bytes");
        assert_eq!(id.as_str(), "hhhhhhhhhhhh");
        assert_eq!(BranchId::parse(id.as_str()), Some(id));
        assert_eq!(BranchId::from_random(&[255; 24]), None, "unusable bytes are not folded in");
        for wrong in ["", "hhhhhhhhhhh", "hhhhhhhhhhhhh", "HHHHHHHHHHHH", "hhhhhhhhhhh-", "hhhhhhhhhhé"] {
            assert_eq!(BranchId::parse(wrong), None, "{wrong}");
        }
    }
}
