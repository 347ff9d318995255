//! `bough admin NOUN VERB`: makes and repairs organizations, people and tokens, on the metadata
//! database itself, whether the server runs or not. A running server acts on it with its next request.

mod people;
mod tokens;

use std::sync::Arc;

use anyhow::Result;
use bough_control::{Caller, ControlPlane, Page};
use clap::Subcommand;
use serde_json::Value;

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
    User(people::UserVerb),
    /// People's places in organizations.
    #[command(subcommand)]
    Member(people::MemberVerb),
    /// Those who administer a database.
    #[command(subcommand)]
    Administrator(people::AdministratorVerb),
    /// Service tokens.
    #[command(subcommand)]
    Token(tokens::TokenVerb),
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

pub fn run(args: &Args) -> Result<()> {
    match &args.noun {
        Noun::Organization(verb) => organization(verb),
        Noun::User(verb) => people::user(verb),
        Noun::Member(verb) => people::member(verb),
        Noun::Administrator(verb) => people::administrator(verb),
        Noun::Token(verb) => tokens::run(verb),
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

/// All of a list, page by page.
fn every<T>(page: impl Fn(Page) -> Result<Vec<T>>) -> Result<Vec<T>> {
    const PAGE_SIZE: u32 = 500;
    let mut rows = Vec::new();
    for number in 1.. {
        let part = page(Page { number, size: PAGE_SIZE })?;
        let last = part.len() < PAGE_SIZE as usize;
        rows.extend(part);
        if last {
            break;
        }
    }
    Ok(rows)
}
