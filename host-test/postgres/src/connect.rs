//! Connecting to a server, with TLS where the address asks for it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, Tls};

/// Connects, on the executor of the caller.
pub(crate) async fn connect(address: &Address) -> Result<Client> {
    let Tls::Verified(authorities) = &address.tls else {
        let (client, connection) = address.config.connect(NoTls).await?;
        tokio::spawn(connection);
        return Ok(client);
    };
    let tls = MakeRustlsConnect::new(tls_config(authorities.as_deref())?);
    let (client, connection) = address.config.connect(tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Verifies certificates by these authorities, else by those of the machine.
fn tls_config(authorities: Option<&Path>) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = authorities {
        let cannot = || format!("the certificates in {} cannot be read", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(cannot)? {
            roots.add(certificate.with_context(cannot)?)?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
