//! Making, reading, changing, rotating, adopting and deleting tokens.

use std::time::Duration;

use bough_model::{Actor, ActorRef, Cidrs, Digest, OrganizationId, Secret, Timestamp, TokenId, TokenName};
use bough_policy::{GrantScope, Granted, Grants, Operation, OrganizationAt, Principal, TokenAt, may_grant};
use bough_store::service_tokens::{self as store, NewToken, TokensShown};
use serde_json::json;

use super::{GrantRow, TokenRow};
use crate::audit::subject;
use crate::caller::read_back;
use crate::organizations::OrganizationRow;
use crate::random::{fresh, token_secret};
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// Longest life of a token that ends, in seconds: ten years.
const TTL_MAX_SECONDS: i64 = 10 * 366 * 24 * 3600;
/// Longest overlap of two secrets after a rotation, in seconds: a week.
const OVERLAP_MAX_SECONDS: i64 = 604_800;

/// How long before its end a token ends soon: two weeks, in seconds.
const SOON_SECONDS: u64 = 14 * 24 * 3600;

/// Which tokens are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedTokens {
    /// All of them.
    #[default]
    All,
    /// Those that were never used.
    Unused,
    /// Those that end within two weeks.
    EndingSoon,
}

/// What is asked for in a new token.
#[derive(Clone, Debug, Default)]
pub struct CreateToken {
    /// Its name, as it was written.
    pub name: Option<String>,
    /// Seconds that it lives; absent or 0: it never ends.
    pub ttl: Option<i64>,
}

/// What is to be changed in a token; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateToken {
    /// Another name; `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    /// The address ranges that it may come from; an empty list for any.
    pub cidrs: Option<Vec<String>>,
}

/// A token together with its secret, which exists here and in the answer, and never again.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The token.
    pub token: TokenRow,
    /// Its secret.
    pub secret: Secret<String>,
}

/// A token that is checked and ready to be written.
pub(crate) struct PlannedToken {
    name: Option<TokenName>,
    ttl: Option<Duration>,
    pub(crate) secret: Secret<String>,
}

/// Writes a token, and the audit entry with it. One that a token makes ends with its maker.
pub(crate) fn insert(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    planned: PlannedToken,
) -> Result<TokenRow> {
    let (parent, parent_ends) = match &*change.caller.principal {
        Principal::Token { actor: Actor::Token(id), expires_at, .. } => (Some(id.clone()), *expires_at),
        _ => (None, None),
    };
    let own_expires_at = planned.ttl.map(|ttl| change.now.plus(ttl));
    let new = NewToken {
        id: fresh(TokenId::from_random),
        name: planned.name,
        digest: Digest::of(planned.secret.expose().as_bytes()),
        expires_at: earlier(own_expires_at, parent_ends),
        own_expires_at,
        creator: ActorRef::clone(&change.caller.actor),
        parent,
    };
    let token = store::insert(change.tx, granted, &new, change.now)?;
    let ends = token.expires_at.map(|at| at.to_string());
    record(
        change,
        &granted.at().organization,
        "service_token.created",
        &token,
        &json!({"expires_at": ends}),
    )?;
    Ok(token)
}

fn parse_name(name: Option<&str>) -> Result<Option<TokenName>> {
    let parsed = name.map(TokenName::parse).transpose();
    Ok(parsed.map_err(|error| Error::Invalid(error.to_string()))?.flatten())
}

fn parse_ttl(ttl: Option<i64>) -> Result<Option<Duration>> {
    match ttl {
        None | Some(0) => Ok(None),
        Some(seconds) if (1..=TTL_MAX_SECONDS).contains(&seconds) => {
            Ok(Some(Duration::from_secs(seconds.unsigned_abs())))
        }
        Some(seconds) => Err(Error::Invalid(format!(
            "ttl is {seconds}, but must be between 0 (never ends) and {TTL_MAX_SECONDS} seconds (ten years)"
        ))),
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Fails unless the caller could grant all that a token holds: who rotates or adopts it takes over
/// its power.
fn must_hold_power_of(caller: &Caller, at: &TokenAt, row: &TokenRow, grants: &Grants) -> Result<()> {
    // Its life is power too: what it is granted later goes to whoever has its secret.
    if let Principal::Token { expires_at: Some(own), .. } = &*caller.principal
        && row.expires_at.is_none_or(|its| its > *own)
    {
        return Err(Error::Forbidden(
            "this hands over the token, which lives longer than yours; an administrator can".to_owned(),
        ));
    }
    let scopes =
        [(GrantScope::Organization, grants.organization), (GrantScope::AllDatabases, grants.all_databases)];
    let singles = grants.databases.iter().map(|(id, set)| (GrantScope::Database(id.clone()), *set));
    for (scope, set) in scopes.into_iter().chain(singles) {
        let allowed = may_grant(&caller.principal, &at.organization, row.expires_at, &scope, set);
        allowed.map_err(|problem| {
            Error::Forbidden(format!(
                "this hands over all that the token holds, and you could not grant {}: {}",
                problem.refused.names().join(", "),
                problem.because
            ))
        })?;
    }
    Ok(())
}

pub(crate) fn record(
    change: &Change<'_>,
    organization: &OrganizationId,
    action: &'static str,
    token: &TokenRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    let name = token.name.as_deref().unwrap_or(token.id.as_str());
    let target = subject("ServiceToken", token.id.as_str(), name);
    change.audit(organization, action, target.clone(), target, metadata)
}

impl ControlPlane {
    /// The tokens of an organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_tokens(&self, granted: &Granted<OrganizationAt>, page: Page) -> Result<(Vec<TokenRow>, i64)> {
        self.store.read(|reader| Ok(store::list(reader, granted, page)?))
    }

    /// The tokens of an organization of one kind, with `search` in their name or id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn find_tokens(
        &self,
        granted: &Granted<OrganizationAt>,
        wanted: WantedTokens,
        search: &str,
        page: Page,
    ) -> Result<(Vec<TokenRow>, i64)> {
        let shown = match wanted {
            WantedTokens::All => TokensShown::All,
            WantedTokens::Unused => TokensShown::Unused,
            WantedTokens::EndingSoon => TokensShown::Ending(self.now(), self.soon()),
        };
        self.store.read(|reader| Ok(store::find(reader, granted, shown, search, page)?))
    }

    /// Whatever ends between now and then ends soon.
    pub fn soon(&self) -> Timestamp {
        self.now().plus(Duration::from_secs(SOON_SECONDS))
    }

    /// Why the caller may not rotate or adopt a token, nor change where it may come from: all that hands
    /// over its power. `None` when he may.
    ///
    /// # Errors
    /// When the store fails, or the token is gone.
    pub fn why_not_hand_over(&self, caller: &Caller, granted: &Granted<TokenAt>) -> Result<Option<String>> {
        let (row, grants) = self.store.read(|reader| {
            let row = store::get(reader, granted)?.ok_or(Error::NotFound)?;
            Ok::<_, Error>((row, store::read_grants(reader, granted)?))
        })?;
        match must_hold_power_of(caller, granted.at(), &row, &grants) {
            Ok(()) => Ok(None),
            Err(Error::Forbidden(because)) => Ok(Some(because)),
            Err(error) => Err(error),
        }
    }

    /// One token.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn get_token(&self, granted: &Granted<TokenAt>) -> Result<TokenRow> {
        self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))
    }

    /// What a token holds, access by access.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_token_accesses(&self, granted: &Granted<TokenAt>) -> Result<Vec<GrantRow>> {
        self.store.read(|reader| Ok(store::list_accesses(reader, granted)?))
    }

    /// The organization that a token belongs to: what its grants name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn organization_of(&self, granted: &Granted<TokenAt>) -> Result<OrganizationRow> {
        let at = OrganizationAt { organization: granted.at().organization.clone() };
        self.get_organization(&read_back(Operation::GetOrganization, at)?)
    }

    /// Makes a token. It holds nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name or life are out of bounds.
    pub fn create_token(
        &self,
        caller: &Caller,
        granted: &Granted<OrganizationAt>,
        wanted: CreateToken,
    ) -> Result<NewSecret> {
        let planned = self.plan_token(&wanted)?;
        let secret = planned.secret.clone();
        let grant = granted.clone();
        let token = self.change(caller, move |change| insert(change, &grant, planned))?;
        Ok(NewSecret { token, secret })
    }

    /// Checks what is asked for, before anything is changed, and makes the secret.
    pub(crate) fn plan_token(&self, wanted: &CreateToken) -> Result<PlannedToken> {
        let name = parse_name(wanted.name.as_deref())?;
        let ttl = parse_ttl(wanted.ttl)?;
        Ok(PlannedToken { name, ttl, secret: token_secret(&self.settings.token_prefix) })
    }

    /// Changes a token's name or the addresses that it may come from.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be; [`Error::Forbidden`] when the caller widens where a
    /// token may come from that holds more than the caller could grant.
    pub fn update_token(
        &self,
        caller: &Caller,
        granted: &Granted<TokenAt>,
        wanted: UpdateToken,
    ) -> Result<TokenRow> {
        let name = match &wanted.name {
            None => None,
            Some(name) => Some(parse_name(name.as_deref())?),
        };
        let cidrs =
            wanted.cidrs.as_ref().map(|list| Cidrs::parse(list.iter().map(String::as_str))).transpose();
        let cidrs = cidrs.map_err(Error::Invalid)?;
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            if cidrs.is_some() {
                let grants = store::grants(change.tx, &grant)?;
                must_hold_power_of(change.caller, grant.at(), &before, &grants)?;
            }
            let name = name.as_ref().map(Option::as_ref);
            let same_name = name.is_none_or(|name| name.map(TokenName::as_str) == before.name.as_deref());
            let same_cidrs = cidrs.as_ref().is_none_or(|cidrs| *cidrs == before.cidrs);
            if same_name && same_cidrs {
                return Ok(before);
            }
            let after = store::update(change.tx, &grant, name, cidrs.as_ref(), change.now)?;
            let metadata = json!({
                "name": [before.name, after.name],
                "cidrs": [before.cidrs.to_texts(), after.cidrs.to_texts()],
            });
            record(change, &grant.at().organization, "service_token.updated", &after, &metadata)?;
            Ok(after)
        })
    }

    /// Gives a token another secret. The one before works for `overlap_seconds` more.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the overlap is out of bounds; [`Error::Forbidden`] when the caller could
    /// not grant all that the token holds.
    pub fn rotate_token(
        &self,
        caller: &Caller,
        granted: &Granted<TokenAt>,
        overlap_seconds: i64,
    ) -> Result<NewSecret> {
        if !(0..=OVERLAP_MAX_SECONDS).contains(&overlap_seconds) {
            return Err(Error::Invalid(format!(
                "overlap_seconds is {overlap_seconds}, but must be between 0 and {OVERLAP_MAX_SECONDS} (a week)"
            )));
        }
        let overlap = Duration::from_secs(overlap_seconds.unsigned_abs());
        let secret = token_secret(&self.settings.token_prefix);
        let digest = Digest::of(secret.expose().as_bytes());
        let grant = granted.clone();
        let token = self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let grants = store::grants(change.tx, &grant)?;
            must_hold_power_of(change.caller, grant.at(), &before, &grants)?;
            let until = (!overlap.is_zero()).then(|| change.now.plus(overlap));
            let after = store::rotate(change.tx, &grant, &digest, until, change.now)?;
            let metadata = json!({"overlap_seconds": overlap.as_secs()});
            record(change, &grant.at().organization, "service_token.rotated", &after, &metadata)?;
            Ok(after)
        })?;
        Ok(NewSecret { token, secret })
    }

    /// Takes over a token that a token made: it no longer ends with its maker.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the caller could not grant all that the token holds.
    pub fn adopt_token(&self, caller: &Caller, granted: &Granted<TokenAt>) -> Result<TokenRow> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let grants = store::grants(change.tx, &grant)?;
            // What it would live to without its maker is what is taken over.
            let freed = TokenRow { expires_at: before.own_expires_at, ..before.clone() };
            must_hold_power_of(change.caller, grant.at(), &freed, &grants)?;
            if before.parent.is_none() {
                return Ok(before);
            }
            let after = store::adopt(change.tx, &grant, change.now)?;
            record(change, &grant.at().organization, "service_token.adopted", &after, &json!({}))?;
            Ok(after)
        })
    }

    /// Deletes a token, and those that it made and that nobody adopted. What they made stays.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn delete_token(&self, caller: &Caller, granted: &Granted<TokenAt>) -> Result<()> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let gone = store::delete(change.tx, &grant)?;
            for (number, token) in gone.iter().enumerate() {
                let metadata = if number == 0 {
                    json!({})
                } else {
                    json!({"because": "the token that made it was deleted", "deleted": gone[0].id.as_str()})
                };
                record(change, &grant.at().organization, "service_token.deleted", token, &metadata)?;
            }
            Ok(())
        })
    }
}
