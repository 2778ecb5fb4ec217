//! The HTTP client of a tenant: pooled connections behind `wasi:http`, its egress policy and its limits.
//!
//! Wasmtime's own sender opens a connection for every request and waits for ten minutes; this one keeps
//! connections alive (HTTP/1.1, and HTTP/2 where TLS agrees on it) and shares them between the calls of one
//! tenant only. Redirects come back to the guest as they are: hyper follows none.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::egress::{Denied, Egress};
use crate::limits::Limits;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept per tenant.
const MAX_IDLE: usize = 64;

type Pool = Client<HttpsConnector<HttpConnector<Resolver>>, WasiBody>;

/// The client of one tenant.
#[derive(Clone)]
pub struct Transport {
    pool: Pool,
    egress: Egress,
    /// The `Authorization` header that the host puts on, if the guest has none.
    signature: Option<HeaderValue>,
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
    /// A client that reaches what `egress` allows, and signs with `signature`.
    #[must_use]
    pub fn new(egress: Egress, signature: Option<HeaderValue>) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver(egress.clone()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls().clone())
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
            signature,
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// It may not leave, or there is no answer within `patience`.
    pub async fn send(
        self,
        mut request: Request<WasiBody>,
        patience: Duration,
    ) -> Result<Response<WasiBody>, Error> {
        self.egress
            .check(request.uri())
            .map_err(|denied| deny(&denied))?;
        if let Some(signature) = &self.signature {
            request
                .headers_mut()
                .insert(AUTHORIZATION, signature.clone());
        }
        let answer = tokio::time::timeout(patience, self.pool.request(request)).await;
        let response = answer
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| failure(&error))?;
        Ok(response.map(|body| body.map_err(Error::from).boxed_unsync()))
    }
}

fn deny(denied: &Denied) -> Error {
    tracing::warn!("a request was denied: {denied}");
    match denied {
        Denied::Origin(_) => Error::HttpRequestDenied,
        Denied::Address(_) => Error::DestinationIpProhibited,
    }
}

/// TLS with the platform's roots, made once for the process.
fn tls() -> &'static rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| rustls::ClientConfig::builder())
        .with_root_certificates(roots)
        .with_no_client_auth()
    })
}

fn failure(error: &hyper_util::client::legacy::Error) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return deny(denied);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
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
                    Err(why) => denied = Some(why),
                }
            }
            match denied {
                Some(denied) if allowed.is_empty() => Err(denied.into()),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}

/// What one call may send, and what it sent: the hooks of its store.
#[derive(Debug)]
pub(crate) struct Outgoing {
    transport: Transport,
    limits: Limits,
    slots: Arc<Semaphore>,
    meter: Arc<Meter>,
}

/// What a call has sent.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) requests: AtomicU64,
    /// When the first request was handed over.
    pub(crate) first: OnceLock<Instant>,
}

impl Outgoing {
    pub(crate) fn new(transport: Transport, limits: Limits, meter: Arc<Meter>) -> Self {
        Self {
            transport,
            limits,
            slots: Arc::new(Semaphore::new(limits.in_flight)),
            meter,
        }
    }
}

type Answer = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        self.meter.first.get_or_init(Instant::now);
        let permit = Arc::clone(&self.slots).try_acquire_owned();
        let transport = self.transport.clone();
        let limits = self.limits;
        let options = options.unwrap_or_default();
        Box::new(async move {
            let permit = permit.map_err(|_| Error::ConnectionLimitReached)?;
            let patience = options.first_byte_timeout.unwrap_or(Duration::from_mins(1));
            let request =
                request.map(|body| limited(body, limits.request, Error::HttpRequestBodySize));
            let response = transport.send(request, patience).await?;
            let between = options
                .between_bytes_timeout
                .unwrap_or(Duration::from_mins(1));
            let response = if is_small(&response) {
                whole(response, between).await?
            } else {
                response
            };
            let body = response.map(|body| {
                let body = limited(body, limits.response, Error::HttpResponseBodySize);
                Timed {
                    body,
                    timer: Box::pin(tokio::time::sleep(between)),
                    between,
                    _permit: permit,
                }
                .boxed_unsync()
            });
            Ok((
                body,
                Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>,
            ))
        })
    }
}

/// Whether an answer is worth waiting for as a whole: the guest then wakes up once for it, not twice.
fn is_small(response: &Response<WasiBody>) -> bool {
    response
        .body()
        .size_hint()
        .upper()
        .is_some_and(|size| size <= 64 * 1024)
}

async fn whole(
    response: Response<WasiBody>,
    between: Duration,
) -> Result<Response<WasiBody>, Error> {
    let (head, body) = response.into_parts();
    let collected = tokio::time::timeout(between, body.collect()).await;
    let collected = collected.map_err(|_| Error::ConnectionReadTimeout)??;
    let body = Full::new(collected.to_bytes()).map_err(|never| match never {});
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

fn limited(body: WasiBody, limit: u64, exceeded: fn(Option<u64>) -> Error) -> WasiBody {
    let limit_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    Limited::new(body, limit_bytes)
        .map_err(move |error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => exceeded(Some(limit)),
        })
        .boxed_unsync()
}

/// A body whose next bytes must come in time; its place among those in flight is given back at its end.
struct Timed {
    body: WasiBody,
    timer: Pin<Box<tokio::time::Sleep>>,
    between: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let deadline = tokio::time::Instant::now() + self.between;
                self.timer.as_mut().reset(deadline);
                Poll::Ready(frame)
            }
            Poll::Pending => match self.timer.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(Error::ConnectionReadTimeout))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
