//! `bough admin token …`: service tokens, their grants and secrets.

use anyhow::{Context as _, Result, bail};
use bough_control::organizations::OrganizationRow;
use bough_control::service_tokens::{GrantRow, GrantSet, NewSecret, TokenRow, WantedScope};
use bough_control::{Caller, ControlPlane};
use bough_policy::{GrantScope, Operation, OrganizationAt, TokenAt};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, answer, every, open};

#[derive(Subcommand)]
pub enum TokenVerb {
    /// Makes a service token and shows its secret, once.
    Create {
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[arg(long)]
        name: Option<String>,
        /// Seconds that it lives; it never ends when this is left out.
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<i64>,
        /// Grants every organization access, and every database access on all databases.
        #[arg(long)]
        all_accesses: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Grants accesses, on the organization unless a database is named.
    Grant {
        id: String,
        #[arg(required = true, value_name = "ACCESS")]
        accesses: Vec<String>,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        common: Common,
    },
    /// Takes accesses away, on the organization unless a database is named.
    Revoke {
        id: String,
        #[arg(required = true, value_name = "ACCESS")]
        accesses: Vec<String>,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tokens of an organization.
    List {
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a token, and those that it made and nobody adopted.
    Delete {
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Cuts a token loose from the token that made it: it no longer ends with that one.
    Adopt {
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Gives a token another secret and shows it, once.
    Rotate {
        id: String,
        /// How long the secret before works too, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        overlap: i64,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub struct Scope {
    /// On this database.
    #[arg(long, value_name = "NAME", conflicts_with = "all_databases")]
    database: Option<String>,
    /// On all current and future databases.
    #[arg(long)]
    all_databases: bool,
}

impl Scope {
    fn wanted(&self) -> WantedScope {
        match &self.database {
            _ if self.all_databases => WantedScope::AllDatabases,
            Some(name) => WantedScope::Database(name.clone()),
            None => WantedScope::Organization,
        }
    }
}

fn token_json(token: &TokenRow) -> Value {
    json!({
        "id": token.id.as_str(), "name": token.name, "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.map(|at| at.to_string()),
        "last_used_at": token.last_used_at.map(|at| at.to_string()),
        "created_by": token.creator.display_name,
    })
}

fn answer_secret(common: &Common, made: &NewSecret) {
    let mut value = token_json(&made.token);
    value["token"] = json!(made.secret.expose());
    let text = format!(
        "ID     {}\ntoken  {}\nThe token is not kept and cannot be shown again.",
        made.token.id,
        made.secret.expose()
    );
    answer(common, &value, &text);
}

fn answer_grants(common: &Common, rows: &[GrantRow]) {
    let place = |row: &GrantRow| match (&row.scope, &row.database) {
        (GrantScope::Organization, _) => "organization".to_owned(),
        (GrantScope::AllDatabases, _) => "all databases".to_owned(),
        (GrantScope::Database(_), Some(database)) => database.name.to_string(),
        (GrantScope::Database(id), None) => id.to_string(),
    };
    let value: Value =
        rows.iter().map(|row| json!({"on": place(row), "access": row.access.name()})).collect();
    let lines: Vec<String> = rows.iter().map(|row| format!("{}  {}", place(row), row.access)).collect();
    answer(common, &value, &lines.join("\n"));
}

fn change_grants(
    id: &str,
    accesses: &[String],
    scope: &Scope,
    common: &Common,
    operation: Operation,
) -> Result<()> {
    let (plane, caller) = open(common)?;
    let (organization, at) = plane.organization_of_token(&caller, id)?;
    let granted = caller.grant(operation, at)?;
    let set = GrantSet { scope: scope.wanted(), accesses: accesses.to_vec() };
    let name = organization.name.as_str();
    let rows = match operation {
        Operation::AddServiceTokenAccesses => plane.add_accesses(&caller, name, &granted, &set),
        _ => plane.remove_accesses(&caller, name, &granted, &set),
    };
    let missing = || match &scope.database {
        Some(database) => format!("there is no database {database:?} in {name}"),
        None => "the token is gone".to_owned(),
    };
    match rows {
        Err(bough_control::Error::NotFound) => bail!(missing()),
        rows => answer_grants(common, &rows?),
    }
    Ok(())
}

fn list_all(plane: &ControlPlane, caller: &Caller, organization: &OrganizationRow) -> Result<Vec<TokenRow>> {
    let at = OrganizationAt { organization: organization.id.clone() };
    let granted = caller.grant(Operation::ListServiceTokens, at)?;
    every(|page| Ok(plane.list_tokens(&granted, page)?.0))
}

pub fn run(verb: &TokenVerb) -> Result<()> {
    match verb {
        TokenVerb::Create { organization, name, ttl, all_accesses, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let made = plane.create_full_token(&caller, &organization, name.clone(), *ttl, *all_accesses)?;
            answer_secret(common, &made);
        }
        TokenVerb::Grant { id, accesses, scope, common } => {
            change_grants(id, accesses, scope, common, Operation::AddServiceTokenAccesses)?;
        }
        TokenVerb::Revoke { id, accesses, scope, common } => {
            change_grants(id, accesses, scope, common, Operation::RemoveServiceTokenAccesses)?;
        }
        TokenVerb::List { organization, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let tokens = list_all(&plane, &caller, &organization)?;
            let line = |token: &TokenRow| {
                let name = token.name.as_deref().unwrap_or("-");
                let ends = token.expires_at.map_or("never ends".to_owned(), |at| format!("ends {at}"));
                let used = token.last_used_at.map_or("never used".to_owned(), |at| format!("used {at}"));
                format!(
                    "{}  {name}  made {} by {}  {used}  {ends}",
                    token.id, token.created_at, token.creator.display_name
                )
            };
            let lines: Vec<String> = tokens.iter().map(line).collect();
            answer(common, &tokens.iter().map(token_json).collect(), &lines.join("\n"));
        }
        TokenVerb::Delete { id, common } => {
            let (plane, caller) = open(common)?;
            let at = locate(&plane, &caller, id)?;
            plane.delete_token(&caller, &caller.grant(Operation::DeleteServiceToken, at)?)?;
            answer(common, &json!({"deleted": id}), &format!("{id} is deleted"));
        }
        TokenVerb::Adopt { id, common } => {
            let (plane, caller) = open(common)?;
            let at = locate(&plane, &caller, id)?;
            let adopted = plane.adopt_token(&caller, &caller.grant(Operation::AdoptServiceToken, at)?)?;
            answer(common, &token_json(&adopted), &format!("{id} no longer ends with another token"));
        }
        TokenVerb::Rotate { id, overlap, common } => {
            let (plane, caller) = open(common)?;
            let at = locate(&plane, &caller, id)?;
            let made =
                plane.rotate_token(&caller, &caller.grant(Operation::RotateServiceToken, at)?, *overlap)?;
            answer_secret(common, &made);
        }
    }
    Ok(())
}

fn locate(plane: &ControlPlane, caller: &Caller, id: &str) -> Result<TokenAt> {
    let (_, at) = plane.organization_of_token(caller, id).context("nothing was changed")?;
    Ok(at)
}
