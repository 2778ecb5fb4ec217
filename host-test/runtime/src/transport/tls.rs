//! TLS with the platform's roots, made once for the process.
//!
//! The roots are those of the operating system, or the file that `SSL_CERT_FILE` names (and the folder that
//! `SSL_CERT_DIR` names), as OpenSSL reads them.

use std::sync::{Arc, OnceLock};

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
