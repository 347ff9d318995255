//! What things are called in the addresses of their pages. Databases and branches stand where pages do: one
//! that is called as a page is found by its id there.

/// Pages of an organization that stand where its databases do.
const DATABASE_PAGES: [&str; 3] = ["new", "settings", "palette"];
/// Pages of a database that stand where its branches do.
const BRANCH_PAGES: [&str; 6] = ["branches", "settings", "events", "connect", "passwords", "delete"];

/// What a database is called in the address of its page.
pub fn database_part<'a>(name: &'a str, id: &'a str) -> &'a str {
    if DATABASE_PAGES.contains(&name) { id } else { name }
}

/// What a branch is called in the address of its page.
pub fn branch_part<'a>(name: &'a str, id: &'a str) -> &'a str {
    if BRANCH_PAGES.contains(&name) { id } else { name }
}
