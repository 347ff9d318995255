//! What a token could do, and why: the same decision that a request would meet, made on purpose.

use crate::denials::nobodys_database;
use bough_model::{Actor, OrganizationId, PasswordRole};
use bough_policy::{
    DatabaseAt, Denied, Facet, Granted, Located, MemberAt, NewDatabaseAt, Nowhere, Operation, PathKind,
    Place, Principal, ResourceState, TokenAt, Visibility, decide, refine,
};
use bough_store::locate::Found;
use bough_store::service_tokens as store;

use crate::{Caller, ControlPlane, Error, Result};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The operation's id.
    pub operation: String,
    /// The database's name, where the operation's path names one.
    pub database: Option<String>,
    /// The branch's name, where it names one.
    pub branch: Option<String>,
    /// The id of a token, member or password, where it names one.
    pub id: Option<String>,
    /// The role of the password that is to be made; `admin` when absent, as for making it.
    pub role: Option<String>,
}

/// What the token would meet.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Whether it may.
    pub allowed: bool,
    /// The status that a refusal would have: 403 or 404. Absent when it may.
    pub refused_with: Option<u16>,
    /// The accesses of which any one would be enough.
    pub missing: Vec<&'static str>,
    /// Why, in words.
    pub because: String,
}

impl ControlPlane {
    /// Answers whether a token could do something.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the operation does not exist or the question lacks what its path names;
    /// [`Error::NotFound`] when what it names does not exist or the caller cannot see it.
    pub fn explain(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        question: &Question,
    ) -> Result<Explanation> {
        let operation = Operation::parse(&question.operation)
            .ok_or_else(|| Error::Invalid(format!("operation {:?} does not exist", question.operation)))?;
        let (token, grants) = self.store.read(|reader| {
            let token = store::get(reader, granted)?.ok_or(Error::NotFound)?;
            Ok::<_, Error>((token, store::read_grants(reader, granted)?))
        })?;
        let subject = Principal::Token {
            actor: Actor::Token(token.id.clone()),
            organization: granted.at().organization.clone(),
            expires_at: token.expires_at,
            grants,
        };
        if token.expires_at.is_some_and(|ends| ends <= self.now()) {
            return Ok(Explanation {
                allowed: false,
                refused_with: Some(401),
                missing: Vec::new(),
                because: "the token has expired".to_owned(),
            });
        }
        let needs = |value: &Option<String>, what: &str| {
            value.clone().ok_or_else(|| {
                Error::Invalid(format!("resource.{what} is missing: the path of {operation} names one"))
            })
        };
        let kind = operation.row().kind;
        let on_branch = matches!(kind, PathKind::Branch | PathKind::Password);
        let database =
            (on_branch || kind == PathKind::Database).then(|| needs(&question.database, "database"));
        let branch = on_branch.then(|| needs(&question.branch, "branch"));
        let (database, branch) = (database.transpose()?, branch.transpose()?);
        let found =
            self.locate(organization_name, database.as_deref(), branch.as_deref())?.ok_or(Error::NotFound)?;
        let facet = match (operation, question.role.as_deref()) {
            (Operation::CreatePassword, None) => Facet::Password(PasswordRole::Admin),
            (Operation::CreatePassword, Some(text)) => {
                Facet::Password(PasswordRole::parse(text).ok_or_else(|| {
                    let known = PasswordRole::ALL.map(PasswordRole::as_str).join(", ");
                    Error::Invalid(format!("resource.role is {text:?}, but must be one of {known}"))
                })?)
            }
            _ => Facet::Unread,
        };
        let ask = Ask { caller: &caller.principal, subject: &subject, operation, facet };
        match kind {
            PathKind::Nowhere => ask.about(Nowhere),
            PathKind::Organization => ask.about(found.organization_at().place().clone()),
            PathKind::Database => self.explain_database(&ask, &found),
            PathKind::Branch => ask.about(found.branch_at().ok_or(Error::NotFound)?.place().clone()),
            PathKind::Password => {
                let id = needs(&question.id, "id")?;
                ask.about(self.locate_password(&found, &id)?.ok_or(Error::NotFound)?.place().clone())
            }
            PathKind::Token => {
                let id = needs(&question.id, "id")?;
                ask.about(self.locate_token(&found, &id)?.ok_or(Error::NotFound)?.place().clone())
            }
            PathKind::Member => {
                let id = needs(&question.id, "id")?;
                let at: MemberAt = self.locate_member(&found, &id)?.ok_or(Error::NotFound)?.place().clone();
                ask.about(at)
            }
        }
    }

    fn explain_database(&self, ask: &Ask<'_>, found: &Found) -> Result<Explanation> {
        match found.database_at() {
            Some(at) => ask.about(at.place().clone()),
            // The one operation on a database that need not exist yet.
            None if ask.operation == Operation::CreateBranch => {
                let organization: OrganizationId = found.organization.clone();
                // Only who sees every database may know that there is none of this name.
                let every = DatabaseAt { organization: organization.clone(), database: nobodys_database() };
                decide(ask.caller, Operation::GetDatabase, Located::new(every))
                    .map_err(|_| Error::NotFound)?;
                let ask = Ask { operation: Operation::CreateDatabase, ..*ask };
                ask.about(NewDatabaseAt { organization })
            }
            None => Err(Error::NotFound),
        }
    }
}

struct Ask<'a> {
    caller: &'a Principal,
    subject: &'a Principal,
    operation: Operation,
    facet: Facet,
}

impl Ask<'_> {
    fn about<T: Place + Clone>(&self, at: T) -> Result<Explanation> {
        let row = self.operation.row();
        let (sees, production) = (row.sees, at.scope().production);
        if at.scope().organization.is_some() {
            decide(self.caller, sees, Located::new(at.clone())).map_err(|_| Error::NotFound)?;
        }
        let decided = decide(self.subject, self.operation, Located::new(at))
            .and_then(|granted| refine(self.subject, granted, self.facet));
        Ok(match decided {
            Ok(granted) => Explanation {
                allowed: true,
                refused_with: None,
                missing: Vec::new(),
                because: match granted.used().names().as_slice() {
                    [] => "this is open to every valid token of the organization".to_owned(),
                    names => format!("the token holds {}", names.join(", ")),
                },
            },
            // A request is refused before its body is read. Here the role is known: all that would do is named.
            Err(mut denied) if matches!(self.facet, Facet::Password(_)) => {
                denied.missing =
                    row.rule.missing(ResourceState { production, facet: self.facet, oneself: false });
                refused(&denied)
            }
            Err(denied) => refused(&denied),
        })
    }
}

fn refused(denied: &Denied) -> Explanation {
    let hidden = denied.visibility == Visibility::Hidden;
    let names = denied.missing.names();
    let needed = match names.as_slice() {
        [] => "no access of service tokens opens this".to_owned(),
        [one] => format!("the token does not hold {one} there"),
        more => format!("the token holds none of {} there", more.join(", ")),
    };
    let because = if hidden {
        format!("{needed}, and nothing that would let it know that the thing exists")
    } else {
        needed
    };
    Explanation {
        allowed: false,
        refused_with: Some(if hidden { 404 } else { 403 }),
        missing: names,
        because,
    }
}
