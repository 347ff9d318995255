//! What a handler works with: who asks, what for, and the house.

use bough_control::model::Role;
use bough_control::pages::database_part;
use bough_control::people::{FormOf, Visitor};
use bough_control::place::Target;
use bough_control::{Caller, ControlPlane, Error, Page as Rows};
use bough_policy::{
    AccessSet, Granted, Level, Located, Nowhere, Operation, OrganizationAt, decide, role_accesses,
};

use crate::Dashboard;
use crate::asked::Asked;
use crate::layout::{ApiCall, Crumb, Link, Notice, Page, Viewer, When, bare, escaped};

/// Most organizations in the switcher.
const ORGANIZATIONS_SHOWN: u32 = 50;

/// One request of somebody who is signed in.
pub(crate) struct Visit<'a> {
    pub(crate) house: &'a Dashboard,
    pub(crate) visitor: &'a Visitor,
    pub(crate) caller: &'a Caller,
    pub(crate) asked: &'a Asked,
}

impl Visit<'_> {
    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.house.plane
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.plane().settings().addresses.public_url
    }

    /// The organization's name, as the path has it.
    pub(crate) fn organization(&self) -> &str {
        self.asked.param("organization")
    }

    /// The database's name or id, as the path has it.
    pub(crate) fn database(&self) -> &str {
        self.asked.param("database")
    }

    /// A time as pages show it.
    pub(crate) fn when(&self, time: bough_control::model::Timestamp) -> When {
        When::of(time, self.plane().now())
    }

    /// What proves that a form was shown to this session.
    pub(crate) fn csrf(&self) -> String {
        self.plane().form_token(FormOf::Session(&self.visitor.session))
    }

    /// The proof of another operation on what this path names, where the viewer may do it: for a button
    /// that is there or says what is missing.
    pub(crate) fn may<T: Target>(&self, operation: Operation) -> Result<T::Proof, Missing> {
        T::authorize(self.plane(), self.caller, operation, self.asked).map_err(|error| Missing::of(&error))
    }

    /// The same for an organization.
    pub(crate) fn may_in(
        &self,
        at: &OrganizationAt,
        operation: Operation,
    ) -> Result<Granted<OrganizationAt>, Missing> {
        decide(&self.caller.principal, operation, Located::new(at.clone()))
            .map_err(|denied| Missing(needed(denied.missing)))
    }

    /// The proof for what concerns oneself.
    pub(crate) fn oneself(&self, operation: Operation) -> Result<Granted<Nowhere>, Error> {
        decide(&self.caller.principal, operation, Located::new(Nowhere)).map_err(Error::Refused)
    }

    /// The API call that does the same as this page.
    pub(crate) fn api_call(&self, operation: Operation, params: &[&str], body: Option<&str>) -> ApiCall {
        ApiCall::of(self.public_url(), operation, params, body)
    }

    /// The surroundings of a page.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn page(&self, title: impl Into<String>) -> Result<Page, Error> {
        let mut page = bare(self.house, self.asked, &title.into());
        page.csrf = self.csrf();
        page.user =
            Some(Viewer { name: self.visitor.user.name.clone(), email: self.visitor.user.email.clone() });
        let mine = self.oneself(Operation::ListOrganizations)?;
        let rows = Rows { number: 1, size: ORGANIZATIONS_SHOWN };
        let (organizations, _) = self.plane().list_organizations(self.caller, &mine, rows)?;
        let here = self.organization();
        page.organizations = organizations
            .iter()
            .map(|row| Link::new(row.name.as_str(), format!("/{}", row.name), row.name.as_str() == here))
            .collect();
        if let Some(row) = organizations.iter().find(|row| row.name.as_str() == here) {
            let root = format!("/{}", row.name);
            let path = self.asked.path.as_str();
            let settings = format!("{root}/settings");
            let in_settings = path == settings || path.starts_with(&format!("{settings}/"));
            page.organization = Some(Link::new(row.name.as_str(), root.clone(), path == root));
            page.palette = format!("{root}/palette");
            page.navigation = vec![
                Link::new("Databases", root.clone(), !in_settings),
                Link::new("Settings", settings, in_settings),
            ];
            page.crumbs = vec![Crumb::new(row.name.as_str(), root)];
        } else if let Some(first) = organizations.first() {
            page.navigation = vec![Link::new("Databases", format!("/{}", first.name), false)];
        }
        let in_docs = self.asked.path == "/docs" || self.asked.path.starts_with("/docs/");
        page.navigation.push(Link::new("API reference", "/docs", in_docs));
        Ok(page)
    }

    /// The address of a branch's page. A branch that is called as a page below its database is found by
    /// its id.
    pub(crate) fn branch_address(&self, database: &str, name: &str, id: &str) -> String {
        format!("/{}/{}/{}", self.organization(), escaped(database), branch_part(name, id))
    }

    /// The address of a database's page, likewise.
    pub(crate) fn database_address(&self, name: &str, id: &str) -> String {
        format!("/{}/{}", self.organization(), escaped(database_part(name, id)))
    }
}

/// A branch's part of an address, below its database's.
pub(crate) fn branch_part(name: &str, id: &str) -> String {
    escaped(bough_control::pages::branch_part(name, id))
}

/// Why a viewer may not do something, in a sentence.
#[derive(Clone, Debug)]
pub(crate) struct Missing(pub(crate) String);

impl Missing {
    fn of(error: &Error) -> Self {
        match error {
            Error::Refused(denied) => Self(needed(denied.missing)),
            other => Self(other.to_string()),
        }
    }
}

/// What would be needed: who has it, then the accesses themselves.
pub(crate) fn needed(missing: AccessSet) -> String {
    let holds = |role| role_accesses(role).intersects(missing);
    let of_database = missing.iter().any(|access| access.level() == Level::Database);
    let who = match (holds(Role::Member), holds(Role::Analyst), of_database) {
        _ if missing.is_empty() => return "Nobody may do this here.".to_owned(),
        (true, ..) => "Members of the organization may do this",
        (_, true, _) => "Analysts and administrators may do this",
        (_, _, true) => "Administrators of the organization or of this database may do this",
        _ => "Administrators of the organization may do this",
    };
    let names = missing.names();
    match names.as_slice() {
        [one] => format!("{who}; it needs the access {one}."),
        more => format!("{who}; it needs one of the accesses {}.", more.join(", ")),
    }
}

impl From<(&'static str, String)> for Notice {
    fn from((kind, text): (&'static str, String)) -> Self {
        Self { kind, text }
    }
}
