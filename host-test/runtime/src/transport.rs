//! The HTTP client of a tenant: pooled connections behind `wasi:http`, and its egress policy.
//!
//! Wasmtime's own sender opens a connection for every request and waits for ten minutes; this one keeps
//! connections alive (HTTP/1.1, and HTTP/2 where TLS agrees on it) and shares them between the calls of one
//! tenant only. Redirects come back to the guest as they are: hyper follows none.
//!
//! Nothing is asked for in compressed form. A listing of 250 pages takes 160 KB as it is and 24 KB with gzip,
//! and inflating it takes 0.4 ms; on a line of 100 Mbit/s that saves 11 of the some 250 ms that such a request
//! takes. Details, which most requests are for, fit into a packet or two. Against this stands an inflater, in
//! the host or in the component, whose output has to be held to the limit of a response as well.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::egress::{Denied, Egress};

#[cfg(test)]
mod tests;

/// How long a connection, with its TLS, may take to be made where the guest doesn't say; its TCP never takes longer,
/// whatever the guest says, shared among the addresses of a name.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of an answer is waited for where the guest doesn't say.
const FIRST_BYTE: Duration = Duration::from_mins(1);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept per tenant.
const MAX_IDLE: usize = 64;

type Pool = Client<HttpsConnector<HttpConnector<Resolver>>, WasiBody>;

/// The client of one tenant.
pub struct Transport {
    pool: Pool,
    egress: Egress,
    /// The `Authorization` header that the host puts on, if the guest has none.
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("egress", &self.egress)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// A client that reaches what `egress` allows, and signs with `authorization`.
    #[must_use]
    pub fn new(egress: Egress, authorization: Option<HeaderValue>) -> Self {
        Self::with_tls(egress, authorization, tls().clone())
    }

    fn with_tls(
        egress: Egress,
        authorization: Option<HeaderValue>,
        tls: rustls::ClientConfig,
    ) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver(egress.clone()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .build(connector);
        Self {
            pool,
            egress,
            authorization,
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// It may not leave, or there is no connection or no answer in time.
    pub async fn send(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        self.egress
            .check(request.method(), request.uri())
            .map_err(|denied| deny(&denied))?;
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let begun = Instant::now();
        let first_byte = options.first_byte_timeout.unwrap_or(FIRST_BYTE);
        let connect = options.connect_timeout.unwrap_or(CONNECT).min(first_byte);
        let connection = capture_connection(&mut request);
        let mut answer = pin!(self.pool.request(request));
        let answer = match timeout_at(begun + connect, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if connection.connection_metadata().is_none() => {
                return Err(Error::ConnectionTimeout);
            }
            Err(_) => timeout_at(begun + first_byte, answer)
                .await
                .map_err(|_| Error::ConnectionReadTimeout)?,
        };
        let response = answer.map_err(|error| failure(&error))?;
        Ok(response.map(|body| body.map_err(Error::from).boxed_unsync()))
    }
}

fn deny(denied: &Denied) -> Error {
    tracing::warn!("a request was denied: {denied}");
    match denied {
        Denied::Address(_) => Error::DestinationIpProhibited,
        _ => Error::HttpRequestDenied,
    }
}

/// TLS with the platform's roots, made once for the process.
fn tls() -> &'static rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        trust(roots)
    })
}

fn trust(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| rustls::ClientConfig::builder())
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn failure(error: &hyper_util::client::legacy::Error) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return deny(denied);
        }
        if let Some(Error::HttpRequestBodySize(limit)) = error.downcast_ref() {
            return Error::HttpRequestBodySize(*limit);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match tls_error(error) {
                Some(rustls::Error::InvalidCertificate(_)) => return Error::TlsCertificateError,
                Some(_) => return Error::TlsProtocolError,
                None => {}
            }
            match error.kind() {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                _ => {}
            }
        }
        cause = error.source();
    }
    if error.is_connect() {
        Error::DestinationUnavailable
    } else {
        Error::ConnectionTerminated
    }
}

/// What TLS says, where an error of the connection wraps it: once, or twice as hyper-rustls does.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    let wrapped = || tls_error(inner.downcast_ref()?);
    inner.downcast_ref().or_else(wrapped)
}

/// Looks up names and leaves out the addresses that a tenant may not reach.
#[derive(Clone)]
struct Resolver(Egress);

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let egress = self.0.clone();
        Box::pin(async move {
            let mut allowed = Vec::new();
            let mut denied = None;
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match egress.check_address(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(why) => denied = Some(Denied::Address(why)),
                }
            }
            match denied {
                Some(denied) if allowed.is_empty() => Err(denied.into()),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}
