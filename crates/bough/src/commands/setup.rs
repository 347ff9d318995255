//! `bough setup`: the first organization, its administrator, and a token that opens everything.

use anyhow::{Result, bail};
use bough_control::people::new_password;
use bough_control::setup::Founded;
use bough_model::Secret;
use serde_json::{Value, json};

use super::{operator, plane_without_engine};
use crate::datadir::DataDir;
use crate::{Place, output};

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The organization's name, which is also its name in paths.
    #[arg(long, value_name = "NAME")]
    organization: String,
    /// The administrator's e-mail address.
    #[arg(long, value_name = "ADDR")]
    email: String,
    /// Reads the administrator's password from standard input, instead of making one up.
    #[arg(long)]
    password_stdin: bool,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
}

/// The password to use: read, or made up.
pub fn password(stdin: bool) -> Result<Secret<String>> {
    if stdin { output::read_password() } else { Ok(new_password()) }
}

/// A founded organization, for a script.
pub fn founded_json(founded: &Founded, password: &Secret<String>) -> Value {
    json!({
        "organization": {"id": founded.organization.id.as_str(), "name": founded.organization.name.as_str()},
        "user": {"id": founded.user.id.as_str(), "email": founded.user.email, "name": founded.user.name},
        "password": password.expose(),
        "service_token": {
            "id": founded.service_token.token.id.as_str(),
            "token": founded.service_token.secret.expose(),
        },
    })
}

/// A founded organization, for people.
pub fn say_founded(founded: &Founded, password: &Secret<String>) {
    output::say(&format!("Organization   {}", founded.organization.name));
    output::say(&format!("Administrator  {}  password {}", founded.user.email, password.expose()));
    output::say(&format!("Service token  ID     {}", founded.service_token.token.id));
    output::say(&format!("               token  {}", founded.service_token.secret.expose()));
    output::say("Password and token are not kept and cannot be shown again.");
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::create(&args.place.data_dir)?;
    let plane = plane_without_engine(&args.place, &dir)?;
    let caller = operator();
    if plane.is_set_up(&caller)? {
        bail!(
            "{} is set up already; further organizations are made with `bough admin organization create`",
            dir.root().display()
        );
    }
    let password = password(args.password_stdin)?;
    let founded = plane.found_organization(&caller, &args.organization, &args.email, &password)?;
    if args.json {
        output::say_json(&founded_json(&founded, &password));
    } else {
        say_founded(&founded, &password);
    }
    Ok(())
}
