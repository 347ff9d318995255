//! General settings, and what the operator offers.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::organizations::UpdateOrganization;
use bough_policy::{Granted, Operation, OrganizationAt};

use super::around;
use super::view::{General, Region, Regions, Size};
use crate::answer::Answer;
use crate::branches::bytes;
use crate::databases::reason;
use crate::layout::sentence;
use crate::visit::Visit;

/// General.
pub(crate) fn general(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    general_with(visit, &at, None)
}

/// As it is, or with what was typed and what is wrong with it.
fn general_with(
    visit: &Visit<'_>,
    at: &Granted<OrganizationAt>,
    refused: Option<(&str, String)>,
) -> Result<Answer, Error> {
    let row = visit.plane().get_organization(at)?;
    let root = format!("/{}/settings", row.name);
    let mut page = around(visit, "", None)?;
    page.address.clone_from(&root);
    page.api_call = Some(visit.api_call(Operation::GetOrganization, &[visit.organization()], None));
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (billing_email, error) = match refused {
        Some((typed, error)) => (typed.to_owned(), error),
        None => (row.billing_email, String::new()),
    };
    Answer::page_with(
        status,
        &General {
            page,
            root,
            name: row.name.to_string(),
            id: row.id.to_string(),
            created: visit.when(row.created_at),
            databases: row.database_count,
            api: format!("{}/v1/organizations/{}", visit.public_url(), row.name),
            billing_email,
            error,
            may_not: reason(visit.may::<OrganizationAt>(Operation::UpdateOrganization)),
        },
    )
}

/// Changes them.
pub(crate) fn save(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["billing_email"])?;
    let typed = form.get("billing_email").trim();
    let wanted = UpdateOrganization { billing_email: Some(typed.to_owned()) };
    match visit.plane().update_organization(visit.caller, &at, &wanted) {
        Ok(row) => {
            Ok(Answer::see(format!("/{}/settings", row.name)).saying("The billing e-mail address was saved."))
        }
        Err(Error::Invalid(why)) => general_with(visit, &at, Some((typed, sentence(&why)))),
        Err(error) => Err(error),
    }
}

const fn which(development: bool, production: bool) -> &'static str {
    match (development, production) {
        (true, true) => "Development and production",
        (true, false) => "Development",
        (false, true) => "Production",
        (false, false) => "None",
    }
}

/// A count of bytes as the settings count them.
fn memory(count: u64) -> String {
    bytes(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Regions and cluster sizes.
pub(crate) fn regions(visit: &Visit<'_>, _: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let settings = visit.plane().settings();
    let mut page = around(visit, "/regions", None)?;
    page.api_call = Some(visit.api_call(Operation::ListClusterSizeSkus, &[visit.organization()], None));
    let region = |region: &bough_control::model::Region| Region {
        name: region.display_name.clone(),
        slug: region.slug.to_string(),
        location: region.location.clone(),
        provider: region.provider.clone(),
        addresses: region.public_ip_addresses.clone(),
        default: region.current_default,
        enabled: region.enabled,
    };
    let default = |name: &bough_control::model::ClusterSizeName| {
        let (development, production) = (&settings.default_development_size, &settings.default_size);
        match (name == development, name == production) {
            (false, false) => "",
            (development, production) => which(development, production),
        }
    };
    let size = |size: &bough_control::model::ClusterSize| Size {
        name: size.name.canonical(),
        shown: size.name.display(),
        cpu: size.cpu.clone(),
        memory: memory(size.ram_bytes),
        pool: memory(size.buffer_pool_bytes),
        connections: size.max_connections,
        branches: which(size.development, size.production),
        default: default(&size.name),
    };
    Answer::page(&Regions {
        page,
        regions: settings.regions.iter().map(region).collect(),
        sizes: settings.sizes.iter().map(size).collect(),
    })
}
