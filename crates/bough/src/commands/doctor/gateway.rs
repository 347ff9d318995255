//! Whether MySQL clients are let in: who listens for them, and the certificate that they are shown.

use std::net::SocketAddr;

use bough_peers::Neighbours;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

use super::address::check_served;
use super::report::{Check, Level, Report, quoted};
use super::scene::{Kind, Scene};
use super::serving::Serving;
use crate::gateway::certificates::{Certificates, Source};
use crate::gateway::{public_address, source};

pub fn check(scene: &Scene, report: &mut Report) {
    if scene.kind != Kind::Ours {
        return;
    }
    check_listeners(scene, report);
    check_certificate(scene, report);
}

fn check_listeners(scene: &Scene, report: &mut Report) {
    let Serving::Process(process) = &scene.serving else { return };
    if let Some(mysql) = process.mysql {
        return check_served(Check::Gateway, mysql, process.pid, report);
    }
    if scene.config.gateway.in_serve {
        // It has not begun to listen; the check of the addresses says so.
        return;
    }
    match Neighbours::of(&scene.dir.run()).running() {
        Ok(running) if running.is_empty() => report.wrong(
            Check::Gateway,
            Level::Failure,
            "nobody listens for MySQL clients: [gateway] in_serve is false, and no gateway process runs",
            format!("bough gateway --data-dir {}, as a service of its own", quoted(scene.root())),
        ),
        Ok(running) => {
            let processes = if running.len() == 1 { "process" } else { "processes" };
            report.ok(Check::Gateway, format!("{} gateway {processes} of their own run", running.len()));
        }
        // Who may not look into the folder is told of that elsewhere.
        Err(_) => {}
    }
}

fn check_certificate(scene: &Scene, report: &mut Report) {
    let settings = quoted(&scene.root().join("bough.toml"));
    let own = match source(&scene.dir, &scene.config) {
        Ok(Source::Files { certificate, key }) => Source::Files { certificate, key },
        // Bough makes it itself, at each start of bough serve.
        Ok(Source::Local(_)) => return,
        Err(error) => {
            let mend = format!("set both in {settings}, or neither");
            return report.wrong(Check::Certificate, Level::Failure, error.to_string(), mend);
        }
    };
    let mend = "put the certificate, those between it and its authority, and its key in place, readable for the account that \
                runs Bough";
    let shown = match Certificates::open(own) {
        Ok(certificates) => certificates.shown(),
        Err(error) if scene.sees_all || scene.is_runner => {
            let what = format!("[gateway] tls_certificate and tls_key cannot be used: {error:#}");
            return report.wrong(Check::Certificate, Level::Failure, what, mend);
        }
        Err(error) => return report.note(Check::Certificate, format!("not looked at: {error:#}")),
    };
    let bound = scene.config.server.mysql.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
    let address = public_address(&scene.config, bound);
    let host = address
        .rsplit_once(':')
        .map_or(address.as_str(), |(host, _)| host)
        .trim_matches(['[', ']'])
        .to_owned();
    let fits = || {
        let name = ServerName::try_from(host.clone()).ok()?;
        let parsed = ParsedCertificate::try_from(shown.cert.first()?).ok()?;
        rustls::client::verify_server_name(&parsed, &name).ok()
    };
    if fits().is_some() {
        report.ok(Check::Certificate, format!("the certificate for MySQL clients is one for {host}"));
    } else {
        report.wrong(
            Check::Certificate,
            Level::Warning,
            format!("clients are told to connect to {host}, which the certificate of [gateway] tls_certificate is not for"),
            format!("[gateway] public_address in {settings}, with a name that the certificate has"),
        );
    }
}
