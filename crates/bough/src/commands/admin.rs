//! `bough admin NOUN VERB`: makes and repairs organizations, people and tokens, on the metadata
//! database itself, whether the server runs or not. A running server acts on it with its next request.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bough_control::organizations::{OrganizationRow, UserRow};
use bough_control::service_tokens::{GrantRow, GrantSet, NewSecret, TokenRow, WantedScope};
use bough_control::{Caller, ControlPlane, Page};
use bough_model::{Role, Secret};
use bough_policy::{GrantScope, Operation, OrganizationAt, TokenAt};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::setup::{founded_json, password, say_founded};
use super::{operator, plane_without_engine};
use crate::datadir::DataDir;
use crate::{Place, output};

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(clap::Args)]
struct Common {
    #[command(flatten)]
    place: Place,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Noun {
    /// Organizations.
    #[command(subcommand)]
    Organization(OrganizationVerb),
    /// People's accounts.
    #[command(subcommand)]
    User(UserVerb),
    /// People's places in organizations.
    #[command(subcommand)]
    Member(MemberVerb),
    /// Service tokens.
    #[command(subcommand)]
    Token(TokenVerb),
}

#[derive(Subcommand)]
enum OrganizationVerb {
    /// Makes an organization with its administrator and a token that holds every access.
    Create {
        name: String,
        #[arg(long, value_name = "ADDR")]
        email: String,
        /// Reads the administrator's password from standard input, instead of making one up.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
enum UserVerb {
    /// Makes an account.
    Create {
        email: String,
        #[arg(long)]
        name: Option<String>,
        /// Reads the password from standard input, instead of making one up.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lists accounts.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Gives an account another password.
    SetPassword {
        email: String,
        /// Reads the password from standard input, instead of making one up.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Closes an account.
    Disable {
        email: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Admin,
    Analyst,
    Member,
}

#[derive(Subcommand)]
enum MemberVerb {
    /// Makes somebody a member of an organization.
    Add {
        email: String,
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[arg(long, default_value = "member")]
        role: RoleName,
        #[command(flatten)]
        common: Common,
    },
    /// Changes what somebody is in an organization.
    SetRole {
        email: String,
        role: RoleName,
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
    /// Takes somebody out of an organization. His tokens stay.
    Remove {
        email: String,
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
enum TokenVerb {
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
struct Scope {
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

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Analyst => Self::Analyst,
            RoleName::Member => Self::Member,
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    match &args.noun {
        Noun::Organization(verb) => organization(verb),
        Noun::User(verb) => user(verb),
        Noun::Member(verb) => member(verb),
        Noun::Token(verb) => token(verb),
    }
}

fn open(common: &Common) -> Result<(Arc<ControlPlane>, Caller)> {
    let dir = DataDir::existing(&common.place.data_dir)?;
    Ok((plane_without_engine(&common.place, &dir)?, operator()))
}

fn answer(common: &Common, value: &Value, text: &str) {
    if common.json {
        output::say_json(value);
    } else {
        output::say(text);
    }
}

fn organization(verb: &OrganizationVerb) -> Result<()> {
    let OrganizationVerb::Create { name, email, password_stdin, common } = verb;
    let (plane, caller) = open(common)?;
    let password = password(*password_stdin)?;
    let founded = plane.found_organization(&caller, name, email, &password)?;
    if common.json {
        output::say_json(&founded_json(&founded, &password));
    } else {
        say_founded(&founded, &password);
    }
    Ok(())
}

fn user_json(user: &UserRow) -> Value {
    json!({
        "id": user.id.as_str(), "email": user.email, "name": user.name,
        "disabled": user.disabled_at.is_some(), "created_at": user.created_at.to_string(),
    })
}

/// A password that was made up is shown; one that was given is known.
fn answer_user(common: &Common, mut value: Value, user: &UserRow, made_up: Option<&Secret<String>>) {
    let text = match made_up {
        Some(password) => {
            value["password"] = json!(password.expose());
            format!("{}  password {}", user.email, password.expose())
        }
        None => format!("{}  has the password that was given", user.email),
    };
    answer(common, &value, &text);
}

fn user(verb: &UserVerb) -> Result<()> {
    match verb {
        UserVerb::Create { email, name, password_stdin, common } => {
            let (plane, caller) = open(common)?;
            let password = password(*password_stdin)?;
            let user = plane.create_user(&caller, email, name.as_deref(), &password)?;
            let value = user_json(&user);
            answer_user(common, value, &user, (!password_stdin).then_some(&password));
        }
        UserVerb::List { common } => {
            let (plane, caller) = open(common)?;
            let users = plane.list_users(&caller)?;
            let line = |user: &UserRow| {
                let closed = if user.disabled_at.is_some() { "  disabled" } else { "" };
                format!("{}  {}  {}{closed}", user.id, user.email, user.name)
            };
            let text: Vec<String> = users.iter().map(line).collect();
            answer(common, &users.iter().map(user_json).collect(), &text.join("\n"));
        }
        UserVerb::SetPassword { email, password_stdin, common } => {
            let (plane, caller) = open(common)?;
            let password = password(*password_stdin)?;
            let user = plane.repair_user(&caller, email, Some(&password))?;
            let value = user_json(&user);
            answer_user(common, value, &user, (!password_stdin).then_some(&password));
        }
        UserVerb::Disable { email, common } => {
            let (plane, caller) = open(common)?;
            let user = plane.repair_user(&caller, email, None)?;
            answer(common, &user_json(&user), &format!("{} is closed", user.email));
        }
    }
    Ok(())
}

fn member(verb: &MemberVerb) -> Result<()> {
    let (email, organization, role, common) = match verb {
        MemberVerb::Add { email, organization, role, common } => (email, organization, Some(*role), common),
        MemberVerb::SetRole { email, organization, role, common } => {
            (email, organization, Some(*role), common)
        }
        MemberVerb::Remove { email, organization, common } => (email, organization, None, common),
    };
    let (plane, caller) = open(common)?;
    let organization = plane.organization_by_name(&caller, organization)?;
    let role = role.map(Role::from);
    let user = plane.set_member(&caller, &organization, email, role)?;
    let word = role.map_or("no member", Role::as_str);
    let value = json!({"organization": organization.name.as_str(), "user": user_json(&user), "role": role.map(Role::as_str)});
    answer(common, &value, &format!("{} is {word} of {}", user.email, organization.name));
    Ok(())
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
    const PAGE_SIZE: u32 = 500;
    let at = OrganizationAt { organization: organization.id.clone() };
    let granted = caller.grant(Operation::ListServiceTokens, at)?;
    let mut tokens = Vec::new();
    for number in 1.. {
        let (rows, _) = plane.list_tokens(&granted, Page { number, size: PAGE_SIZE })?;
        let last = rows.len() < PAGE_SIZE as usize;
        tokens.extend(rows);
        if last {
            break;
        }
    }
    Ok(tokens)
}

fn token(verb: &TokenVerb) -> Result<()> {
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
