//! The connections of a running mock: accepted, answered one request after the other, and ended.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::endpoint::{Target, route};
use super::gauge::{Flow, LoggedRequest};
use super::orders::Orders;
use super::reply::Reply;
use super::request::Request;
use super::routes::answer_with;
use super::site::Site;
use super::transport::{Outgoing, Reset, Resettable, deliver, read};

/// How long requests under way may take to end when the mock stops.
const GRACE: Duration = Duration::from_millis(200);

/// What all connections of a mock share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) site: RwLock<Site>,
    pub(super) orders: RwLock<Orders>,
    pub(super) latency: RwLock<Duration>,
    flow: Mutex<Flow>,
}

impl Shared {
    pub(super) fn new(site: Site, orders: Orders, latency: Duration, flow: Flow) -> Self {
        Self {
            site: RwLock::new(site),
            orders: RwLock::new(orders),
            latency: RwLock::new(latency),
            flow: Mutex::new(flow),
        }
    }

    pub(super) fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides on an answer and notes the request.
    fn answer(&self, request: &Request, started: Instant, in_flight: usize) -> Reply {
        let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
        let orders = self.orders.read().unwrap_or_else(PoisonError::into_inner);
        let reply = answer_with(&site, request, &orders);
        let status = if reply.delivery.has_status() {
            reply.status.as_u16()
        } else {
            0
        };
        self.flow().record(|| LoggedRequest {
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            endpoint: if let Target::Endpoint(endpoint, _) = route(&request.path).1 {
                Some(endpoint)
            } else {
                None
            },
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
struct UnderWay<'a>(&'a Shared);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.flow().leave(Instant::now());
    }
}

/// Accepts connections until it is told to stop.
pub(super) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
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
    let _ = tokio::time::timeout(GRACE, ended).await;
}

/// Serves one connection, in whichever version of HTTP it speaks.
async fn connection(
    stream: tokio::net::TcpStream,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let reset = Reset::default();
    let io = TokioIo::new(Resettable::new(stream, reset.clone()));
    let service = service_fn(move |request| respond(request, Arc::clone(&shared), reset.clone()));
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
    shared: Arc<Shared>,
    reset: Reset,
) -> io::Result<hyper::Response<Outgoing>> {
    let started = Instant::now();
    let in_flight = shared.flow().enter(started);
    let _under_way = UnderWay(&shared);
    let (parts, body) = request.into_parts();
    let request = Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body: read(body).await,
    };
    let reply = shared.answer(&request, started, in_flight);
    let latency = *shared
        .latency
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    deliver(reply, reset).await
}
