//! The HTTP client of a tenant: pooled connections behind `wasi:http`, and its egress policy.
//!
//! Wasmtime's own sender opens a connection for every request and waits for ten minutes; this one keeps
//! connections alive (HTTP/1.1, and HTTP/2 where TLS agrees on it) and shares them between the calls of one
//! tenant only. Redirects come back to the guest as they are: hyper follows none.
//!
//! A server is not trusted either. What it sends besides answers is bounded (`Unanswered`), the work that it
//! makes is counted as the tenant's (`ConnectionTasks`), and an answer that holds the secret of the request is
//! cut off (`SecretScan`).

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::cpu_scheduler::ConnectionTasks;
use crate::egress::Egress;
use crate::secrets::Secrets;
use crate::tenant::Tenant;

mod answer_body;
mod connector;
mod network_error;
mod resolver;
mod secret_scan;
mod tls;
mod unanswered;

#[cfg(test)]
mod tests;

use answer_body::AnswerBody;
use connector::{ConnectionUse, Connector};
use network_error::{NetworkFault, SendError, denied_code};
use resolver::Resolver;
pub(crate) use secret_scan::ECHOED;
use secret_scan::{SecretScan, echoed};
use unanswered::Unanswered;
pub(crate) use unanswered::{Flood, LIMIT as UNANSWERED_LIMIT};

/// How long a connection, with its TLS, may take to be made where the guest doesn't say; its TCP never takes
/// longer, whatever the guest says, shared among the addresses of a name.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of an answer is waited for where the guest doesn't say.
const FIRST_BYTE: Duration = Duration::from_mins(1);
/// No timeout of a guest is longer.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept per tenant.
const MAX_IDLE: usize = 64;
/// Header fields of one answer at most; hyper's own limit is 100.
const MAX_HEADERS: usize = 512;
/// Bytes of the head of one answer at most, and of what is read ahead of a guest over HTTP/1.1.
const MAX_HEAD: usize = 128 << 10;
/// The same over HTTP/2, where nothing is read ahead.
const MAX_HEAD_LIST: u32 = 64 << 10;
/// Bytes that a server may send ahead of the guest over one HTTP/2 stream, and over one connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How often an HTTP/2 connection with requests under way is asked whether it lives, and how long it may take.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

type Pool = Client<HttpsConnector<Connector>, WasiBody>;

/// The client of one tenant.
pub struct Transport {
    pool: Pool,
    egress: Egress,
    authorization: Option<Authorization>,
    tenant: Tenant,
    unanswered: Arc<Unanswered>,
    tasks: Option<ConnectionTasks>,
    /// What is wrong between this host and the service, if a request failed for it.
    fault: NetworkFault,
}

/// The `Authorization` header that the host puts on, and the texts that no answer may hold.
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    pub(crate) secrets: Secrets,
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
    /// A client for the operator's own requests.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        let parts = Parts::new(egress, Tenant::default());
        let pool = pool(TokioExecutor::new(), &parts, tls::platform().clone());
        parts.into_transport(pool)
    }

    /// The client of a tenant, whose connections run at the tenant's expense.
    pub(crate) fn of_tenant(
        egress: Egress,
        authorization: Option<Authorization>,
        tasks: ConnectionTasks,
    ) -> Self {
        let parts = Parts::new(egress, tasks.tenant().clone());
        let pool = pool(tasks.clone(), &parts, tls::platform().clone());
        Self {
            authorization,
            tasks: Some(tasks),
            ..parts.into_transport(pool)
        }
    }

    /// What is wrong between this host and the service, in words for a person.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.get()
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// It may not leave, or there is no connection or no answer in time.
    pub async fn send(
        &self,
        request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let sending = self.send_and_repeat(request, options);
        match &self.tasks {
            Some(tasks) => tasks.count(sending).await,
            None => sending.await,
        }
    }

    async fn send_and_repeat(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let denied = self.egress.check(request.method(), request.uri());
        denied.map_err(|denied| self.report(&SendError::Denied(denied)))?;
        self.set_host_headers(&mut request);
        let deadlines = Deadlines::new(options);
        loop {
            let again = repeatable(&request);
            let (answer, used) = self.send_once(request, &deadlines).await;
            match (answer, again) {
                (Ok(response), _) => return self.accept(response),
                (Err(error), Some(again)) if used == ConnectionUse::Reused && error.is_broken() => {
                    // The server closed a kept connection while it was used again: nothing was answered.
                    tracing::debug!(
                        "a kept connection broke before an answer; the request is repeated"
                    );
                    request = again;
                }
                (Err(error), _) => return Err(self.report(&error)),
            }
        }
    }

    /// Sets what is the host's: where to, and as whom.
    fn set_host_headers(&self, request: &mut Request<WasiBody>) {
        let headers = request.headers_mut();
        let host = self.egress.origin().map(crate::origin::Origin::authority);
        if let Some(Ok(host)) = host.map(HeaderValue::try_from) {
            headers.insert(HOST, host);
        }
        if let Some(Authorization { header, .. }) = &self.authorization {
            headers.insert(AUTHORIZATION, header.clone());
        }
    }

    /// One try, and which connection it took.
    async fn send_once(
        &self,
        mut request: Request<WasiBody>,
        deadlines: &Deadlines,
    ) -> (Result<Response<Incoming>, SendError>, ConnectionUse) {
        let connection = capture_connection(&mut request);
        let mut answer = pin!(self.pool.request(request));
        let answer = match timeout_at(deadlines.connect, &mut answer).await {
            Ok(answer) => answer.map_err(SendError::Client),
            Err(_) if connection.connection_metadata().is_none() => {
                Err(SendError::Timeout(|| Error::ConnectionTimeout))
            }
            Err(_) => match timeout_at(deadlines.first_byte, answer).await {
                Ok(answer) => answer.map_err(SendError::Client),
                Err(_) => Err(SendError::Timeout(|| Error::ConnectionReadTimeout)),
            },
        };
        let used = connection
            .connection_metadata()
            .as_ref()
            .map_or(ConnectionUse::New, ConnectionUse::of);
        (answer, used)
    }

    /// The head of an answer came.
    fn accept(&self, response: Response<Incoming>) -> Result<Response<WasiBody>, Error> {
        self.unanswered.head_came();
        self.fault.clear();
        let scan = self
            .authorization
            .as_ref()
            .map(|authorization| SecretScan::new(&authorization.secrets));
        if let Some(scan) = &scan
            && scan.is_in_headers(response.headers())
        {
            return Err(echoed());
        }
        let version = response.version();
        let unanswered = Arc::clone(&self.unanswered);
        Ok(response.map(|body| AnswerBody::new(body, version, unanswered, scan).boxed_unsync()))
    }

    /// Says why a request failed: to the log, to whoever asks for the fault, and to the guest as a code.
    fn report(&self, error: &SendError) -> Error {
        let may_log = || self.tenant.may_log();
        match error {
            SendError::Denied(denied) => {
                if may_log() {
                    tracing::warn!("a request was denied: {denied}");
                }
                self.fault.set_denied(denied);
                denied_code(denied)
            }
            SendError::Timeout(code) => code(),
            SendError::Client(error) => {
                let (code, fault) = network_error::classify(error, self.egress.origin());
                if let Some(fault) = fault {
                    if may_log() {
                        tracing::warn!("{fault}");
                    }
                    self.fault.set(fault);
                }
                code
            }
        }
    }
}

/// What every client is made of.
struct Parts {
    egress: Egress,
    tenant: Tenant,
    unanswered: Arc<Unanswered>,
}

impl Parts {
    fn new(egress: Egress, tenant: Tenant) -> Self {
        Self {
            egress,
            tenant,
            unanswered: Arc::default(),
        }
    }

    fn into_transport(self, pool: Pool) -> Transport {
        Transport {
            pool,
            egress: self.egress,
            authorization: None,
            tenant: self.tenant,
            unanswered: self.unanswered,
            tasks: None,
            fault: NetworkFault::default(),
        }
    }
}

/// Connections that `executor` runs.
fn pool<E>(executor: E, parts: &Parts, tls: rustls::ClientConfig) -> Pool
where
    E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Send + Sync + Clone + 'static,
{
    let resolver = Resolver::new(parts.egress.clone(), parts.tenant.clone());
    let connector = Connector::new(resolver, CONNECT, Arc::clone(&parts.unanswered));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    Client::builder(executor)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .http1_max_headers(MAX_HEADERS)
        .http1_max_buf_size(MAX_HEAD)
        .http2_max_header_list_size(MAX_HEAD_LIST)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build(connector)
}

/// When a request is given up.
struct Deadlines {
    connect: Instant,
    first_byte: Instant,
}

impl Deadlines {
    fn new(options: &RequestOptions) -> Self {
        let now = Instant::now();
        let bounded =
            |given: Option<Duration>, default| given.unwrap_or(default).min(LONGEST_TIMEOUT);
        let first_byte = bounded(options.first_byte_timeout, FIRST_BYTE);
        let connect = bounded(options.connect_timeout, CONNECT).min(first_byte);
        Self {
            connect: now + connect,
            first_byte: now + first_byte,
        }
    }
}

/// The same request once more, if it has no body and no effect.
fn repeatable(request: &Request<WasiBody>) -> Option<Request<WasiBody>> {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if !safe || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}
