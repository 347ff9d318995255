//! Cookies: which there are, and how they are written.

use axum::http::{HeaderMap, header};

use crate::Dashboard;

/// Who is signed in.
pub(crate) const SESSION: &str = "bough_session";
/// Who looks at the form to sign in: what that form is proved with.
pub(crate) const VISITOR: &str = "bough_visitor";
/// Light or dark.
pub(crate) const THEME: &str = "bough_theme";
/// What the last action did, for the next page to say.
pub(crate) const NOTICE: &str = "bough_notice";

/// Seconds for which a chosen theme is remembered.
const THEME_SECONDS: u64 = 31_536_000;
/// Seconds in which the next page has to come for a notice to be shown.
const NOTICE_SECONDS: u64 = 30;

/// A cookie of a request. Of several of one name, which a browser does not send, the first counts.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

impl Dashboard {
    /// The name of a cookie that is a secret. Under https a browser takes it from nobody but this very
    /// host, over https.
    pub(crate) fn secret_cookie(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    fn write(&self, name: &str, value: &str, life: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}")
    }

    /// A secret cookie that lives as long as the browser runs.
    pub(crate) fn keep_secret(&self, name: &str, value: &str) -> String {
        self.write(&self.secret_cookie(name), value, "")
    }

    /// The end of a secret cookie.
    pub(crate) fn end_secret(&self, name: &str) -> String {
        self.write(&self.secret_cookie(name), "", "; Max-Age=0")
    }

    /// The chosen theme; empty for the system's.
    pub(crate) fn keep_theme(&self, theme: &str) -> String {
        let life = if theme.is_empty() { 0 } else { THEME_SECONDS };
        self.write(THEME, theme, &format!("; Max-Age={life}"))
    }

    /// A notice for the next page; `None` ends it.
    pub(crate) fn keep_notice(&self, notice: Option<(&str, &str)>) -> String {
        match notice {
            None => self.write(NOTICE, "", "; Max-Age=0"),
            Some(notice) => {
                let text = serde_urlencoded::to_string([notice]).unwrap_or_default();
                self.write(NOTICE, &text.replace('=', "."), &format!("; Max-Age={NOTICE_SECONDS}"))
            }
        }
    }
}

/// What a notice's cookie says: its kind and its text.
pub(crate) fn read_notice(value: &str) -> Option<(&'static str, String)> {
    let (kind, text) = value.split_once('.')?;
    let kind = ["info", "success", "warning", "danger"].into_iter().find(|known| *known == kind)?;
    let read: Vec<(String, String)> = serde_urlencoded::from_str(&format!("text={text}")).ok()?;
    read.into_iter().next().map(|(_, text)| (kind, text))
}
