//! From the `Authorization` header to somebody who asks.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use bough_control::Authenticated;
use bough_control::model::{CredentialProblem, parse_authorization};

use crate::Api;
use crate::rate::Counted;
use crate::respond::{self, Reply, unauthorized};

const ABSENT: &str = "This needs a service token: send the header Authorization: ID:TOKEN.";
const WRONG: &str = "This service token is not valid here. Check its ID and token; if both are right, it may have \
                     expired or been deleted, or may not be used from this address.";

fn says(problem: CredentialProblem) -> &'static str {
    match problem {
        CredentialProblem::Swapped => {
            "ID and token are swapped: send Authorization: ID:TOKEN, where the ID has 12 characters."
        }
        CredentialProblem::Incomplete => {
            "The credential is incomplete: send both halves, Authorization: ID:TOKEN."
        }
        CredentialProblem::Malformed => {
            "The Authorization header does not hold a service token, or one with a typing error: send Authorization: \
             ID:TOKEN."
        }
        CredentialProblem::Scheme => {
            "This authorization scheme is not served: send Authorization: ID:TOKEN, without a scheme word."
        }
    }
}

/// Who asks, if a credential came at all; the refusal if it is not valid.
pub(crate) fn authenticate(
    api: &Api,
    headers: &HeaderMap,
    remote_ip: IpAddr,
) -> Result<Option<Authenticated>, Box<Reply>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |message: &str| {
        // Guessing is counted like any other request.
        match api.rate.check(|| Counted::from(remote_ip)) {
            Err(too_many) => too_many,
            Ok(_) => Box::new(unauthorized(message)),
        }
    };
    if values.next().is_some() {
        return Err(refused("There is more than one Authorization header: send one."));
    }
    let Ok(text) = value.to_str() else {
        return Err(refused(says(CredentialProblem::Malformed)));
    };
    let credentials = parse_authorization(&api.plane.settings().token_prefix, text)
        .map_err(|problem| refused(says(problem)))?;
    match api.plane.authenticate(&credentials, remote_ip) {
        Ok(Ok(who)) => Ok(Some(who)),
        Ok(Err(_)) => Err(refused(WRONG)),
        Err(error) => {
            tracing::error!(%error, "a credential could not be checked");
            Err(Box::new(respond::error(&error)))
        }
    }
}

/// The refusal for who sent no credential where one is needed.
pub(crate) fn credential_needed(api: &Api, remote_ip: IpAddr) -> Box<Reply> {
    match api.rate.check(|| Counted::from(remote_ip)) {
        Err(too_many) => too_many,
        Ok(_) => Box::new(unauthorized(ABSENT)),
    }
}
