//! Refusals fit to be written down: which token asked for what.

use bough_control::denials::RefusedRequest;
use bough_control::model::{Actor, mask};
use bough_control::{Caller, ControlPlane};
use bough_policy::Denied;

use crate::input::Input;

/// Keeps a refusal of a service token for its organization's administrators.
pub(crate) fn record(plane: &ControlPlane, caller: &Caller, input: &Input, denied: &Denied) {
    let Actor::Token(token) = caller.principal.actor() else { return };
    if denied.foreign {
        return;
    }
    let masked = |text: &str| mask(text, plane.settings().token_prefix.as_str());
    plane.note_refusal(RefusedRequest {
        token: token.clone(),
        operation: denied.operation,
        path: masked(&input.path),
        resource: masked(&resource(input)),
        database: input.params.get("database").map(|name| masked(name)),
        missing: denied.missing.names(),
    });
}

/// What a path names, below its organization.
fn resource(input: &Input) -> String {
    let organization = format!("/v1/organizations/{}/", input.param("organization"));
    let below = input.path.strip_prefix(&organization).unwrap_or("");
    match (input.params.get("database"), input.params.get("branch")) {
        (Some(database), Some(branch)) => format!("databases/{database}/branches/{branch}"),
        (Some(database), None) => format!("databases/{database}"),
        _ if below.is_empty() => "organization".to_owned(),
        _ => below.to_owned(),
    }
}
