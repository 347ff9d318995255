//! What opens an operation, given the state of what it is about.

use bough_model::PasswordRole;

use crate::{Access, AccessSet};

/// What the request's body says beyond its path, as far as it decides who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Facet {
    /// The body has not been read: any facet might follow. The decision is the coarse gate.
    #[default]
    Unread,
    /// A branch is made from its parent's schema.
    FromParent,
    /// A branch is made from a backup of a branch that is, or was, production or not.
    FromBackup {
        /// Whether the backup is of a production branch.
        production: bool,
    },
    /// A password of this role is wanted or concerned.
    Password(PasswordRole),
    /// A review approves.
    Approve,
    /// A review only comments.
    Comment,
}

/// The state that a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ResourceState {
    /// Whether the branch that the path names is a production branch.
    pub production: bool,
    /// What the body says.
    pub facet: Facet,
    /// Whether the person that the path names is the one who asks.
    pub oneself: bool,
}

/// Which accesses open an operation. Any one of them is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Everybody, without a credential too.
    Public,
    /// Every valid credential.
    AnyCaller,
    /// Every valid credential of that organization.
    AnyOfOrganization,
    /// One of these, whatever the state.
    AnyOf(AccessSet),
    /// One of these; or none at all, for the very person that the path names.
    AnyOfOrOneself(AccessSet),
    /// One set for development branches, one for production branches.
    ByClass {
        /// On a development branch.
        development: AccessSet,
        /// On a production branch.
        production: AccessSet,
    },
    /// As [`Rule::ByClass`], and on production branches a wider set where the password only reads.
    ByPassword {
        /// On a development branch.
        development: AccessSet,
        /// On a production branch.
        production: AccessSet,
        /// On a production branch, for the role `reader`.
        production_reader: AccessSet,
        /// Whether it is for people: no token may, whatever it holds.
        people_only: bool,
    },
    /// Making a branch: from its parent, or from a backup by the backup's class.
    MakeBranch {
        /// From its parent's schema.
        from_parent: AccessSet,
        /// From a development branch's backup.
        from_backup: AccessSet,
        /// From a production branch's backup.
        from_production_backup: AccessSet,
    },
    /// Reviewing a deploy request.
    ByReview {
        /// Approving it.
        approve: AccessSet,
        /// Commenting only.
        comment: AccessSet,
    },
}

impl Rule {
    /// The accesses of which one is needed in this state; `None` where no access is.
    pub fn required(self, state: ResourceState) -> Option<AccessSet> {
        let by_class = |development, production| if state.production { production } else { development };
        let set = match self {
            Self::Public | Self::AnyCaller | Self::AnyOfOrganization => return None,
            Self::AnyOfOrOneself(_) if state.oneself => return None,
            Self::AnyOf(set) | Self::AnyOfOrOneself(set) => set,
            Self::ByClass { development, production } => by_class(development, production),
            Self::ByPassword { development, production, production_reader, .. } => match state.facet {
                Facet::Password(PasswordRole::Reader) => by_class(development, production_reader),
                Facet::Password(_) => by_class(development, production),
                _ => by_class(development, production.union(production_reader)),
            },
            Self::MakeBranch { from_parent, from_backup, from_production_backup } => match state.facet {
                Facet::FromParent => from_parent,
                Facet::FromBackup { production: false } => from_backup,
                Facet::FromBackup { production: true } => from_production_backup,
                _ => from_parent.union(from_backup).union(from_production_backup),
            },
            Self::ByReview { approve, comment } => match state.facet {
                Facet::Approve => approve,
                Facet::Comment => comment,
                _ => approve.union(comment),
            },
        };
        Some(set)
    }

    /// Whether which accesses are needed is told by the body, too.
    pub const fn depends_on_body(self) -> bool {
        matches!(self, Self::ByPassword { .. } | Self::MakeBranch { .. } | Self::ByReview { .. })
    }

    /// Whether no token may, whatever it holds.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::ByPassword { people_only: true, .. })
    }

    /// What somebody who was refused is told to be missing. Before the body of a request for a branch
    /// is read it is not known what the branch is made from; most are made from their parent. Nor is it known
    /// of a password what it shall do: what opens all of them is named.
    pub fn missing(self, state: ResourceState) -> AccessSet {
        match (self, state.facet) {
            (Self::MakeBranch { from_parent, .. }, Facet::Unread) => from_parent,
            (Self::ByPassword { production, .. }, Facet::Unread) if state.production => production,
            _ => self.required(state).unwrap_or_default(),
        }
    }

    /// The same rule without one access: what a mistake in the table could look like.
    #[doc(hidden)]
    pub fn without(self, access: Access) -> Self {
        self.mapped(|mut set| {
            set.remove(access);
            set
        })
    }

    /// The same rule with one access more.
    #[doc(hidden)]
    pub fn with(self, access: Access) -> Self {
        self.mapped(|mut set| {
            set.insert(access);
            set
        })
    }

    fn mapped(self, change: impl Fn(AccessSet) -> AccessSet) -> Self {
        match self {
            Self::Public | Self::AnyCaller | Self::AnyOfOrganization => self,
            Self::AnyOf(set) => Self::AnyOf(change(set)),
            Self::AnyOfOrOneself(set) => Self::AnyOfOrOneself(change(set)),
            Self::ByClass { development, production } => {
                Self::ByClass { development: change(development), production: change(production) }
            }
            Self::ByPassword { development, production, production_reader, people_only } => {
                Self::ByPassword {
                    development: change(development),
                    production: change(production),
                    production_reader: change(production_reader),
                    people_only,
                }
            }
            Self::MakeBranch { from_parent, from_backup, from_production_backup } => Self::MakeBranch {
                from_parent: change(from_parent),
                from_backup: change(from_backup),
                from_production_backup: change(from_production_backup),
            },
            Self::ByReview { approve, comment } => {
                Self::ByReview { approve: change(approve), comment: change(comment) }
            }
        }
    }
}
