//! The table: to whom each operation is open.

use super::Case;
use super::holds::*;

/// Is the operation open to the actor, the organization being his own and the database there?
pub(super) fn allowed(case: &Case) -> bool {
    match case.operation.as_str() {
        // ---- the organization
        "get_organization" => organization(case, &["read_organization"]),
        "update_organization" => organization_administrator(case),
        "list_audit_logs" => organization(case, &["read_audit_logs"]),
        "list_cluster_size_skus" => organization(case, &["read_organization"]),
        "list_regions_for_organization" => organization(case, &["read_organization"]),
        "get_organization_metrics" => organization(case, &["read_metrics_endpoints"]),
        "get_organization_figures" => organization(case, &["read_organization"]),

        // ---- members and invitations
        "list_organization_members" => organization(case, &["read_organization"]),
        "get_organization_membership" => organization(case, &["read_organization"]),
        "update_organization_membership" => organization(case, &["write_organization"]),
        // anyone may remove himself
        "remove_organization_member" => {
            organization(case, &["write_organization"]) || (person(case) && case.oneself)
        }
        "list_organization_invitations" => organization(case, &["write_members"]),
        "create_organization_invitation" => organization(case, &["write_members"]),
        "delete_organization_invitation" => organization(case, &["write_members"]),

        // ---- teams
        "list_organization_teams" => organization(case, &["read_organization"]),
        "create_organization_team" => organization(case, &["write_teams"]),
        "get_organization_team" => organization(case, &["read_organization"]),
        "update_organization_team" => organization(case, &["write_teams"]),
        "delete_organization_team" => organization(case, &["write_teams"]),
        "list_organization_team_members" => organization(case, &["read_organization"]),
        "add_organization_team_member" => organization(case, &["write_teams"]),
        "get_organization_team_member" => organization(case, &["read_organization"]),
        "remove_organization_team_member" => organization(case, &["write_teams"]),

        // ---- invoices
        "list_invoices" => organization(case, &["read_invoices"]),
        "get_invoice" => organization(case, &["read_invoices"]),
        "get_invoice_line_items" => organization(case, &["read_invoices"]),

        // ---- OAuth applications
        "list_oauth_applications" => organization(case, &["read_oauth_applications"]),
        "get_oauth_application" => organization(case, &["read_oauth_applications"]),
        "list_oauth_tokens" => organization(case, &["read_oauth_tokens"]),
        "get_oauth_token" => organization(case, &["read_oauth_tokens"]),
        "delete_oauth_token" => organization(case, &["delete_oauth_tokens"]),
        "create_oauth_token" => organization(case, &["write_oauth_tokens"]),

        // ---- service tokens
        "list_service_tokens" => organization(case, &["read_service_tokens"]),
        "create_service_token" => organization(case, &["write_service_tokens"]),
        "get_service_token" => organization(case, &["read_service_tokens"]),
        "delete_service_token" => organization(case, &["delete_service_tokens"]),
        "list_service_token_accesses" => organization(case, &["read_service_tokens"]),
        "list_service_token_grants" => organization(case, &["read_service_tokens"]),
        "list_service_token_denials" => organization(case, &["read_service_tokens"]),
        "get_service_token_usage" => organization(case, &["read_service_tokens"]),
        "get_service_token_figures" => organization(case, &["read_service_tokens"]),
        "explain_service_token" => organization(case, &["read_service_tokens"]),
        "add_service_token_accesses" => organization(case, &["write_service_tokens"]),
        "remove_service_token_accesses" => organization(case, &["write_service_tokens"]),
        "replace_service_token_grants" => organization(case, &["write_service_tokens"]),
        "rotate_service_token" => organization(case, &["write_service_tokens"]),
        "update_service_token" => organization(case, &["write_service_tokens"]),
        "adopt_service_token" => person(case),

        // ---- databases
        "list_databases" => true,
        "create_database" => organization(case, &["create_databases"]),
        "get_database" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "read_database",
                        "write_database",
                        "delete_database",
                        "read_branch",
                        "create_branch",
                        "delete_branch",
                        "delete_production_branch",
                        "promote_branches",
                        "demote_branches",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "delete_branch_password",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "read_deploy_request",
                        "create_deploy_request",
                        "approve_deploy_request",
                        "read_comment",
                        "create_comment",
                        "read_backups",
                        "write_backups",
                        "delete_backups",
                        "delete_production_branch_backups",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "write_branch_vschema",
                        "write_production_branch_vschema",
                    ],
                )
        }
        "list_database_regions" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "approve_deploy_request",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "create_branch",
                        "create_comment",
                        "create_deploy_request",
                        "delete_backups",
                        "delete_branch",
                        "delete_branch_password",
                        "delete_database",
                        "delete_production_branch",
                        "delete_production_branch_backups",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "demote_branches",
                        "promote_branches",
                        "read_backups",
                        "read_branch",
                        "read_comment",
                        "read_database",
                        "read_deploy_request",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "write_backups",
                        "write_branch_vschema",
                        "write_database",
                        "write_production_branch_vschema",
                    ],
                )
        }
        "list_read_only_regions" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "read_database",
                        "read_branch",
                        "read_deploy_request",
                        "read_comment",
                        "read_backups",
                        "write_database",
                        "write_backups",
                        "write_branch_vschema",
                        "write_production_branch_vschema",
                        "create_branch",
                        "create_comment",
                        "create_deploy_request",
                        "approve_deploy_request",
                        "promote_branches",
                        "demote_branches",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "delete_database",
                        "delete_branch",
                        "delete_production_branch",
                        "delete_branch_password",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "delete_backups",
                        "delete_production_branch_backups",
                    ],
                )
        }
        "update_database_settings" => database(case, &["write_database"]),
        "delete_database" => {
            database(case, &["delete_database"]) || organization(case, &["delete_databases"])
        }
        // Who administers it is read by members, and chosen by administrators: the organization's, or its own.
        "list_database_administrators" => database(case, &["read_database"]),
        "add_database_administrator" => database_administrator(case),
        "remove_database_administrator" => database_administrator(case),
        "list_maintenance_schedules" => database(case, &["read_database"]),
        "get_maintenance_schedule" => database(case, &["read_database"]),
        "list_maintenance_windows" => database(case, &["read_database"]),
        "list_schema_recommendations" => database(case, &["read_database"]),
        "get_schema_recommendation" => database(case, &["read_database"]),
        "dismiss_schema_recommendation" => database(case, &["write_database"]),
        "get_database_throttler" => database(case, &["read_deploy_request", "create_deploy_request"]),
        "update_database_throttler" => database(case, &["write_database"]),
        "list_webhooks" => database(case, &["read_database"]),
        "create_webhook" => database(case, &["write_database"]),
        "get_webhook" => database(case, &["read_database"]),
        "update_webhook" => database(case, &["write_database"]),
        "delete_webhook" => database(case, &["write_database"]),
        "test_webhook" => database(case, &["write_database"]),

        // ---- workflows
        "list_workflows" => database(case, &["read_database", "read_branch"]),
        "get_workflow" => database(case, &["read_database", "read_branch"]),
        "create_workflow" => database(case, &["write_database"]),
        "verify_workflow" => database(case, &["write_database"]),
        "workflow_cancel" => database(case, &["write_database"]),
        "workflow_complete" => database(case, &["write_database"]),
        "workflow_cutover" => database(case, &["write_database"]),
        "workflow_retry" => database(case, &["write_database"]),
        "workflow_reverse_cutover" => database(case, &["write_database"]),
        "workflow_reverse_traffic" => database(case, &["write_database"]),
        "workflow_switch_primaries" => database(case, &["write_database"]),
        "workflow_switch_replicas" => database(case, &["write_database"]),

        // ---- data imports; of people only administrators start one
        "test_data_import_connection" => !token(case) && organization_administrator(case),
        "start_data_import" => !token(case) && organization_administrator(case),
        "get_data_import" => {
            database(case, &["read_database", "write_database"]) || organization(case, &["read_databases"])
        }
        "cancel_data_import" => database(case, &["write_database"]),
        "begin_data_import_switch_traffic" => database(case, &["write_database"]),
        "begin_data_import_reverse_traffic" => database(case, &["write_database"]),
        "detach_data_import" => database(case, &["write_database"]),

        // ---- branches
        "list_branches" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "create_branch" => {
            if case.restoring {
                if case.backup_production {
                    database(case, &["restore_production_branch_backup"])
                } else {
                    database(case, &["restore_backup"])
                }
            } else {
                database(case, &["create_branch"])
            }
        }
        "get_branch" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch" => database(case, &["write_database"]),
        "delete_branch" => {
            if case.production {
                database(case, &["delete_production_branch"])
            } else {
                database(case, &["delete_branch"])
            }
        }
        "promote_branch" => database(case, &["connect_production_branch", "promote_branches"]),
        "demote_branch" => database(case, &["connect_production_branch", "demote_branches"]),
        "enable_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "update_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "disable_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "update_branch_cluster_config" => database(case, &["write_database"]),
        "restart_branch" => database(case, &["write_database"]),
        "sleep_branch" => database(case, &["write_database"]),
        "wake_branch" => database(case, &["write_database"]),
        "list_branch_resize_requests" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_resize_request" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch_resize_request" => database(case, &["write_database"]),
        "cancel_branch_change_request" => database(case, &["write_database"]),
        "get_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "lint_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_diff" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_infrastructure" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "list_branch_cluster_size_skus" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "refresh_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_routing_rules" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch_routing_rules" => {
            if case.production {
                database(case, &["write_production_branch_vschema"])
            } else {
                database(case, &["write_branch_vschema"])
            }
        }

        // ---- metrics of a branch
        "get_branch_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_instant_branch_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_keyspace_table_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_query_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_table_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_tag_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_tablet_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_instant_tablet_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),

        // ---- insights and query patterns
        "list_branch_queries" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_branch_anomalies" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_anomaly" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_branch_query_errors" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query_error" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "list_branch_query_tags" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "list_branch_query_tag_summaries" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query_tag" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_query_statistics" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_query_summary" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_generated_query_patterns_reports" => database(case, &["read_branch"]),
        "create_query_patterns_report" => database(case, &["read_branch"]),
        "get_query_patterns_report_status" => database(case, &["read_branch"]),
        "delete_query_patterns_report" => database(case, &["read_branch"]),
        "get_query_patterns_report" => database(case, &["read_branch"]),

        // ---- live connections
        "get_branch_processlist" => may_view_connections(case),
        "list_branch_connections" => may_view_connections(case),
        "kill_branch_process" => may_kill_connections(case),
        "kill_branch_query" => may_kill_connections(case),
        "kill_branch_transaction" => may_kill_connections(case),
        "kill_branch_connection" => may_kill_connections(case),

        // ---- the console
        "run_branch_statement" => may_use_console(case),

        // ---- passwords
        "list_database_passwords" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "list_passwords" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "get_password" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "create_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "update_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "renew_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "delete_password" => {
            if !case.production {
                database(case, &["delete_branch_password"])
            } else if is_reader(case) {
                database(
                    case,
                    &["delete_production_branch_password", "delete_production_read_only_branch_password"],
                )
            } else {
                database(case, &["delete_production_branch_password"])
            }
        }

        // ---- backups and their policies
        "list_backup_policies" => database(case, &["read_backups"]),
        "create_backup_policy" => database(case, &["write_backups"]),
        "get_backup_policy" => database(case, &["read_backups"]),
        "update_backup_policy" => database(case, &["write_backups"]),
        "delete_backup_policy" => database(case, &["write_backups"]),
        "list_backups" => database(case, &["read_backups"]),
        "create_backup" => database(case, &["write_backups"]),
        "get_backup" => database(case, &["read_backups"]),
        "update_backup" => database(case, &["write_backups"]),
        "delete_backup" => {
            if case.production {
                database(case, &["delete_production_branch_backups"])
            } else {
                database(case, &["delete_backups"])
            }
        }

        // ---- keyspaces
        "list_keyspaces" => database(case, &["read_branch"]),
        "create_keyspace" => database(case, &["create_branch"]),
        "get_keyspace" => database(case, &["read_branch"]),
        "update_keyspace" => database(case, &["create_branch"]),
        "delete_keyspace" => {
            if case.production {
                database(case, &["delete_production_branch"])
            } else {
                database(case, &["delete_branch"])
            }
        }
        "list_keyspace_resize_requests" => database(case, &["read_branch"]),
        "get_keyspace_resize_request" => database(case, &["read_branch"]),
        "update_keyspace_resize_request" => database(case, &["write_database"]),
        "cancel_keyspace_resize_request" => database(case, &["write_database"]),
        "get_keyspace_rollout_status" => database(case, &["read_branch"]),
        "update_keyspace_read_only_regions" => database(case, &["write_database"]),
        "get_keyspace_vschema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_keyspace_vschema" => {
            if case.production {
                database(case, &["write_production_branch_vschema"])
            } else {
                database(case, &["write_branch_vschema"])
            }
        }

        // ---- deploy requests
        "get_deploy_queue" => {
            database(case, &["read_deploy_request", "create_deploy_request"])
                || organization(case, &["read_databases"])
        }
        "list_deploy_requests" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request_diff" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deployment" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "list_deploy_operations" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "list_deploy_request_reviews" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "check_deploy_request_storage" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request_throttler" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "create_deploy_request" => database(case, &["create_deploy_request"]),
        "close_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_gated_deploy_request" => database(case, &["create_deploy_request"]),
        "update_auto_apply" => database(case, &["create_deploy_request"]),
        "update_auto_delete_branch" => database(case, &["create_deploy_request"]),
        "cancel_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_errored_deploy" => database(case, &["create_deploy_request"]),
        "queue_deploy_request" => database(case, &["create_deploy_request"]),
        "force_cutover_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_revert" => database(case, &["create_deploy_request"]),
        "skip_revert_period" => database(case, &["create_deploy_request"]),
        "update_deploy_request_throttler" => database(case, &["create_deploy_request"]),
        "review_deploy_request" => {
            if case.approving {
                database(case, &["approve_deploy_request"])
            } else {
                database(case, &["approve_deploy_request", "review_deploy_request"])
            }
        }
        "list_deploy_request_comments" => database(case, &["read_comment", "create_comment"]),
        "create_deploy_request_comment" => database(case, &["create_comment"]),

        _ => false,
    }
}
