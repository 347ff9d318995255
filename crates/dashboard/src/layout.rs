//! What is around every page: who looks at it, where he is, where he can go, and the API call that does
//! the same.

use bough_control::model::Timestamp;
use bough_policy::Operation;

use crate::Dashboard;
use crate::asked::Asked;
use crate::reference::is_for_people;

/// What `layout.html` reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Of the page, in the head and as its heading.
    pub(crate) title: String,
    /// `light`, `dark`, or empty for the system's.
    pub(crate) theme: &'static str,
    pub(crate) css_url: String,
    pub(crate) js_url: String,
    pub(crate) icon_url: String,
    /// Proves that a form was made here.
    pub(crate) csrf: String,
    /// Path and query of this page.
    pub(crate) address: String,
    /// Who is signed in.
    pub(crate) user: Option<Viewer>,
    /// The organization that the page is in.
    pub(crate) organization: Option<Link>,
    /// Those that one can change to.
    pub(crate) organizations: Vec<Link>,
    /// The sections.
    pub(crate) navigation: Vec<Link>,
    /// Where the palette looks things up.
    pub(crate) palette: String,
    /// The way to this page; the last is the page itself.
    pub(crate) crumbs: Vec<Crumb>,
    /// The second level, below the title.
    pub(crate) tabs: Vec<Link>,
    /// What the second level is of.
    pub(crate) tabs_label: String,
    /// The second level stands at the side.
    pub(crate) tabs_side: bool,
    /// As wide as the window.
    pub(crate) wide: bool,
    /// What the last action did.
    pub(crate) notice: Option<Notice>,
    /// The API call that does the same.
    pub(crate) api_call: Option<ApiCall>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) name: String,
    pub(crate) email: String,
}

/// A way to another page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: String,
    /// The link leads to this page.
    pub(crate) current: bool,
    /// The page is one of those below what the link leads to.
    pub(crate) around: bool,
}

impl Link {
    pub(crate) fn new(text: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        Self { text: text.into(), href: href.into(), current, around: false }
    }

    pub(crate) fn around(self, around: bool) -> Self {
        Self { around, ..self }
    }
}

/// A step on the way to this page.
#[derive(Clone, Debug)]
pub(crate) struct Crumb {
    pub(crate) text: String,
    /// Empty for the page itself.
    pub(crate) href: String,
}

impl Crumb {
    pub(crate) fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into() }
    }
}

/// What the last action did.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// `info`, `success`, `warning` or `danger`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// The API call that does the same as a page.
#[derive(Clone, Debug)]
pub(crate) struct ApiCall {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// The line for the shell; empty where no service token can be granted what it needs.
    pub(crate) curl: String,
}

impl ApiCall {
    /// Of an operation, its path's parameters filled in, in their order; with a body that is sent.
    pub(crate) fn of(public_url: &str, operation: Operation, params: &[&str], body: Option<&str>) -> Self {
        let row = operation.row();
        let mut given = params.iter();
        let path: Vec<String> = row
            .path
            .split('/')
            .map(|part| match part.starts_with('{').then(|| given.next()).flatten() {
                Some(param) => escaped(param),
                None => part.to_owned(),
            })
            .collect();
        let path = format!("/v1{}", path.join("/"));
        let method = row.method.as_str();
        if is_for_people(row.rule) {
            return Self { method, path, curl: String::new() };
        }
        let mut curl = "curl".to_owned();
        if method != "GET" {
            curl.push_str(&format!(" -X {method}"));
        }
        curl.push_str(" -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\"");
        if let Some(body) = body {
            curl.push_str(&format!(
                " -H 'Content-Type: application/json' -d '{}'",
                body.replace('\'', r"'\''")
            ));
        }
        curl.push_str(&format!(" {public_url}{path}"));
        Self { method, path, curl }
    }
}

/// A part of a path, fit for an address.
pub(crate) fn escaped(part: &str) -> String {
    let mut address = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(byte))
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// A text of the house as a sentence of a page. A name such as `read_branch` stays as it is.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let is_name = text.split(' ').next().is_some_and(|word| word.contains('_'));
    let mut letters = text.chars();
    let first = letters.next().filter(|_| !is_name);
    let mut sentence: String = first.into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(if is_name { text } else { letters.as_str() });
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

/// The foot of a list that has several pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    /// Address of the page before, or empty.
    pub(crate) previous: String,
    /// Address of the page after, or empty.
    pub(crate) next: String,
    /// Which rows these are: `1–25 of 240`.
    pub(crate) text: String,
}

impl Pages {
    /// Of a list of which `shown` rows stand on this page of at most `size`; addresses keep what else was
    /// asked for.
    pub(crate) fn of(asked: &Asked, size: u32, shown: usize, total: i64) -> Self {
        let number = asked.page_number();
        let address = |number: u32| {
            let mut query = String::new();
            for (name, value) in asked.query.iter().filter(|(name, _)| name != "page") {
                query.push_str(&format!("{}={}&", escaped(name), escaped(value)));
            }
            format!("{}?{query}page={number}", asked.path)
        };
        let before = i64::from(number - 1) * i64::from(size);
        let last = before + i64::try_from(shown).unwrap_or(0);
        Self {
            previous: if number > 1 { address(number - 1) } else { String::new() },
            next: if last < total && shown > 0 { address(number + 1) } else { String::new() },
            text: match shown {
                0 => format!("none of {total}"),
                _ => format!("{}–{last} of {total}", before + 1),
            },
        }
    }
}

/// A time as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// `2026-08-01T10:00:00Z`.
    pub(crate) iso: String,
    /// `2026-08-01 10:00:00 UTC`.
    pub(crate) full: String,
    /// `3 hours ago`.
    pub(crate) relative: String,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MONTH: i64 = 30 * DAY;
const YEAR: i64 = 365 * DAY;
const MICROS: i64 = 1_000_000;

impl When {
    pub(crate) fn of(time: Timestamp, now: Timestamp) -> Self {
        let text = time.to_string();
        let second = text.get(..19).unwrap_or(&text);
        Self {
            iso: format!("{second}Z"),
            full: format!("{} UTC", second.replace('T', " ")),
            relative: relative(time.as_micros().div_euclid(MICROS), now.as_micros().div_euclid(MICROS)),
        }
    }
}

/// How long ago, or in how long; the script of the pages says it by the same rule.
fn relative(time: i64, now: i64) -> String {
    let (distance, ahead) = ((now - time).abs(), time > now);
    let (count, unit) = match distance {
        0..MINUTE if ahead => return "in less than a minute".to_owned(),
        0..MINUTE => return "just now".to_owned(),
        MINUTE..HOUR => (distance / MINUTE, "minute"),
        HOUR..DAY => (distance / HOUR, "hour"),
        DAY..MONTH => (distance / DAY, "day"),
        MONTH..YEAR => (distance / MONTH, "month"),
        _ => (distance / YEAR, "year"),
    };
    let told = counted(u64::try_from(count).unwrap_or_default(), unit);
    if ahead { format!("in {told}") } else { format!("{told} ago") }
}

/// So many of something: `1 hour`, `2 hours`.
pub(crate) fn counted(count: u64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A page around which there is nobody yet: the login form, and errors before there is a session.
pub(crate) fn bare(house: &Dashboard, asked: &Asked, title: &str) -> Page {
    Page {
        title: title.to_owned(),
        theme: asked.theme,
        css_url: house.assets.css().to_owned(),
        js_url: house.assets.js().to_owned(),
        icon_url: house.assets.icon().to_owned(),
        address: asked.address.clone(),
        notice: asked.notice.clone().map(|(kind, text)| Notice { kind, text }),
        ..Page::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_the_script_tells_them() {
        let told: Vec<String> = [
            0, 59, 60, 3_599, 3_600, 86_399, 86_400, 2_591_999, 2_592_000, 31_535_999, 31_536_000, -10, -120,
        ]
        .into_iter()
        .map(|ago| relative(1_000_000_000 - ago, 1_000_000_000))
        .collect();
        assert_eq!(
            told,
            [
                "just now",
                "just now",
                "1 minute ago",
                "59 minutes ago",
                "1 hour ago",
                "23 hours ago",
                "1 day ago",
                "29 days ago",
                "1 month ago",
                "12 months ago",
                "1 year ago",
                "in less than a minute",
                "in 2 minutes"
            ]
        );
    }

    #[test]
    fn an_api_call_names_what_the_page_is_about_and_cannot_break_out_of_its_quotes() {
        let call = ApiCall::of(
            "http://h:1",
            Operation::CreateBranch,
            &["acme", "a b/c"],
            Some(r#"{"name":"it's"}"#),
        );
        assert_eq!(call.path, "/v1/organizations/acme/databases/a%20b%2Fc/branches");
        assert_eq!(
            call.curl,
            "curl -X POST -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\" -H 'Content-Type: application/json' \
             -d '{\"name\":\"it'\\''s\"}' http://h:1/v1/organizations/acme/databases/a%20b%2Fc/branches"
        );
        let people = ApiCall::of("http://h:1", Operation::GetCurrentUser, &[], None);
        assert_eq!(people.curl, "", "no line that is refused to whoever runs it");
    }
}
