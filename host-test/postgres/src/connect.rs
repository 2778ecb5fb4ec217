//! Connecting to a server, with TLS where the address asks for it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, Tls};
use crate::server_error::describe;

/// Connects, on the executor of the caller.
pub(crate) async fn connect(address: &Address) -> Result<Client> {
    let client = authenticate(address).await;
    client.map_err(|error| describe(error, "the database cannot be reached", &address.secrets))
}

async fn authenticate(address: &Address) -> Result<Client> {
    let connected = timeout(address.connect, address.config.connect(tls(&address.tls)?));
    let connected = connected.await.map_err(|_| no_answer(address.connect));
    let (client, connection) = connected??;
    tokio::spawn(connection);
    Ok(client)
}

/// A server that accepts connections and says nothing: it is stopped, or something else listens at its port.
fn no_answer(waited: Duration) -> io::Error {
    let words = format!(
        "it accepts the connection and does not answer within {} s",
        waited.as_secs()
    );
    io::Error::new(io::ErrorKind::TimedOut, words)
}

/// What encrypts a connection; not used where the address has TLS off.
pub(crate) fn tls(tls: &Tls) -> Result<MakeRustlsConnect> {
    let roots = match tls {
        Tls::Off => RootCertStore::empty(),
        Tls::Verified(authorities) => roots(authorities.as_deref())?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The authorities of this file, else those of the machine.
fn roots(authorities: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = authorities {
        let cannot = || format!("the certificates in {} cannot be read", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(cannot)? {
            roots.add(certificate.with_context(cannot)?)?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}
