//! TLS with the platform's roots, made once for the process.
//!
//! The roots are those of the operating system, or the file that `SSL_CERT_FILE` names (and the folder that
//! `SSL_CERT_DIR` names), as OpenSSL reads them.

use std::env;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;

/// No file of root certificates comes near it: those of all authorities have some 250 KiB.
const MAX_FILE: u64 = 16 << 20;

/// The configuration of clients that trust the platform's roots.
pub(super) fn platform() -> &'static rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(|| {
        let (certificates, causes) = load();
        for cause in &causes {
            tracing::warn!("root certificates cannot be read: {cause}");
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            let named = VARIABLES.map(|name| (name, env::var(name).unwrap_or_default()));
            let _ = NO_ROOTS.set(no_roots(&named, &causes));
        }
        trusting(roots)
    })
}

/// The roots, and what cannot be read of them.
fn load() -> (Vec<CertificateDer<'static>>, Vec<String>) {
    let named = env::var_os("SSL_CERT_FILE");
    if let Some(refused) = named.and_then(|file| refuse_endless(Path::new(&file))) {
        return (Vec::new(), vec![refused]);
    }
    let found = rustls_native_certs::load_native_certs();
    let causes = found.errors.iter().map(ToString::to_string);
    (found.certs, causes.collect())
}

/// Why a file is not read: a pipe is waited for, and a device may have no end. One that is not there is not refused here.
fn refuse_endless(file: &Path) -> Option<String> {
    let found = std::fs::metadata(file).ok()?;
    if !found.is_file() {
        return Some("it is not a regular file".to_owned());
    }
    (found.len() > MAX_FILE).then(|| format!("it has more than {} MiB", MAX_FILE >> 20))
}

/// The variables that name root certificates.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
/// Why there are no roots, if there are none.
static NO_ROOTS: OnceLock<String> = OnceLock::new();

/// Why no certificate is trusted, where that is so: the certificate of a server that is refused for it is not at fault.
pub(super) fn why_no_roots() -> Option<&'static str> {
    NO_ROOTS.get().map(String::as_str)
}

fn no_roots(named: &[(&str, String)], causes: &[String]) -> String {
    let named = named.iter().filter(|(_, value)| !value.is_empty());
    let named: Vec<_> = named
        .map(|(name, value)| format!("{name} ({value})"))
        .collect();
    if named.is_empty() {
        return "this machine has no root certificates: install them (ca-certificates), or name a file of them (PEM) \
                with SSL_CERT_FILE"
            .to_owned();
    }
    let cause = causes.first().map_or(
        "it holds none that begins with -----BEGIN CERTIFICATE----- (PEM, without a byte order mark)",
        String::as_str,
    );
    format!(
        "no root certificate can be read from {}: {cause}",
        named.join(" or ")
    )
}

/// The configuration of clients that trust these roots.
pub(super) fn trusting(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    if roots.is_empty() {
        tracing::warn!("no root certificates; name a file of them with SSL_CERT_FILE");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| rustls::ClientConfig::builder())
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_are_no_roots_names_the_variable_and_the_cause() {
        let named = |file: &str| {
            [
                ("SSL_CERT_FILE", file.to_owned()),
                ("SSL_CERT_DIR", String::new()),
            ]
        };
        let missing = ["No such file or directory".to_owned()];
        for (file, causes, said) in [
            ("", &[][..], "this machine has no root certificates"),
            (
                "a.pem",
                &missing,
                "from SSL_CERT_FILE (a.pem): No such file",
            ),
            (
                "a.der",
                &[],
                "from SSL_CERT_FILE (a.der): it holds none that begins with -----BEGIN",
            ),
        ] {
            let words = no_roots(&named(file), causes);
            assert!(words.contains(said), "{words}");
        }
    }
}
