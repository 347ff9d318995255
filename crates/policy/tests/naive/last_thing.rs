//! What tells 404 from 403: the last thing that the path names, and who can read it.

use super::Case;
use super::holds::*;

/// The last thing that the path names: the item, or for a collection what it hangs on.
pub(super) fn last_thing(operation: &str) -> &'static str {
    match operation {
        // {O} and collections under it
        "get_organization" => "organization",
        "update_organization" => "organization",
        "list_audit_logs" => "organization",
        "list_cluster_size_skus" => "organization",
        "list_regions_for_organization" => "organization",
        "get_organization_metrics" => "organization",
        "get_organization_figures" => "organization",
        "list_organization_members" => "organization",
        "list_organization_invitations" => "organization",
        "create_organization_invitation" => "organization",
        "list_organization_teams" => "organization",
        "create_organization_team" => "organization",
        "list_invoices" => "organization",
        "list_oauth_applications" => "organization",
        "list_service_tokens" => "organization",
        "create_service_token" => "organization",
        "list_databases" => "organization",
        "create_database" => "organization",
        "test_data_import_connection" => "organization",
        "start_data_import" => "organization",

        // {O}/members/{id}, {O}/invitations/{id}
        "get_organization_membership" => "membership",
        "update_organization_membership" => "membership",
        "remove_organization_member" => "membership",
        "delete_organization_invitation" => "invitation",

        // {O}/teams/{team}…
        "get_organization_team" => "team",
        "update_organization_team" => "team",
        "delete_organization_team" => "team",
        "list_organization_team_members" => "team",
        "add_organization_team_member" => "team",
        "get_organization_team_member" => "team member",
        "remove_organization_team_member" => "team member",

        // {O}/invoices/{id}…
        "get_invoice" => "invoice",
        "get_invoice_line_items" => "invoice",

        // {O}/oauth-applications/{id}…
        "get_oauth_application" => "oauth application",
        "list_oauth_tokens" => "oauth application",
        "create_oauth_token" => "oauth application",
        "get_oauth_token" => "oauth token",
        "delete_oauth_token" => "oauth token",

        // {O}/service-tokens/{id}…
        "get_service_token" => "service token",
        "delete_service_token" => "service token",
        "list_service_token_accesses" => "service token",
        "list_service_token_grants" => "service token",
        "list_service_token_denials" => "service token",
        "get_service_token_usage" => "service token",
        "get_service_token_figures" => "service token",
        "explain_service_token" => "service token",
        "add_service_token_accesses" => "service token",
        "remove_service_token_accesses" => "service token",
        "replace_service_token_grants" => "service token",
        "rotate_service_token" => "service token",
        "update_service_token" => "service token",
        "adopt_service_token" => "service token",

        // {D} and collections under it
        "get_database" => "database",
        "list_database_regions" => "database",
        "list_read_only_regions" => "database",
        "update_database_settings" => "database",
        "delete_database" => "database",
        "list_database_administrators" => "database",
        "add_database_administrator" => "database",
        "list_maintenance_schedules" => "database",
        "list_schema_recommendations" => "database",
        "get_database_throttler" => "database",
        "update_database_throttler" => "database",
        "list_webhooks" => "database",
        "create_webhook" => "database",
        "list_workflows" => "database",
        "create_workflow" => "database",
        "get_data_import" => "database",
        "cancel_data_import" => "database",
        "begin_data_import_switch_traffic" => "database",
        "begin_data_import_reverse_traffic" => "database",
        "detach_data_import" => "database",
        "list_branches" => "database",
        "create_branch" => "database",
        "list_database_passwords" => "database",
        "list_backup_policies" => "database",
        "create_backup_policy" => "database",
        "get_deploy_queue" => "database",
        "list_deploy_requests" => "database",
        "create_deploy_request" => "database",

        // items of {D}
        "remove_database_administrator" => "database administrator",
        "get_maintenance_schedule" => "maintenance schedule",
        "list_maintenance_windows" => "maintenance schedule",
        "get_schema_recommendation" => "schema recommendation",
        "dismiss_schema_recommendation" => "schema recommendation",
        "get_webhook" => "webhook",
        "update_webhook" => "webhook",
        "delete_webhook" => "webhook",
        "test_webhook" => "webhook",
        "get_backup_policy" => "backup policy",
        "update_backup_policy" => "backup policy",
        "delete_backup_policy" => "backup policy",
        "get_workflow" => "workflow",
        "verify_workflow" => "workflow",
        "workflow_cancel" => "workflow",
        "workflow_complete" => "workflow",
        "workflow_cutover" => "workflow",
        "workflow_retry" => "workflow",
        "workflow_reverse_cutover" => "workflow",
        "workflow_reverse_traffic" => "workflow",
        "workflow_switch_primaries" => "workflow",
        "workflow_switch_replicas" => "workflow",

        // {D}/deploy-requests/{number}…
        "get_deploy_request" => "deploy request",
        "get_deploy_request_diff" => "deploy request",
        "get_deployment" => "deploy request",
        "list_deploy_operations" => "deploy request",
        "list_deploy_request_reviews" => "deploy request",
        "check_deploy_request_storage" => "deploy request",
        "get_deploy_request_throttler" => "deploy request",
        "close_deploy_request" => "deploy request",
        "complete_gated_deploy_request" => "deploy request",
        "update_auto_apply" => "deploy request",
        "update_auto_delete_branch" => "deploy request",
        "cancel_deploy_request" => "deploy request",
        "complete_errored_deploy" => "deploy request",
        "queue_deploy_request" => "deploy request",
        "force_cutover_deploy_request" => "deploy request",
        "complete_revert" => "deploy request",
        "skip_revert_period" => "deploy request",
        "update_deploy_request_throttler" => "deploy request",
        "review_deploy_request" => "deploy request",
        "list_deploy_request_comments" => "deploy request",
        "create_deploy_request_comment" => "deploy request",

        // {B} and collections under it
        "get_branch" => "branch",
        "update_branch" => "branch",
        "delete_branch" => "branch",
        "promote_branch" => "branch",
        "demote_branch" => "branch",
        "enable_safe_migrations" => "branch",
        "update_safe_migrations" => "branch",
        "disable_safe_migrations" => "branch",
        "update_branch_cluster_config" => "branch",
        "restart_branch" => "branch",
        "sleep_branch" => "branch",
        "wake_branch" => "branch",
        "list_branch_resize_requests" => "branch",
        "update_branch_resize_request" => "branch",
        "cancel_branch_change_request" => "branch",
        "get_branch_schema" => "branch",
        "lint_branch_schema" => "branch",
        "get_branch_diff" => "branch",
        "get_branch_infrastructure" => "branch",
        "list_branch_cluster_size_skus" => "branch",
        "refresh_branch_schema" => "branch",
        "get_branch_routing_rules" => "branch",
        "update_branch_routing_rules" => "branch",
        "get_branch_metrics" => "branch",
        "get_instant_branch_metrics" => "branch",
        "get_branch_keyspace_table_metrics" => "branch",
        "get_branch_query_metrics" => "branch",
        "get_branch_table_metrics" => "branch",
        "get_branch_tag_metrics" => "branch",
        "get_tablet_metrics" => "branch",
        "get_instant_tablet_metrics" => "branch",
        "list_branch_queries" => "branch",
        "list_branch_anomalies" => "branch",
        "list_branch_query_errors" => "branch",
        "list_branch_query_tags" => "branch",
        "list_branch_query_tag_summaries" => "branch",
        "list_generated_query_patterns_reports" => "branch",
        "create_query_patterns_report" => "branch",
        "list_passwords" => "branch",
        "create_password" => "branch",
        "list_backups" => "branch",
        "create_backup" => "branch",
        "list_keyspaces" => "branch",
        "create_keyspace" => "branch",
        "get_branch_processlist" => "branch",
        "list_branch_connections" => "branch",
        "kill_branch_process" => "branch",
        // a live connection is nothing that Bough keeps, and no operation reads one
        "kill_branch_query" => "branch",
        "kill_branch_transaction" => "branch",
        "kill_branch_connection" => "branch",
        "run_branch_statement" => "branch",

        // items of {B}
        "get_branch_resize_request" => "branch resize",
        "get_branch_query" => "insight",
        "get_branch_anomaly" => "insight",
        "get_branch_query_error" => "insight",
        "get_branch_query_tag" => "insight",
        "get_query_statistics" => "insight",
        "get_query_summary" => "insight",
        "get_query_patterns_report_status" => "query patterns report",
        "delete_query_patterns_report" => "query patterns report",
        "get_query_patterns_report" => "query patterns report",
        "get_password" => "password",
        "update_password" => "password",
        "renew_password" => "password",
        "delete_password" => "password",
        "get_backup" => "backup",
        "update_backup" => "backup",
        "delete_backup" => "backup",

        // {B}/keyspaces/{keyspace}…
        "get_keyspace" => "keyspace",
        "update_keyspace" => "keyspace",
        "delete_keyspace" => "keyspace",
        "list_keyspace_resize_requests" => "keyspace",
        "update_keyspace_resize_request" => "keyspace",
        "cancel_keyspace_resize_request" => "keyspace",
        "get_keyspace_rollout_status" => "keyspace",
        "update_keyspace_read_only_regions" => "keyspace",
        "get_keyspace_vschema" => "keyspace",
        "update_keyspace_vschema" => "keyspace",
        "get_keyspace_resize_request" => "keyspace resize",

        _ => "nothing",
    }
}

/// Can the actor read the last thing that the path names? It is judged by the operation that reads it.
pub(super) fn last_thing_is_readable(case: &Case) -> bool {
    match last_thing(&case.operation) {
        "organization" => organization(case, &["read_organization"]),
        "membership" => organization(case, &["read_organization"]),
        // seen in the list only
        "invitation" => organization(case, &["write_members"]),
        "team" => organization(case, &["read_organization"]),
        "team member" => organization(case, &["read_organization"]),
        "invoice" => organization(case, &["read_invoices"]),
        "oauth application" => organization(case, &["read_oauth_applications"]),
        "oauth token" => organization(case, &["read_oauth_tokens"]),
        "service token" => organization(case, &["read_service_tokens"]),
        "database" => {
            organization(case, &["read_databases"])
                // every database-level access but review_deploy_request
                || database(case, &["approve_deploy_request"])
                || database(case, &["connect_branch"])
                || database(case, &["connect_production_branch"])
                || database(case, &["connect_production_read_only_branch"])
                || database(case, &["create_branch"])
                || database(case, &["create_comment"])
                || database(case, &["create_deploy_request"])
                || database(case, &["delete_backups"])
                || database(case, &["delete_branch"])
                || database(case, &["delete_branch_password"])
                || database(case, &["delete_database"])
                || database(case, &["delete_production_branch"])
                || database(case, &["delete_production_branch_backups"])
                || database(case, &["delete_production_branch_password"])
                || database(case, &["delete_production_read_only_branch_password"])
                || database(case, &["demote_branches"])
                || database(case, &["promote_branches"])
                || database(case, &["read_backups"])
                || database(case, &["read_branch"])
                || database(case, &["read_comment"])
                || database(case, &["read_database"])
                || database(case, &["read_deploy_request"])
                || database(case, &["restore_backup"])
                || database(case, &["restore_production_branch_backup"])
                || database(case, &["write_backups"])
                || database(case, &["write_branch_vschema"])
                || database(case, &["write_database"])
                || database(case, &["write_production_branch_vschema"])
        }
        // seen in the list only
        "database administrator" => database(case, &["read_database"]),
        "maintenance schedule" => database(case, &["read_database"]),
        "schema recommendation" => database(case, &["read_database"]),
        "webhook" => database(case, &["read_database"]),
        "backup policy" => database(case, &["read_backups"]),
        "workflow" => database(case, &["read_database", "read_branch"]),
        "deploy request" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "branch" => database(
            case,
            &["read_branch", "create_branch", "delete_branch", "connect_branch", "connect_production_branch"],
        ),
        "branch resize" => database(
            case,
            &["read_branch", "create_branch", "delete_branch", "connect_branch", "connect_production_branch"],
        ),
        "insight" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "query patterns report" => database(case, &["read_branch"]),
        "password" => database(
            case,
            &[
                "read_branch",
                "create_branch",
                "delete_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "backup" => database(case, &["read_backups"]),
        "keyspace" => database(case, &["read_branch"]),
        "keyspace resize" => database(case, &["read_branch"]),
        _ => false,
    }
}
