//! Which operation is served by which handler. Method and path come from the policy's table; what
//! stands here beside the handler is for our OpenAPI description.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{MethodFilter, on};
use bough_control::place::BranchesOf;
use bough_policy::{
    BranchAt, DatabaseAt, MemberAt, Method, Nowhere, Operation, OrganizationAt, PasswordAt, TokenAt,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::Api;
use crate::dispatch::{Runs, dispatch, fallback};
use crate::page::{CursorList, Data, List};
use crate::{audit, branches, connections, databases, figures, organizations, passwords, service_tokens};

/// A route as our description tells of it.
pub(crate) struct Route {
    pub(crate) operation: Operation,
    pub(crate) status: u16,
    /// The status where there was nothing to do.
    pub(crate) unchanged: Option<u16>,
    pub(crate) query: &'static [&'static str],
    pub(crate) request: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(crate) response: Option<fn(&mut SchemaGenerator) -> Schema>,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

macro_rules! maybe {
    () => {
        None
    };
    ($type:ty) => {
        Some(schema_of::<$type>)
    };
}

macro_rules! number {
    () => {
        None
    };
    ($number:literal) => {
        Some($number)
    };
}

macro_rules! routes {
    ($($operation:ident $target:ty, $runs:ident => $handler:path;
        $status:literal $(or $unchanged:literal)? $([$($query:literal)+])? $(takes($request:ty))? $(answers($response:ty))?;)+) => {
        /// Every operation that is served.
        pub(crate) const ROUTES: &[Route] = &[$(Route {
            operation: Operation::$operation,
            status: $status,
            unchanged: number!($($unchanged)?),
            query: &[$($($query),+)?],
            request: maybe!($($request)?),
            response: maybe!($($response)?),
        },)+];

        fn served(api: &Arc<Api>) -> Router {
            let mut router = Router::new();
            $(
                let row = Operation::$operation.row();
                let own = Arc::clone(api);
                let handler = move |request: Request<Body>| {
                    dispatch::<$target>(Arc::clone(&own), Operation::$operation, Runs::$runs, $handler, request)
                };
                router = router.route(&format!("/v1{}", row.path), on(filter(row.method), handler));
            )+
            router
        }
    };
}

routes! {
    ListOrganizations Nowhere, Here => organizations::routes::list;
        200 ["page" "per_page"] answers(List<organizations::shape::Organization>);
    GetOrganization OrganizationAt, Here => organizations::routes::get;
        200 answers(organizations::shape::Organization);
    GetOrganizationFigures OrganizationAt, Here => figures::routes::of_organization;
        200 ["span"] answers(figures::shape::OrganizationFigures);
    UpdateOrganization OrganizationAt, Aside => organizations::routes::update;
        200 takes(organizations::shape::UpdateOrganizationBody) answers(organizations::shape::Organization);
    ListOrganizationMembers OrganizationAt, Here => organizations::routes::list_members;
        200 ["q" "page" "per_page"] answers(List<organizations::shape::Membership>);
    GetOrganizationMembership MemberAt, Here => organizations::routes::get_member;
        200 answers(organizations::shape::Membership);
    UpdateOrganizationMembership MemberAt, Aside => organizations::routes::update_member;
        200 takes(organizations::shape::UpdateMembershipBody) answers(organizations::shape::Membership);
    RemoveOrganizationMember MemberAt, Aside => organizations::routes::remove_member;
        204 ["delete_passwords" "delete_service_tokens"];
    GetCurrentUser Nowhere, Here => organizations::routes::current_user;
        200 answers(organizations::shape::User);
    ListRegionsForOrganization OrganizationAt, Here => organizations::routes::list_regions;
        200 ["page" "per_page"] answers(List<organizations::shape::RegionShape<'static>>);
    ListPublicRegions Nowhere, Here => organizations::routes::list_public_regions;
        200 ["page" "per_page"] answers(List<organizations::shape::RegionShape<'static>>);
    ListClusterSizeSkus OrganizationAt, Here => organizations::routes::list_skus;
        200 ["engine" "rates" "region" "database"] answers(Vec<organizations::shape::Sku>);
    ListAuditLogs OrganizationAt, Aside => audit::routes::list;
        200 ["starting_after" "ending_before" "limit" "filters[]"]
        answers(CursorList<audit::shape::AuditLogEvent>);

    ListServiceTokens OrganizationAt, Here => service_tokens::routes::list;
        200 ["q" "unused" "expires_soon" "page" "per_page"] answers(List<service_tokens::shape::ServiceToken>);
    CreateServiceToken OrganizationAt, Aside => service_tokens::routes::create;
        200 takes(service_tokens::shape::CreateTokenBody)
        answers(service_tokens::shape::ServiceTokenWithAccesses);
    GetServiceToken TokenAt, Here => service_tokens::routes::get;
        200 answers(service_tokens::shape::ServiceTokenWithAccesses);
    UpdateServiceToken TokenAt, Aside => service_tokens::routes::update;
        200 takes(service_tokens::shape::UpdateTokenBody)
        answers(service_tokens::shape::ServiceTokenWithAccesses);
    DeleteServiceToken TokenAt, Aside => service_tokens::routes::delete;
        204;
    ListServiceTokenAccesses TokenAt, Here => service_tokens::routes::list_accesses;
        200 answers(List<service_tokens::shape::AccessShape>);
    AddServiceTokenAccesses TokenAt, Aside => service_tokens::routes::add_accesses;
        200 takes(service_tokens::shape::AccessBody) answers(List<service_tokens::shape::AccessShape>);
    RemoveServiceTokenAccesses TokenAt, Aside => service_tokens::routes::remove_accesses;
        204 takes(service_tokens::shape::AccessBody);
    ListServiceTokenGrants TokenAt, Here => service_tokens::routes::list_grants;
        200 answers(List<service_tokens::shape::GrantShape>);
    ReplaceServiceTokenGrants TokenAt, Aside => service_tokens::routes::replace_grants;
        200 takes(service_tokens::shape::ReplaceGrantsBody) answers(List<service_tokens::shape::GrantShape>);
    RotateServiceToken TokenAt, Aside => service_tokens::routes::rotate;
        200 takes(service_tokens::shape::RotateBody)
        answers(service_tokens::shape::ServiceTokenWithAccesses);
    AdoptServiceToken TokenAt, Aside => service_tokens::routes::adopt;
        200 answers(service_tokens::shape::ServiceTokenWithAccesses);
    ListServiceTokenDenials TokenAt, Here => service_tokens::routes::list_denials;
        200 ["page" "per_page"] answers(List<service_tokens::shape::Denial>);
    GetServiceTokenFigures TokenAt, Here => figures::routes::of_token;
        200 ["span"] answers(figures::shape::TokenFigures);
    GetServiceTokenUsage TokenAt, Here => service_tokens::routes::usage;
        200 answers(List<service_tokens::shape::Usage>);
    ExplainServiceToken TokenAt, Aside => service_tokens::routes::explain;
        200 takes(service_tokens::shape::ExplainBody) answers(service_tokens::shape::ExplanationShape);

    ListDatabases OrganizationAt, Here => databases::routes::list;
        200 ["q" "page" "per_page"] answers(List<databases::shape::Database<'static>>);
    CreateDatabase OrganizationAt, Aside => databases::routes::create;
        201 takes(databases::shape::CreateDatabaseBody) answers(databases::shape::Database<'static>);
    GetDatabase DatabaseAt, Here => databases::routes::get;
        200 ["wait"] answers(databases::shape::Database<'static>);
    UpdateDatabaseSettings DatabaseAt, Aside => databases::routes::update;
        200 takes(databases::shape::UpdateDatabaseBody) answers(databases::shape::Database<'static>);
    DeleteDatabase DatabaseAt, Aside => databases::routes::delete;
        204;
    ListDatabaseAdministrators DatabaseAt, Here => databases::administrators::list;
        200 ["page" "per_page"] answers(List<databases::administrators::Administrator>);
    AddDatabaseAdministrator DatabaseAt, Aside => databases::administrators::add;
        200 takes(databases::administrators::AddAdministratorBody)
        answers(databases::administrators::Administrator);
    RemoveDatabaseAdministrator DatabaseAt, Aside => databases::administrators::remove;
        204;
    ListDatabaseRegions DatabaseAt, Here => organizations::routes::list_database_regions;
        200 ["page" "per_page"] answers(List<organizations::shape::RegionShape<'static>>);

    ListBranches DatabaseAt, Here => branches::routes::list;
        200 ["q" "production" "safe_migrations" "order" "page" "per_page"]
        answers(List<branches::shape::Branch<'static>>);
    CreateBranch BranchesOf, Aside => branches::routes::create;
        201 takes(branches::shape::CreateBranchBody) answers(branches::shape::Branch<'static>);
    GetBranch BranchAt, Here => branches::routes::get;
        200 ["wait"] answers(branches::shape::Branch<'static>);
    UpdateBranch BranchAt, Aside => branches::routes::update;
        200 takes(branches::shape::UpdateBranchBody) answers(branches::shape::Branch<'static>);
    DeleteBranch BranchAt, Aside => branches::routes::delete;
        204 ["delete_descendants"];
    PromoteBranch BranchAt, Aside => branches::routes::promote;
        200 answers(branches::shape::Branch<'static>);
    DemoteBranch BranchAt, Aside => branches::routes::demote;
        200 answers(branches::shape::Branch<'static>);
    EnableSafeMigrations BranchAt, Aside => branches::routes::enable_safe_migrations;
        200 answers(branches::shape::Branch<'static>);
    UpdateSafeMigrations BranchAt, Aside => branches::routes::update_safe_migrations;
        200 takes(branches::shape::SafeMigrationsBody) answers(branches::shape::Branch<'static>);
    DisableSafeMigrations BranchAt, Aside => branches::routes::disable_safe_migrations;
        200 answers(branches::shape::Branch<'static>);
    UpdateBranchClusterConfig BranchAt, Aside => branches::routes::update_cluster;
        204 takes(branches::shape::ClusterBody);
    RestartBranch BranchAt, Aside => branches::routes::restart;
        200 answers(branches::shape::Branch<'static>);
    SleepBranch BranchAt, Aside => branches::routes::sleep;
        200 answers(branches::shape::Branch<'static>);
    WakeBranch BranchAt, Aside => branches::routes::wake;
        200 answers(branches::shape::Branch<'static>);
    ListBranchResizeRequests BranchAt, Here => branches::routes::list_resizes;
        200 ["page" "per_page"] answers(List<branches::shape::Resize<'static>>);
    GetBranchResizeRequest BranchAt, Here => branches::routes::get_resize;
        200 answers(branches::shape::Resize<'static>);
    UpdateBranchResizeRequest BranchAt, Aside => branches::routes::resize;
        200 or 204 takes(branches::shape::ResizeBody) answers(branches::shape::Resize<'static>);
    CancelBranchChangeRequest BranchAt, Aside => branches::routes::cancel_resize;
        204;
    GetBranchSchema BranchAt, Aside => branches::routes::schema;
        200 ["keyspace" "namespace"] answers(Data<branches::shape::Schema>);
    LintBranchSchema BranchAt, Aside => branches::routes::lint;
        200 ["page" "per_page"] answers(List<branches::shape::SchemaLintError<'static>>);
    ListBranchClusterSizeSkus BranchAt, Here => organizations::routes::list_branch_skus;
        200 ["engine" "rates" "region"] answers(Vec<organizations::shape::Sku>);

    ListBranchConnections BranchAt, Aside => connections::routes::list;
        200 ["keyspace" "shard"] answers(connections::shape::Connections<'static>);
    KillBranchConnection BranchAt, Aside => connections::routes::kill_connection;
        204;
    KillBranchQuery BranchAt, Aside => connections::routes::kill_query;
        204;
    KillBranchTransaction BranchAt, Aside => connections::routes::kill_transaction;
        204;

    ListPasswords BranchAt, Here => passwords::routes::list;
        200 ["q" "status" "read_only_region_id" "ephemeral" "page" "per_page"]
        answers(List<passwords::shape::Password<'static>>);
    ListDatabasePasswords DatabaseAt, Here => passwords::routes::list_of_database;
        200 ["q" "status" "read_only_region_id" "ephemeral" "page" "per_page"]
        answers(List<passwords::shape::Password<'static>>);
    CreatePassword BranchAt, Aside => passwords::routes::create;
        201 takes(passwords::shape::CreatePasswordBody) answers(passwords::shape::Password<'static>);
    GetPassword PasswordAt, Here => passwords::routes::get;
        200 answers(passwords::shape::Password<'static>);
    UpdatePassword PasswordAt, Aside => passwords::routes::update;
        200 takes(passwords::shape::UpdatePasswordBody) answers(passwords::shape::Password<'static>);
    RenewPassword PasswordAt, Aside => passwords::routes::renew;
        200 answers(passwords::shape::Password<'static>);
    DeletePassword PasswordAt, Aside => passwords::routes::delete;
        204;
}

/// All routes, and what is answered where there is none.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let (absent, method) = (Arc::clone(api), Arc::clone(api));
    served(api)
        .fallback(move |request: Request<Body>| fallback(Arc::clone(&absent), StatusCode::NOT_FOUND, request))
        .method_not_allowed_fallback(move |request: Request<Body>| {
            fallback(Arc::clone(&method), StatusCode::METHOD_NOT_ALLOWED, request)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_is_served_twice() {
        let mut operations: Vec<_> = ROUTES.iter().map(|route| route.operation).collect();
        operations.sort();
        operations.dedup();
        assert_eq!(operations.len(), ROUTES.len());
    }
}
