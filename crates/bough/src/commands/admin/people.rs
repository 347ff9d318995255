//! `bough admin user|member|administrator …`: accounts, places in organizations, who administers a database.

use anyhow::{Result, bail};
use bough_control::Error;
use bough_control::organizations::{MembershipRow, OrganizationRow, UserRow};
use bough_control::people::{AdministratorRow, RemoveMember};
use bough_model::{Role, Secret};
use bough_policy::{Operation, OrganizationAt};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::super::setup::password;
use super::{Common, answer, every, open};

#[derive(Subcommand)]
pub enum UserVerb {
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
    /// Gives an account another password. All its sessions end.
    SetPassword {
        email: String,
        /// Reads the password from standard input, instead of making one up.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Closes an account. All its sessions end; its memberships and tokens stay.
    Disable {
        email: String,
        #[command(flatten)]
        common: Common,
    },
    /// Opens a closed account again.
    Enable {
        email: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleName {
    Admin,
    Analyst,
    Member,
}

#[derive(Subcommand)]
pub enum MemberVerb {
    /// Makes somebody a member of an organization; one who is a member already gets the role.
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
    /// Lists the members of an organization.
    List {
        #[arg(long, value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
    /// Takes somebody out of an organization, and from among the administrators of its databases. His
    /// tokens stay.
    Remove {
        email: String,
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// Deletes the service tokens that he has made, too.
        #[arg(long)]
        delete_service_tokens: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub enum AdministratorVerb {
    /// Makes a member of the organization an administrator of a database.
    Add {
        email: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Takes somebody out from among the administrators of a database.
    Remove {
        email: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the administrators of a database. Those of its organization administer it, too.
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
}

/// A database.
#[derive(clap::Args)]
pub struct Of {
    #[arg(long, value_name = "NAME")]
    organization: String,
    #[arg(long, value_name = "NAME")]
    database: String,
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

pub fn user(verb: &UserVerb) -> Result<()> {
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
            let user = plane.set_user_password(&caller, email, &password)?;
            let value = user_json(&user);
            answer_user(common, value, &user, (!password_stdin).then_some(&password));
        }
        UserVerb::Disable { email, common } => {
            let (plane, caller) = open(common)?;
            let user = plane.set_user_disabled(&caller, email, true)?;
            answer(common, &user_json(&user), &format!("{} is closed", user.email));
        }
        UserVerb::Enable { email, common } => {
            let (plane, caller) = open(common)?;
            let user = plane.set_user_disabled(&caller, email, false)?;
            answer(common, &user_json(&user), &format!("{} is open", user.email));
        }
    }
    Ok(())
}

/// What somebody is from now on.
fn answer_member(common: &Common, organization: &OrganizationRow, user: &UserRow, role: Option<Role>) {
    let word = role.map_or("no member", Role::as_str);
    let value = json!({
        "organization": organization.name.as_str(), "user": user_json(user), "role": role.map(Role::as_str),
    });
    answer(common, &value, &format!("{} is {word} of {}", user.email, organization.name));
}

pub fn member(verb: &MemberVerb) -> Result<()> {
    match verb {
        MemberVerb::Add { email, organization, role, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let role = Role::from(*role);
            let user = plane.set_member(&caller, &organization, email, role)?;
            answer_member(common, &organization, &user, Some(role));
        }
        MemberVerb::SetRole { email, organization, role, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let (_, at) = plane.member_by_email(&caller, &organization, email)?;
            let granted = caller.grant(Operation::UpdateOrganizationMembership, at)?;
            let member = plane.set_role(&caller, &granted, Role::from(*role))?;
            answer_member(common, &organization, &member.user, Some(member.role));
        }
        MemberVerb::Remove { email, organization, delete_service_tokens, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let (member, at) = plane.member_by_email(&caller, &organization, email)?;
            let granted = caller.grant(Operation::RemoveOrganizationMember, at)?;
            let wanted = RemoveMember { delete_service_tokens: *delete_service_tokens, ..Default::default() };
            plane.remove_member(&caller, &granted, wanted)?;
            answer_member(common, &organization, &member.user, None);
        }
        MemberVerb::List { organization, common } => {
            let (plane, caller) = open(common)?;
            let organization = plane.organization_by_name(&caller, organization)?;
            let at = OrganizationAt { organization: organization.id.clone() };
            let granted = caller.grant(Operation::ListOrganizationMembers, at)?;
            let members = every(|page| Ok(plane.list_members(&granted, "", page)?.0))?;
            let value = members
                .iter()
                .map(|member| json!({"user": user_json(&member.user), "role": member.role.as_str()}))
                .collect();
            let line = |member: &MembershipRow| {
                format!("{}  {}  {}", member.user.id, member.user.email, member.role.as_str())
            };
            let lines: Vec<String> = members.iter().map(line).collect();
            answer(common, &value, &lines.join("\n"));
        }
    }
    Ok(())
}

pub fn administrator(verb: &AdministratorVerb) -> Result<()> {
    let (of, common) = match verb {
        AdministratorVerb::Add { of, common, .. }
        | AdministratorVerb::Remove { of, common, .. }
        | AdministratorVerb::List { of, common } => (of, common),
    };
    let (plane, caller) = open(common)?;
    let organization = plane.organization_by_name(&caller, &of.organization)?;
    let at = plane.database_by_name(&organization, &of.database)?;
    let json = |row: &AdministratorRow| {
        json!({
            "user": user_json(&row.user), "role": row.role.as_str(), "added_at": row.added_at.map(|at| at.to_string()),
        })
    };
    let path = format!("{}/{}", organization.name, of.database);
    match verb {
        AdministratorVerb::Add { email, .. } => {
            let (member, _) = plane.member_by_email(&caller, &organization, email)?;
            let granted = caller.grant(Operation::AddDatabaseAdministrator, at)?;
            let row = plane.add_database_administrator(&caller, &granted, member.user.id.as_str())?;
            answer(common, &json(&row), &format!("{} administers {path}", row.user.email));
        }
        AdministratorVerb::Remove { email, .. } => {
            let (member, _) = plane.member_by_email(&caller, &organization, email)?;
            let email = &member.user.email;
            let granted = caller.grant(Operation::RemoveDatabaseAdministrator, at)?;
            match plane.remove_database_administrator(&caller, &granted, member.user.id.as_str()) {
                Err(Error::NotFound) => bail!("{email} does not administer {path}"),
                removed => removed?,
            }
            let value = json!({"user": user_json(&member.user), "database": of.database});
            answer(common, &value, &format!("{email} does not administer {path} any more"));
        }
        AdministratorVerb::List { .. } => {
            let granted = caller.grant(Operation::ListDatabaseAdministrators, at)?;
            let rows = every(|page| Ok(plane.list_database_administrators(&granted, page)?.0))?;
            let line = |row: &AdministratorRow| format!("{}  {}", row.user.id, row.user.email);
            let lines: Vec<String> = rows.iter().map(line).collect();
            answer(common, &rows.iter().map(json).collect(), &lines.join("\n"));
        }
    }
    Ok(())
}
