//! The connections of a running mock: accepted, answered one request after the other, and ended.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection_end::{EndSignal, Resettable};
use super::endpoint::{Target, route};
use super::fault_plan::FaultPlan;
use super::reply::Reply;
use super::request::IncomingRequest;
use super::request_stats::{LoggedRequest, RequestStats};
use super::service::answer_with;
use super::site::Site;
use super::transmission::{ResponseBody, deliver, read};

/// Where the mock tells which requests came; such requests are not counted.
const STATISTICS_PATH: &str = "/_mock/requests";
/// How long requests under way may take to end when the mock stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);

/// What all connections of a mock share.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) site: RwLock<Site>,
    pub(super) fault_plan: RwLock<FaultPlan>,
    pub(super) latency: RwLock<Duration>,
    stats: Mutex<RequestStats>,
}

impl ServerState {
    pub(super) fn new(
        site: Site,
        fault_plan: FaultPlan,
        latency: Duration,
        stats: RequestStats,
    ) -> Self {
        Self {
            site: RwLock::new(site),
            fault_plan: RwLock::new(fault_plan),
            latency: RwLock::new(latency),
            stats: Mutex::new(stats),
        }
    }

    pub(super) fn stats(&self) -> MutexGuard<'_, RequestStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides on an answer and notes the request.
    fn answer(&self, request: &IncomingRequest, started: Instant, in_flight: usize) -> Reply {
        let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
        let fault_plan = self
            .fault_plan
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let reply = answer_with(&site, request, &fault_plan);
        let status = if reply.transmission.has_status() {
            reply.status.as_u16()
        } else {
            0
        };
        let endpoint = match route(&request.path).1 {
            Target::Endpoint(endpoint, _) => Some(endpoint),
            _ => None,
        };
        self.stats().record(endpoint, || LoggedRequest {
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            endpoint,
            status,
            authorization: request.headers.contains_key(AUTHORIZATION),
            body: request.body.clone(),
            started,
            in_flight,
        });
        reply
    }
}

/// A request under way.
struct InFlightGuard<'a>(&'a ServerState);

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.stats().leave(Instant::now());
    }
}

/// Accepts connections until it is told to stop.
pub(super) async fn accept(
    listener: TcpListener,
    shared: Arc<ServerState>,
    mut stopped: watch::Receiver<bool>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Ok((stream, _)) = listener.accept() => {
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(stream, Arc::clone(&shared), stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, ended).await;
}

/// Serves one connection, in whichever version of HTTP it speaks.
async fn connection(
    stream: tokio::net::TcpStream,
    shared: Arc<ServerState>,
    mut stopped: watch::Receiver<bool>,
) {
    let signal = EndSignal::default();
    let requests = Arc::new(AtomicU64::new(0));
    let io = TokioIo::new(Resettable::new(stream, signal.clone()));
    let service = service_fn(move |request| {
        let reuses_connection = requests.fetch_add(1, Ordering::Relaxed) > 0;
        respond(
            request,
            reuses_connection,
            Arc::clone(&shared),
            signal.clone(),
        )
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(io, service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = stopped.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// Answers one request.
async fn respond(
    request: hyper::Request<Incoming>,
    reuses_connection: bool,
    shared: Arc<ServerState>,
    signal: EndSignal,
) -> io::Result<hyper::Response<ResponseBody>> {
    if request.uri().path() == STATISTICS_PATH {
        let body = shared.stats().to_json().to_string();
        let response = hyper::Response::new(Either::Left(Full::new(body.into())));
        return Ok(response);
    }
    let started = Instant::now();
    let in_flight = shared.stats().enter(started);
    let _in_flight = InFlightGuard(&shared);
    let (parts, body) = request.into_parts();
    let version = parts.version;
    let request = IncomingRequest {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body: read(body).await,
        reuses_connection,
    };
    let reply = shared.answer(&request, started, in_flight);
    let latency = *shared
        .latency
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    deliver(reply, version, signal).await
}
