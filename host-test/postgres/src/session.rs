//! One connection to the server, used from a thread that may block.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, Tls};

/// The parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection, and the executor that drives it while a statement runs.
pub(crate) struct Session {
    /// Taken only when the session is dropped.
    runtime: Option<Runtime>,
    client: Client,
    statements: HashMap<String, Statement>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Connects. Blocks the calling thread, which must not be one of an executor.
    pub(crate) fn open(address: &Address) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(connect(address));
        let client = client.map_err(|error| describe(error, "the database cannot be reached"))?;
        Ok(Self {
            runtime: Some(runtime),
            client,
            statements: HashMap::new(),
        })
    }

    /// Runs statements that have no parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let done = block_on(self.runtime.as_ref(), self.client.batch_execute(sql))?;
        done.map_err(|error| describe(error.into(), FAILED))
    }

    /// Runs a statement and returns how many rows it touched.
    pub(crate) fn execute(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<u64> {
        let statement = self.prepare(sql)?;
        let done = self.client.execute(&statement, parameters);
        let done = block_on(self.runtime.as_ref(), done)?;
        done.map_err(|error| describe(error.into(), FAILED))
    }

    /// Runs a statement and returns its rows.
    pub(crate) fn query(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
        let statement = self.prepare(sql)?;
        let done = self.client.query(&statement, parameters);
        let done = block_on(self.runtime.as_ref(), done)?;
        done.map_err(|error| describe(error.into(), FAILED))
    }

    /// Prepares a statement once.
    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = block_on(self.runtime.as_ref(), self.client.prepare(sql))?;
        let statement = statement.map_err(|error| describe(error.into(), FAILED))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Drop for Session {
    /// An executor that is dropped on a thread of another one would panic; this way it does not wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

const FAILED: &str = "PostgreSQL refused a statement";

fn block_on<F: Future>(runtime: Option<&Runtime>, future: F) -> Result<F::Output> {
    let runtime = runtime.context("the connection to PostgreSQL is closed")?;
    Ok(runtime.block_on(future))
}

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

/// An error in words: what the server says, or that the connection is lost and what that means.
fn describe(error: anyhow::Error, what: &str) -> anyhow::Error {
    let Some(postgres) = error.downcast_ref::<tokio_postgres::Error>() else {
        return error.context(what.to_owned());
    };
    if let Some(reply) = postgres.as_db_error() {
        let hint = reply
            .hint()
            .map(|hint| format!("; {hint}"))
            .unwrap_or_default();
        let code = reply.code().code();
        return anyhow!("{what}: {}{hint} (SQLSTATE {code})", reply.message());
    }
    if postgres.is_closed() {
        return anyhow!(
            "the connection to PostgreSQL was lost; what the last checkpoint holds is safe, and the next run goes on from there"
        );
    }
    error.context(what.to_owned())
}
