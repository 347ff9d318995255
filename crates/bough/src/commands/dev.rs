//! `bough dev`: everything in one go, for the first five minutes and for developing against Bough.

use std::time::Duration;

use anyhow::{Result, bail};
use bough_control::databases::CreateDatabase;
use bough_control::organizations::OrganizationRow;
use bough_control::people::new_password;
use bough_control::{Caller, ControlPlane};
use bough_model::BranchState;
use bough_policy::{Operation, OrganizationAt};

use super::operator;
use super::serve::{self, Running};
use crate::datadir::DataDir;
use crate::output;

const ORGANIZATION: &str = "my-org";
const EMAIL: &str = "admin@example.com";
const SAMPLE: &str = "shop";
/// Longest wait for the sample database, in seconds; the first branch waits for the template as well.
const SAMPLE_LIMIT_SECONDS: u64 = 60;

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    serve: serve::Args,
}

/// What only a first start can show.
struct Secrets {
    token_id: String,
    token: String,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = DataDir::create(&args.serve.place.data_dir)?;
    serve::serve(&args.serve, &dir, move |running| {
        let caller = operator();
        // Only now: whatever could have stood in the way of starting has not, and the secrets that
        // come to be here are shown.
        let fresh = if running.plane.is_set_up(&caller)? { None } else { Some(set_up(running, &caller)?) };
        let organization = running.plane.first_organization(&caller)?;
        let sample = match &fresh {
            Some(_) => make_sample(running, &caller, &organization),
            None => Ok(()),
        };
        say(running.plane, &caller, &organization, fresh.as_ref())?;
        sample
    })
}

fn set_up(running: &Running<'_>, caller: &Caller) -> Result<Secrets> {
    let password = new_password();
    let founded = running.plane.found_organization(caller, ORGANIZATION, EMAIL, &password)?;
    let (token_id, token) =
        (founded.service_token.token.id.to_string(), founded.service_token.secret.expose().clone());
    // Shown at once: whatever happens next, they would be lost.
    output::say(&format!(
        "\nSet up.\n\n  Login  {EMAIL}  password {}\n  Token  ID {token_id}  token {token}\n\nPassword and token are \
         not kept anywhere and are not shown again.\n\n\
         Making the sample database {SAMPLE} …",
        password.expose()
    ));
    Ok(Secrets { token_id, token })
}

/// A database with two tables, so that there is something to branch from.
fn make_sample(running: &Running<'_>, caller: &Caller, organization: &OrganizationRow) -> Result<()> {
    let at = OrganizationAt { organization: organization.id.clone() };
    let granted = caller.grant(Operation::CreateDatabase, at)?;
    let wanted =
        CreateDatabase { name: SAMPLE.to_owned(), notes: "A sample".to_owned(), ..Default::default() };
    running.plane.create_database(caller, &granted, wanted)?;
    let at = running.plane.database_by_name(organization, SAMPLE)?;
    let sample = caller.grant(Operation::GetDatabase, at)?;
    running.plane.await_database(&sample, Duration::from_secs(SAMPLE_LIMIT_SECONDS))?;
    let (branch, schema) = running.plane.branch_by_name(caller, organization, SAMPLE, None)?;
    if branch.state != BranchState::Ready {
        let why = branch.last_error.as_deref().unwrap_or("no reason is known");
        bail!("the sample database is not ready after {SAMPLE_LIMIT_SECONDS} s: {why}");
    }
    running.engine.load_sample(&branch.id, &schema)?;
    Ok(())
}

fn say(
    plane: &ControlPlane,
    caller: &Caller,
    organization: &OrganizationRow,
    fresh: Option<&Secrets>,
) -> Result<()> {
    let url = &plane.settings().addresses.public_url;
    let name = &organization.name;
    // As this very program is called, so that the lines can be pasted.
    let bough = |words: &[&str]| plane.settings().command.line(words);
    let mut text = format!(
        "\nBough is running. Open its pages in a browser, and log in:\n\n  URL    {url}\n  API    {url}/v1 (reference: {url}/docs, \
         description: {url}/v1/openapi.json)\n  \
         MySQL  {}, with a branch's password: *Connect* on its page, or POST …/branches/BRANCH/passwords\n",
        plane.settings().addresses.mysql
    );
    match fresh {
        Some(secrets) => {
            text += &format!(
                "\nMake a branch of the sample database, a MariaDB server of its own:\n\n  \
                 curl -X POST {url}/v1/organizations/{name}/databases/{SAMPLE}/branches \\\n    \
                 -H 'Authorization: {}:{}' \\\n    -H 'Content-Type: application/json' \\\n    \
                 -d '{{\"name\":\"dev\"}}'\n",
                secrets.token_id, secrets.token
            );
            text += &format!(
                "\nMake a database of your own:\n\n  curl -X POST {url}/v1/organizations/{name}/databases \\\n    \
                 -H 'Authorization: {}:{}' \\\n    -H 'Content-Type: application/json' \\\n    -d '{{\"name\":\"blog\"}}'\n\n\
                 For the examples of README.md and docs/api.md:\n\n  export BOUGH_TOKEN_ID={} BOUGH_TOKEN={}\n",
                secrets.token_id, secrets.token, secrets.token_id, secrets.token
            );
        }
        None => {
            let example = format!(
                "\nWith the token in BOUGH_TOKEN_ID and BOUGH_TOKEN:\n\n  curl -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\" \
                 {url}/v1/organizations/{name}/databases\n"
            );
            let email = plane.first_administrator(caller, organization)?;
            text += &format!(
                "  Login  {email}  (a forgotten password: `{}`)\n",
                bough(&["admin", "user", "set-password", &email])
            );
            match plane.oldest_token(caller, organization)? {
                Some(id) => {
                    text += &format!(
                        "  Token  ID {id}  (its secret is kept nowhere; a new one: `{}`)\n",
                        bough(&["admin", "token", "rotate", id.as_str()])
                    );
                }
                None => {
                    text += &format!(
                        "  Token  none; make one: `{}`\n",
                        bough(&[
                            "admin",
                            "token",
                            "create",
                            "--organization",
                            name.as_str(),
                            "--all-accesses"
                        ])
                    );
                }
            }
            text += &example;
        }
    }
    text += &format!(
        "\nLook into a branch with `{}`. Stop with Ctrl-C: branch servers go on; `{}` stops them.\n",
        bough(&["shell", SAMPLE, "main"]),
        bough(&["stop-branches"])
    );
    output::say(&text);
    Ok(())
}
