//! Shapes of organizations and what they offer (contract: objects/Organization, OrganizationMembership,
//! User, PlanetscaleRegion, ClusterSizeSku).

use bough_control::Settings;
use bough_control::model::{ActorKind, ClusterSize, Region, RegionSlug};
use bough_control::organizations::{MembershipRow, OrganizationRow, UserRow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::Ctx;
use crate::shape::{Time, avatar_url};

/// The plan of everybody: there is no billing here.
pub(crate) const PLAN: &str = "self_hosted";
/// The VTGate size that answers name. There are no VTGates here; clients want one that does not change.
pub(crate) const VTGATE: &str = "VTG_5";
/// The same as people read it.
pub(crate) const VTGATE_DISPLAY: &str = "VTG-5";

/// An organization.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the contract's own shape")]
pub(crate) struct Organization {
    /// Public id.
    id: String,
    /// `Organization`
    r#type: &'static str,
    /// Name in paths.
    name: String,
    /// Where notices about it go.
    billing_email: String,
    /// When it was made.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    /// `self_hosted`: there is no billing.
    plan: &'static str,
    valid_billing_info: bool,
    sso: bool,
    sso_directory: bool,
    single_tenancy: bool,
    managed_tenancy: bool,
    has_past_due_invoices: bool,
    /// Databases in it.
    database_count: i64,
    sso_portal_url: Option<String>,
    /// What this installation offers.
    features: Features,
    idp_managed_roles: bool,
    invoice_budget_amount: &'static str,
    /// Shards of a keyspace: always one.
    keyspace_shard_limit: i64,
    has_card: bool,
    payment_info_required: bool,
    free_databases_remaining: i64,
}

/// Changes to an organization; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UpdateOrganizationBody {
    /// Where notices about it go.
    #[serde(default)]
    pub(crate) billing_email: Option<String>,
}

/// What a member is from now on.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UpdateMembershipBody {
    /// `member`, `analyst` or `admin`.
    pub(crate) role: String,
}

/// What this installation offers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Features {
    insights: bool,
}

impl Organization {
    pub(crate) fn new(row: &OrganizationRow) -> Self {
        Self {
            id: row.id.to_string(),
            r#type: "Organization",
            name: row.name.to_string(),
            billing_email: row.billing_email.clone(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            plan: PLAN,
            valid_billing_info: true,
            sso: false,
            sso_directory: false,
            single_tenancy: true,
            managed_tenancy: false,
            has_past_due_invoices: false,
            database_count: row.database_count,
            sso_portal_url: None,
            features: Features { insights: false },
            idp_managed_roles: false,
            invoice_budget_amount: "0.0",
            keyspace_shard_limit: 1,
            has_card: true,
            payment_info_required: false,
            free_databases_remaining: 0,
        }
    }
}

/// A person.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the contract's own shape")]
pub(crate) struct User {
    /// Public id.
    id: String,
    /// `User`
    r#type: &'static str,
    /// Name for display.
    display_name: String,
    /// Full name.
    name: String,
    /// Address.
    email: String,
    /// A picture.
    avatar_url: String,
    /// When the account was made.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    two_factor_auth_configured: bool,
    sso: bool,
    managed: bool,
    directory_managed: bool,
    email_verified: bool,
}

impl User {
    pub(crate) fn new(ctx: &Ctx<'_>, row: &UserRow) -> Self {
        Self {
            id: row.id.to_string(),
            r#type: "User",
            display_name: row.name.clone(),
            name: row.name.clone(),
            email: row.email.clone(),
            avatar_url: avatar_url(ctx, ActorKind::User, row.id.as_str()),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            two_factor_auth_configured: false,
            sso: false,
            managed: false,
            directory_managed: false,
            email_verified: false,
        }
    }
}

/// A person's place in an organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Membership {
    /// Public id.
    id: String,
    /// `OrganizationMembership`
    r#type: &'static str,
    /// Who.
    user: User,
    /// `member`, `analyst` or `admin`.
    role: &'static str,
    /// Since when.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
}

impl Membership {
    pub(crate) fn new(ctx: &Ctx<'_>, row: &MembershipRow) -> Self {
        Self {
            id: row.id.to_string(),
            r#type: "OrganizationMembership",
            user: User::new(ctx, &row.user),
            role: row.role.as_str(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// A region.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RegionShape<'a> {
    /// Public id.
    id: &'a str,
    /// `Region`
    r#type: &'static str,
    /// Who runs it.
    provider: &'a str,
    /// Whether it may be chosen.
    enabled: bool,
    /// Addresses that its branches call out from.
    public_ip_addresses: &'a [String],
    /// Name for display.
    display_name: &'a str,
    /// Where it is.
    location: &'a str,
    /// As requests name it.
    slug: &'a str,
    /// Whether it is meant when a request names none.
    current_default: bool,
    mysql_supported: bool,
    postgresql_supported: bool,
}

impl<'a> RegionShape<'a> {
    /// The region of a slug. One that the operator has taken out of the settings is still named.
    pub(crate) fn of(settings: &'a Settings, slug: &'a RegionSlug) -> Self {
        match settings.region(slug) {
            Some(region) => Self::new(region),
            None => Self {
                id: "000000000000",
                r#type: "Region",
                provider: "unknown",
                enabled: false,
                public_ip_addresses: &[],
                display_name: slug.as_str(),
                location: "no longer configured",
                slug: slug.as_str(),
                current_default: false,
                mysql_supported: true,
                postgresql_supported: false,
            },
        }
    }

    pub(crate) fn new(region: &'a Region) -> Self {
        Self {
            id: region.id.as_str(),
            r#type: "Region",
            provider: &region.provider,
            enabled: region.enabled,
            public_ip_addresses: &region.public_ip_addresses,
            display_name: &region.display_name,
            location: &region.location,
            slug: region.slug.as_str(),
            current_default: region.current_default,
            mysql_supported: true,
            postgresql_supported: false,
        }
    }
}

/// A cluster size.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sku {
    /// As requests name it.
    name: String,
    /// `ClusterSizeSku`
    r#type: &'static str,
    /// Name for display.
    display_name: String,
    /// CPU share, as text.
    cpu: String,
    storage: Option<i64>,
    /// Memory, in bytes.
    ram: u64,
    metal: bool,
    /// Whether it may be chosen.
    enabled: bool,
    provider: Option<String>,
    default_vtgate: &'static str,
    /// 0 where rates are asked for: nothing is billed.
    default_vtgate_rate: Option<i64>,
    replica_rate: Option<i64>,
    rate: Option<i64>,
    /// Place in lists.
    sort_order: usize,
    architecture: Option<String>,
    /// Whether development branches may have it.
    development: bool,
    /// Whether production branches may have it.
    production: bool,
    provider_instance_type: Option<String>,
}

impl Sku {
    pub(crate) fn new(size: &ClusterSize, sort_order: usize, rates: bool) -> Self {
        let rate = rates.then_some(0);
        Self {
            name: size.name.canonical(),
            r#type: "ClusterSizeSku",
            display_name: size.name.display(),
            cpu: size.cpu.clone(),
            storage: None,
            ram: size.ram_bytes,
            metal: false,
            enabled: true,
            provider: None,
            default_vtgate: VTGATE,
            default_vtgate_rate: rate,
            replica_rate: rate,
            rate,
            sort_order,
            architecture: None,
            development: size.development,
            production: size.production,
            provider_instance_type: None,
        }
    }
}
