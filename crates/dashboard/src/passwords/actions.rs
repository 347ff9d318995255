//! What can be done with a password: each a form of its page.

use bough_control::Error;
use bough_control::model::{Cidrs, PasswordName};
use bough_control::passwords::UpdatePassword;
use bough_policy::{Granted, PasswordAt};

use super::routes::shown;
use super::view::Errors;
use super::{database, ranges};
use crate::answer::Answer;
use crate::layout::sentence;
use crate::visit::{Visit, branch_part};

/// What is wrong with a name and with address ranges, as they were typed.
pub(super) fn wrong(name: &str, cidrs: &[String]) -> Errors {
    let mut errors = Errors::default();
    if let Err(problem) = PasswordName::parse(name) {
        errors.name = sentence(&problem.to_string());
    }
    if let Err(problem) = Cidrs::parse(cidrs.iter().map(String::as_str)) {
        errors.ranges = sentence(&problem);
    }
    errors
}

fn address(visit: &Visit<'_>, at: &Granted<PasswordAt>) -> Result<(String, String), Error> {
    let row = visit.plane().get_password(at)?;
    let database = database(visit)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    let list = format!("{root}/{}/passwords", branch_part(row.branch.name.as_str(), row.branch.id.as_str()));
    Ok((format!("{list}/{}", row.id), list))
}

/// Changes its name and the addresses that it may come from.
pub(crate) fn update(visit: &Visit<'_>, at: Granted<PasswordAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["name", "cidrs"])?;
    let (name, cidrs) = (form.get("name").trim(), ranges(form.get("cidrs")));
    let mut errors = wrong(name, &cidrs);
    if name.is_empty() {
        errors.name = "A password has a name: what will log in with it?".to_owned();
    }
    if !errors.is_empty() {
        return shown(visit, &at, errors);
    }
    let before = visit.plane().get_password(&at)?;
    let unchanged = Cidrs::parse(cidrs.iter().map(String::as_str)).is_ok_and(|cidrs| cidrs == before.cidrs);
    let wanted = UpdatePassword {
        name: (name != before.name).then(|| name.to_owned()),
        cidrs: (!unchanged).then_some(cidrs),
        ..UpdatePassword::default()
    };
    let (own, _) = address(visit, &at)?;
    match visit.plane().update_password(visit.caller, &at, &wanted) {
        Ok(_) => Ok(Answer::see(own).saying("Name and addresses are saved.")),
        Err(Error::Invalid(why)) => shown(visit, &at, Errors { all: sentence(&why), ..Errors::default() }),
        Err(error) => Err(error),
    }
}

/// Has it live from now on as long as it was made for.
pub(crate) fn renew(visit: &Visit<'_>, at: Granted<PasswordAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let (own, _) = address(visit, &at)?;
    match visit.plane().renew_password(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(own).saying(match row.expires_at {
            Some(ends) => format!("{} is renewed: it expires {}.", row.name, visit.when(ends).relative),
            None => format!("{} never expires.", row.name),
        })),
        Err(Error::Invalid(why)) => shown(visit, &at, Errors { all: sentence(&why), ..Errors::default() }),
        Err(error) => Err(error),
    }
}

/// Deletes it, once its name or id was typed.
pub(crate) fn delete(visit: &Visit<'_>, at: Granted<PasswordAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["confirm"])?;
    let row = visit.plane().get_password(&at)?;
    let typed = form.get("confirm").trim();
    if typed != row.id.as_str() && typed != row.name {
        let confirm =
            format!("This is neither the password's id, {}, nor its name. Nothing was deleted.", row.id);
        return shown(visit, &at, Errors { confirm, ..Errors::default() });
    }
    let (_, list) = address(visit, &at)?;
    visit.plane().delete_password(visit.caller, &at)?;
    Ok(Answer::see(list).saying(format!("Password {} was deleted: it opens nothing any more.", row.name)))
}
