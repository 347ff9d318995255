//! How clients are told where to connect, each in its own words.

use std::io::Read as _;
use std::net::IpAddr;

use bough_model::Secret;

use super::PasswordRow;
use crate::{Addresses, ControlPlane, Error, Result};

/// What stands where the secret belongs once that is not known any more.
pub const PASSWORD_PLACE: &str = "PASSWORD";
/// What the authority's file is called where clients have fetched it.
pub const AUTHORITY_FILE: &str = "bough-ca.pem";
/// The authorities that a machine trusts, where Debian and those who follow it keep them.
const TRUSTED_BY_THE_MACHINE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `host:port` in its parts; the host without the brackets of an IPv6 address.
fn host_and_port(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "3306"));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// Whether a host of this kind is reached from its own machine only.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Text as a part of a URL's query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Text as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Largest file of an authority, in bytes.
const AUTHORITY_MAX_BYTES: u64 = 64 * 1024;

impl ControlPlane {
    /// The certificate of the authority by which clients know the MySQL address, as PEM; `None` where the
    /// machine's own authorities do. It is no secret.
    ///
    /// # Errors
    /// When its file cannot be read, or holds anything but certificates: a key must never go out with it.
    pub fn mysql_authority(&self) -> Result<Option<String>> {
        let Some(path) = &self.settings.addresses.mysql_ca else { return Ok(None) };
        let failed = |why: &dyn std::fmt::Display| Error::Internal(format!("the authority's file: {why}"));
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        file.take(AUTHORITY_MAX_BYTES).read_to_string(&mut text).map_err(|error| failed(&error))?;
        let begins: Vec<&str> = text.lines().filter(|line| line.starts_with("-----BEGIN ")).collect();
        if begins.is_empty() || begins.iter().any(|line| *line != "-----BEGIN CERTIFICATE-----") {
            return Err(failed(&"it holds something else than certificates"));
        }
        Ok(Some(text))
    }
}

/// Ready strings by the name of the client, with the secret in them as far as it is known. Secrets, user names
/// and the names of schemas need no escaping anywhere: they are of letters, digits, `-` and `_`.
pub fn connection_strings(
    addresses: &Addresses,
    password: &PasswordRow,
    secret: Option<&Secret<String>>,
) -> Secret<Vec<(&'static str, String)>> {
    let at = addresses.mysql.as_str();
    let (host, port) = host_and_port(at);
    let (user, schema) = (password.username.as_str(), password.branch.schema.as_str());
    let secret = secret.map_or(PASSWORD_PLACE, |secret| secret.expose().as_str());
    let authority = match addresses.mysql_ca.as_deref() {
        None => TRUSTED_BY_THE_MACHINE,
        // Whoever connects to it is on this machine.
        Some(here) if is_loopback(host) => here,
        Some(_) => AUTHORITY_FILE,
    };
    let (in_url, in_shell) = (escaped(authority), quoted(authority));
    let url = format!("mysql://{user}:{secret}@{at}/{schema}");
    let shell = format!("--host={host} --port={port} --user={user} --password={secret}");
    let lines = |lines: &[(&str, &str)]| {
        lines.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
    };
    Secret::new(vec![
        ("mariadb", format!("mariadb {shell} --ssl-ca={in_shell} --ssl-verify-server-cert {schema}")),
        ("mysql", format!("mysql {shell} --ssl-mode=VERIFY_IDENTITY --ssl-ca={in_shell} {schema}")),
        ("url", url.clone()),
        (
            "env",
            lines(&[
                ("DATABASE_URL", &url),
                ("DATABASE_HOST", host),
                ("DATABASE_PORT", port),
                ("DATABASE_USERNAME", user),
                ("DATABASE_PASSWORD", secret),
                ("DATABASE_NAME", schema),
                ("DATABASE_SSL_CA", &in_shell),
            ]),
        ),
        ("prisma", format!("{url}?sslaccept=strict&sslcert={in_url}")),
        ("sqlalchemy", format!("mysql+pymysql{}?ssl_ca={in_url}", &url["mysql".len()..])),
        (
            "laravel",
            lines(&[
                ("DB_CONNECTION", "mysql"),
                ("DB_HOST", host),
                ("DB_PORT", port),
                ("DB_DATABASE", schema),
                ("DB_USERNAME", user),
                ("DB_PASSWORD", secret),
                ("MYSQL_ATTR_SSL_CA", &in_shell),
            ]),
        ),
        (
            "rails",
            format!("{}?ssl_mode=verify_identity&sslca={in_url}", url.replacen("mysql:", "mysql2:", 1)),
        ),
        ("rust", format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={in_url}")),
        ("go", format!("{user}:{secret}@tcp({at})/{schema}?tls=true&parseTime=true")),
        ("node", format!("{url}?ssl=%7B%22rejectUnauthorized%22%3Atrue%2C%22verifyIdentity%22%3Atrue%7D")),
        (
            "jdbc",
            format!(
                "jdbc:mariadb://{at}/{schema}?user={user}&password={secret}&sslMode=verify-full&serverSslCert={in_url}"
            ),
        ),
    ])
}
