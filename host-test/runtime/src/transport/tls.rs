//! TLS with the platform's roots, made once for the process.
//!
//! The roots are those of the operating system, or the file that `SSL_CERT_FILE` names (and the folder that
//! `SSL_CERT_DIR` names), as OpenSSL reads them.

use std::sync::{Arc, OnceLock};

use rustls::CertificateError;

/// The configuration of clients that trust the platform's roots.
pub(super) fn platform() -> &'static rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("root certificates cannot be read: {error}");
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        trusting(roots)
    })
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

/// What is wrong with a certificate, and what to do about it.
pub(super) fn certificate_fault(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "its authority is unknown on this machine; if a proxy or an authority of your own signed it, or if this \
             machine has no root certificates, name a file of root certificates (PEM) with SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is for another name ({fault}); check the base URL, and who answers for this name")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("it has expired ({fault}); check this machine's clock, or wait until the service renews it")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("it is not valid yet ({fault}); check this machine's clock")
        }
        other => format!(
            "{other}; if an authority of your own signed it, name its certificate (PEM) with SSL_CERT_FILE"
        ),
    }
}
