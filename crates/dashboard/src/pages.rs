//! Which page is at which address, and the operation of the policy's table that is decided for it.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use bough_policy::{BranchAt, DatabaseAt, MemberAt, Nowhere, Operation, OrganizationAt, PasswordAt, TokenAt};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::door::{Kind, note, serve};
use crate::layout::Page;
use crate::{
    Dashboard, account, branches, console, databases, login, palette, passwords, problem, reference,
    service_tokens, settings,
};

/// A page as tests know it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its address, with the names of its parameters.
    pub path: &'static str,
    /// What is decided for it.
    pub operation: Operation,
}

const fn method(kind: Kind) -> &'static str {
    match kind {
        Kind::Show | Kind::Live => "GET",
        Kind::Send => "POST",
    }
}

macro_rules! pages {
    ($($kind:ident $path:literal $target:ty, $operation:ident => $handler:path;)+) => {
        /// Every page and form for which somebody has to be signed in.
        pub const PAGES: &[Entry] = &[$(Entry {
            method: method(Kind::$kind),
            path: $path,
            operation: Operation::$operation,
        },)+];

        fn decided(house: &Arc<Dashboard>) -> Router {
            let mut router = Router::new();
            $(
                let own = Arc::clone(house);
                let handler = move |request: Request<Body>| {
                    serve::<$target>(Arc::clone(&own), Kind::$kind, Operation::$operation, $handler, request)
                };
                router = router.route($path, match Kind::$kind {
                    Kind::Show | Kind::Live => get(handler),
                    Kind::Send => post(handler),
                });
            )+
            router
        }
    };
}

pages! {
    Show "/" Nowhere, ListOrganizations => login::routes::start;
    Send "/logout" Nowhere, GetCurrentUser => login::routes::log_out;
    Show "/{organization}/palette" OrganizationAt, ListDatabases => palette::routes::find;
    // Databases.
    Show "/{organization}" OrganizationAt, ListDatabases => databases::routes::overview;
    Show "/{organization}/new" OrganizationAt, CreateDatabase => databases::routes::new;
    Send "/{organization}/new" OrganizationAt, CreateDatabase => databases::routes::create;
    Show "/{organization}/{database}" DatabaseAt, GetDatabase => databases::routes::show;
    Show "/{organization}/{database}/branches" DatabaseAt, GetDatabase => databases::routes::show;
    Live "/{organization}/{database}/events" DatabaseAt, GetDatabase => databases::routes::events;
    Show "/{organization}/{database}/settings" DatabaseAt, GetDatabase => databases::settings::show;
    Send "/{organization}/{database}/settings" DatabaseAt, UpdateDatabaseSettings => databases::settings::save;
    Send "/{organization}/{database}/settings/administrators" DatabaseAt, AddDatabaseAdministrator => databases::settings::add_administrator;
    Send "/{organization}/{database}/settings/administrators/remove" DatabaseAt, RemoveDatabaseAdministrator => databases::settings::remove_administrator;
    Send "/{organization}/{database}/delete" DatabaseAt, DeleteDatabase => databases::settings::delete;
    // Branches.
    Show "/{organization}/{database}/branches/new" DatabaseAt, CreateBranch => branches::making::show;
    Send "/{organization}/{database}/branches/new" DatabaseAt, CreateBranch => branches::making::create;
    Show "/{organization}/{database}/{branch}" BranchAt, GetBranch => branches::routes::show;
    Live "/{organization}/{database}/{branch}/events" BranchAt, GetBranch => branches::routes::events;
    Send "/{organization}/{database}/{branch}/rename" BranchAt, UpdateBranch => branches::actions::rename;
    Send "/{organization}/{database}/{branch}/lifetime" BranchAt, UpdateBranch => branches::actions::set_lifetime;
    Send "/{organization}/{database}/{branch}/protection" BranchAt, UpdateBranch => branches::actions::protect;
    Send "/{organization}/{database}/{branch}/default" DatabaseAt, UpdateDatabaseSettings => branches::actions::make_default;
    Show "/{organization}/{database}/{branch}/promote" BranchAt, PromoteBranch => branches::actions::ask_promote;
    Send "/{organization}/{database}/{branch}/promote" BranchAt, PromoteBranch => branches::actions::promote;
    Show "/{organization}/{database}/{branch}/demote" BranchAt, DemoteBranch => branches::actions::ask_demote;
    Send "/{organization}/{database}/{branch}/demote" BranchAt, DemoteBranch => branches::actions::demote;
    Send "/{organization}/{database}/{branch}/safe-migrations" BranchAt, UpdateSafeMigrations => branches::actions::safe_migrations;
    Send "/{organization}/{database}/{branch}/sleep" BranchAt, SleepBranch => branches::sleep::sleep;
    Send "/{organization}/{database}/{branch}/wake" BranchAt, WakeBranch => branches::sleep::wake;
    Send "/{organization}/{database}/{branch}/sleep-after" BranchAt, UpdateBranch => branches::sleep::set_after;
    Show "/{organization}/{database}/{branch}/connections" BranchAt, ListBranchConnections => branches::connections::show;
    Send "/{organization}/{database}/{branch}/connections/kill" BranchAt, KillBranchConnection => branches::connections::kill;
    Show "/{organization}/{database}/{branch}/lint" BranchAt, LintBranchSchema => branches::lint::show;
    Send "/{organization}/{database}/{branch}/resize" BranchAt, UpdateBranchClusterConfig => branches::actions::resize;
    Send "/{organization}/{database}/{branch}/restart" BranchAt, RestartBranch => branches::actions::restart;
    Send "/{organization}/{database}/{branch}/delete" BranchAt, DeleteBranch => branches::actions::delete;
    // The console.
    Show "/{organization}/{database}/{branch}/console" BranchAt, GetBranch => console::routes::show;
    Send "/{organization}/{database}/{branch}/console" BranchAt, RunBranchStatement => console::routes::run;
    Send "/{organization}/{database}/{branch}/console/cancel" BranchAt, RunBranchStatement => console::routes::cancel;
    // Connecting: passwords.
    Show "/{organization}/{database}/connect" DatabaseAt, GetDatabase => passwords::connect::choose;
    Show "/{organization}/{database}/passwords" DatabaseAt, ListDatabasePasswords => passwords::routes::of_database;
    Show "/{organization}/{database}/{branch}/connect" BranchAt, GetBranch => passwords::connect::show;
    Send "/{organization}/{database}/{branch}/connect" BranchAt, CreatePassword => passwords::connect::create;
    Show "/{organization}/{database}/{branch}/connect/bough-ca.pem" BranchAt, GetBranch => passwords::connect::authority;
    Show "/{organization}/{database}/{branch}/passwords" BranchAt, ListPasswords => passwords::routes::of_branch;
    Show "/{organization}/{database}/{branch}/passwords/{id}" PasswordAt, GetPassword => passwords::routes::show;
    Send "/{organization}/{database}/{branch}/passwords/{id}" PasswordAt, UpdatePassword => passwords::actions::update;
    Send "/{organization}/{database}/{branch}/passwords/{id}/renew" PasswordAt, RenewPassword => passwords::actions::renew;
    Send "/{organization}/{database}/{branch}/passwords/{id}/delete" PasswordAt, DeletePassword => passwords::actions::delete;
    // Service tokens.
    Show "/{organization}/settings/service-tokens" OrganizationAt, ListServiceTokens => service_tokens::routes::list;
    Send "/{organization}/settings/service-tokens" OrganizationAt, CreateServiceToken => service_tokens::routes::create;
    Show "/{organization}/settings/service-tokens/new" OrganizationAt, CreateServiceToken => service_tokens::routes::new;
    Show "/{organization}/settings/service-tokens/{id}" TokenAt, GetServiceToken => service_tokens::routes::show;
    Send "/{organization}/settings/service-tokens/{id}" TokenAt, UpdateServiceToken => service_tokens::forms::update;
    Send "/{organization}/settings/service-tokens/{id}/grants" TokenAt, ReplaceServiceTokenGrants => service_tokens::forms::save;
    Send "/{organization}/settings/service-tokens/{id}/preview" TokenAt, ExplainServiceToken => service_tokens::forms::preview;
    Send "/{organization}/settings/service-tokens/{id}/allow" TokenAt, AddServiceTokenAccesses => service_tokens::forms::allow;
    Send "/{organization}/settings/service-tokens/{id}/remove" TokenAt, RemoveServiceTokenAccesses => service_tokens::forms::remove;
    Show "/{organization}/settings/service-tokens/{id}/requests" TokenAt, GetServiceTokenFigures => service_tokens::routes::requests;
    Show "/{organization}/settings/service-tokens/{id}/rotate" TokenAt, RotateServiceToken => service_tokens::forms::show_rotate;
    Send "/{organization}/settings/service-tokens/{id}/rotate" TokenAt, RotateServiceToken => service_tokens::forms::rotate;
    Send "/{organization}/settings/service-tokens/{id}/adopt" TokenAt, AdoptServiceToken => service_tokens::forms::adopt;
    Send "/{organization}/settings/service-tokens/{id}/delete" TokenAt, DeleteServiceToken => service_tokens::forms::delete;
    // Settings.
    Show "/{organization}/settings" OrganizationAt, GetOrganization => settings::routes::general;
    Send "/{organization}/settings" OrganizationAt, UpdateOrganization => settings::routes::save;
    Show "/{organization}/settings/regions" OrganizationAt, ListRegionsForOrganization => settings::routes::regions;
    Show "/{organization}/settings/members" OrganizationAt, ListOrganizationMembers => settings::members::list;
    Show "/{organization}/settings/members/{id}" MemberAt, GetOrganizationMembership => settings::members::show;
    Send "/{organization}/settings/members/{id}/role" MemberAt, UpdateOrganizationMembership => settings::members::set_role;
    Send "/{organization}/settings/members/{id}/remove" MemberAt, RemoveOrganizationMember => settings::members::remove;
    Show "/{organization}/settings/audit-log" OrganizationAt, ListAuditLogs => settings::audit::list;
    Send "/{organization}/settings/audit-log" OrganizationAt, ListAuditLogs => settings::audit::verify;
    // One's own account.
    Show "/account" Nowhere, GetCurrentUser => account::routes::show;
    Send "/account" Nowhere, UpdateCurrentUser => account::routes::save;
    Send "/account/password" Nowhere, UpdateCurrentUser => account::routes::change_password;
    Send "/account/sessions/end-others" Nowhere, UpdateCurrentUser => account::routes::sign_out_others;
    Send "/account/sessions/{id}/end" Nowhere, UpdateCurrentUser => account::routes::sign_out;
}

/// The whole of it.
pub(crate) fn router(house: &Arc<Dashboard>) -> Router {
    let (docs, group) = (Arc::clone(house), Arc::clone(house));
    let (show, send, theme, asset, other, method) = (
        Arc::clone(house),
        Arc::clone(house),
        Arc::clone(house),
        Arc::clone(house),
        Arc::clone(house),
        Arc::clone(house),
    );
    decided(house)
        .route(
            "/login",
            get(move |request| login::routes::show(Arc::clone(&show), request))
                .post(move |request| login::routes::log_in(Arc::clone(&send), request)),
        )
        // The reference of the API: open to everybody, so that nothing is decided.
        .route("/docs", get(move |request| reference::routes::show(Arc::clone(&docs), request)))
        .route("/docs/{*group}", get(move |request| reference::routes::show(Arc::clone(&group), request)))
        .route("/account/theme", post(move |request| login::routes::theme(Arc::clone(&theme), request)))
        .route(
            "/assets/{file}",
            get(move |request: Request<Body>| async move {
                match asset.assets.serve(request.uri().path()) {
                    Some(response) => response,
                    None => told(&asset, request, problem::not_found),
                }
            }),
        )
        .fallback(move |request: Request<Body>| async move { told(&other, request, problem::not_found) })
        .method_not_allowed_fallback(move |request: Request<Body>| async move {
            told(&method, request, problem::not_this_way)
        })
}

/// What is at no address of ours, or is asked for in another way than it can be: looked for by nobody in
/// particular.
fn told(
    house: &Dashboard,
    request: Request<Body>,
    page: fn(&Dashboard, &Asked, Option<Page>) -> Answer,
) -> Response<Body> {
    let started = Instant::now();
    let (parts, _) = request.into_parts();
    let asked = Asked::without_names(&parts, house.plane.fresh_request_id());
    let response = page(house, &asked, None).into_response();
    note(house, &parts, &asked, &response, started);
    response
}
