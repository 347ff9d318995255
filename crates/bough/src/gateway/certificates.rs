//! The certificate that the gateway shows: the operator's own, or one of a local authority.
//!
//! ```text
//! DIR/tls/            0711   ca.pem          the authority's certificate: what clients verify with
//!                     0600   ca-key.pem      its key
//!                     0600   server.pem      key and certificate that the gateway shows
//! ```
//!
//! The authority is made once and kept, so that clients go on trusting it; what it signs is made anew at each
//! start of `bough serve`, and before it ends. Other gateway processes read it.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use bough_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How long the authority's certificate is good, in days.
const AUTHORITY_DAYS: i64 = 3650;
/// How long what it signs is good, in days.
const SERVER_DAYS: i64 = 397;
/// How old what it has signed may become before another is made, in days.
const RENEWED_AFTER_DAYS: u64 = 90;
/// Clocks of clients may be behind ours by so many days.
const SLACK_DAYS: i64 = 2;
/// How often the files are looked at for others in their place, in seconds.
pub const LOOK_EVERY_SECONDS: u64 = 5;
/// Longest file that is read as certificates or key, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Where a certificate and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// What the local authority has signed, in this folder.
    Local(PathBuf),
    /// The operator's own files.
    Files {
        /// The certificate, followed by those between it and its authority.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// What tells whether a file is still the one that was read.
type Seen = Vec<(u64, u64, i64, i64)>;

/// The certificate shown, looked at anew while connections are taken.
#[derive(Debug)]
pub struct Certificates {
    source: Source,
    shown: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

impl Certificates {
    /// Reads what is to be shown.
    pub fn open(source: Source) -> Result<Arc<Self>> {
        let seen = source.seen()?;
        let shown = RwLock::new(Arc::new(source.read()?));
        Ok(Arc::new(Self { source, shown, seen: Mutex::new(seen) }))
    }

    /// What is shown now.
    pub fn shown(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What TLS connections are taken with: versions 1.2 and 1.3, no certificate asked of clients.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<rustls::ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        Ok(Arc::new(config))
    }

    /// Whether the files were replaced since they were read; then they are read again. What cannot be used
    /// changes nothing: the one shown before stays.
    pub fn look_again(&self) -> Result<bool> {
        let now = self.source.seen()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        // Noted first: what cannot be used is complained about once.
        *seen = now;
        let key = Arc::new(self.source.read()?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(true)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }
}

impl Source {
    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Local(folder) => vec![server_pem(folder)],
            Self::Files { certificate, key } => vec![certificate.clone(), key.clone()],
        }
    }

    fn seen(&self) -> Result<Seen> {
        let look = |path: PathBuf| {
            let data = fs::metadata(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            Ok((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
        };
        self.paths().into_iter().map(look).collect()
    }

    fn read(&self) -> Result<CertifiedKey> {
        let (certificate, key) = match self {
            Self::Local(folder) => (server_pem(folder), server_pem(folder)),
            Self::Files { certificate, key } => (certificate.clone(), key.clone()),
        };
        let chain = CertificateDer::pem_slice_iter(&read_small(&certificate)?).collect::<Result<Vec<_>, _>>();
        let chain = chain
            .with_context(|| format!("{} does not hold certificates in PEM form", certificate.display()))?;
        if chain.is_empty() {
            bail!("{} holds no certificate in PEM form", certificate.display());
        }
        let private = PrivateKeyDer::from_pem_slice(&read_small(&key)?)
            .with_context(|| format!("{} holds no private key in PEM form", key.display()))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(chain, private, &provider).with_context(|| {
            format!("the key in {} does not fit the certificate in {}", key.display(), certificate.display())
        })
    }
}

fn server_pem(folder: &Path) -> PathBuf {
    folder.join("server.pem")
}

/// Where the local authority's certificate is, for clients.
pub fn authority_path(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

fn read_small(path: &Path) -> Result<Vec<u8>> {
    let failed = || format!("{} cannot be read", path.display());
    let length = fs::metadata(path).with_context(failed)?.len();
    if length > FILE_MAX_BYTES {
        bail!("{} is too long for a certificate or key: {length} bytes", path.display());
    }
    fs::read(path).with_context(failed)
}

/// Makes the local authority where there is none, and has it sign a certificate for `names`. Whoever holds
/// the data directory calls this.
pub fn make_local(folder: &Path, names: &[String], now: Timestamp) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o711)))
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let key = authority_key(folder)?;
    let params = authority_params(&key, now)?;
    let authority = authority_path(folder);
    if !authority.exists() {
        replace(&authority, params.self_signed(&key)?.pem().as_bytes(), 0o644)?;
    }
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names.to_vec())?;
    server.distinguished_name = name("Bough gateway");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.use_authority_key_identifier_extension = true;
    (server.not_before, server.not_after) = (day(now, -SLACK_DAYS), day(now, SERVER_DAYS));
    let signed = server.signed_by(&server_key, &issuer)?;
    // One file: whoever reads it never gets a key beside another's certificate.
    let both = format!("{}{}", server_key.serialize_pem(), signed.pem());
    replace(&server_pem(folder), both.as_bytes(), 0o600)
}

/// Whether what the local authority signed is old enough for another.
pub fn is_due(folder: &Path) -> bool {
    let made = fs::metadata(server_pem(folder)).and_then(|data| data.modified());
    let limit = Duration::from_secs(RENEWED_AFTER_DAYS * 24 * 3600);
    made.is_ok_and(|made| SystemTime::now().duration_since(made).is_ok_and(|age| age > limit))
}

/// The names that a certificate is made for: what clients on this machine use, and the host they are told.
pub fn names_for(mysql_address: &str) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let host = mysql_address.rsplit_once(':').map_or(mysql_address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let anywhere = host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
    if !host.is_empty() && !anywhere && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}

fn authority_key(folder: &Path) -> Result<KeyPair> {
    let path = folder.join("ca-key.pem");
    match fs::read_to_string(&path) {
        Ok(text) => KeyPair::from_pem(&text)
            .with_context(|| format!("{} is not the key of a local certificate authority", path.display())),
        // Its certificate without its key: a new authority would leave every client in the cold, unsaid.
        Err(error) if error.kind() == ErrorKind::NotFound && authority_path(folder).exists() => bail!(
            "{} is missing beside ca.pem: put it back, or remove the folder {} so that another authority is made, \
             which clients have to be given",
            path.display(),
            folder.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            replace(&path, key.serialize_pem().as_bytes(), 0o600)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The authority's own particulars. All but the dates follow from its key, so the certificate on disk need not
/// be read to sign with it.
fn authority_params(key: &KeyPair, now: Timestamp) -> Result<CertificateParams> {
    let digest = bough_model::Digest::of(key.public_key_raw()).to_hex();
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name(&format!("Bough local authority {}", &digest[..12]));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (day(now, -SLACK_DAYS), day(now, AUTHORITY_DAYS));
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name.push(DnType::OrganizationName, "Bough");
    name
}

/// So many days from now.
fn day(now: Timestamp, days: i64) -> time::OffsetDateTime {
    let seconds = now.as_micros() / 1_000_000 + days * 24 * 3600;
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// Writes a file whole, or not at all.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let half = path.with_extension("pem.new");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(failed),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&half).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)?;
    fs::rename(&half, path).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    #[test]
    fn the_authority_stays_and_what_it_signs_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("tls");
        make_local(&folder, &names_for("db.example.com:3306"), now()).expect("made");
        let authority = fs::read(authority_path(&folder)).expect("a certificate");
        let certificates = Certificates::open(Source::Local(folder.clone())).expect("read");
        certificates.server_config().expect("usable");
        assert!(!certificates.look_again().expect("a look"), "nothing is new");
        make_local(&folder, &names_for("db.example.com:3306"), now()).expect("made again");
        assert_eq!(fs::read(authority_path(&folder)).expect("a certificate"), authority);
        assert!(certificates.look_again().expect("a look"), "it was replaced");
        for (file, mode) in [("ca.pem", 0o644), ("ca-key.pem", 0o600), ("server.pem", 0o600)] {
            let found = fs::metadata(folder.join(file)).expect("there").permissions().mode() & 0o777;
            assert_eq!(found, mode, "{file}");
        }
        // What cannot be used leaves the one before, and is said once.
        fs::write(server_pem(&folder), "nonsense").expect("written");
        assert!(certificates.look_again().is_err());
        assert!(!certificates.look_again().expect("said already"));
        fs::remove_file(folder.join("ca-key.pem")).expect("removed");
        let error = make_local(&folder, &names_for(""), now()).expect_err("no second authority in silence");
        assert!(error.to_string().contains("put it back"), "{error}");
    }

    #[test]
    fn names() {
        let base = ["localhost", "127.0.0.1", "::1"];
        assert_eq!(names_for("127.0.0.1:3316"), base);
        assert_eq!(names_for("0.0.0.0:3316"), base);
        assert_eq!(names_for("[::]:3316"), base);
        assert_eq!(names_for("[fd00::1]:3316").last().expect("one"), "fd00::1");
        assert_eq!(names_for("db.example.com:3306").last().expect("one"), "db.example.com");
    }
}
