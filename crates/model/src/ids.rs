//! Public ids: 12 characters of `a-z0-9` (contract: conventions.md §7). Every kind of thing has its
//! own id type, so that the compiler stops a swap.

use std::fmt;

/// Length of every public id, in characters.
pub const ID_LEN: usize = 12;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Draws one id from random bytes without bias. `None` when too many bytes had to be rejected
/// (each byte of 252 and above is); the caller draws again.
fn id_text(random: &[u8]) -> Option<String> {
    let text: String = random
        .iter()
        .filter(|byte| **byte < 252)
        .take(ID_LEN)
        .map(|byte| char::from(ALPHABET[usize::from(*byte % 36)]))
        .collect();
    (text.len() == ID_LEN).then_some(text)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LEN && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Draws an id from random bytes; `None` when they hold too many unusable values.
            pub fn from_random(random: &[u8; 24]) -> Option<Self> {
                id_text(random).map(|text| Self(text.into()))
            }

            /// Reads an id; `None` when `text` does not have the form of one.
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(text.into()))
            }

            /// The id as it stands in paths and answers.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
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
    /// A region.
    RegionId,
    /// An entry of the audit log.
    AuditEventId,
    /// A recorded refusal.
    DenialId,
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
