//! The pools of connections of one client, and what they are configured to accept.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use wasmtime_wasi_http::WasiBody;

use super::connector::Connector;
use super::counted_heads::HeadCountingConnector;

/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept per tenant.
pub(super) const MAX_IDLE: usize = 64;
/// Header fields of one answer at most; hyper's own limit is 100.
const MAX_HEADERS: usize = 512;
/// Bytes of the head of one answer at most, and of what is read ahead of a guest over HTTP/1.1.
const MAX_HEAD: usize = 128 << 10;
/// The same over HTTP/2, where nothing is read ahead.
const MAX_HEAD_LIST: u32 = 64 << 10;
/// Bytes that a server may send ahead of the guest over one HTTP/2 stream.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same over one connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How a connection of HTTP/2 that went silent is noticed.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepAlive {
    /// How often a connection with requests in flight is pinged.
    pub(super) interval: Duration,
    /// How long the answer to a ping may take before the connection is given up.
    pub(super) timeout: Duration,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
        }
    }
}

/// A client over one set of kept connections.
pub(super) type Pool = Client<HeadCountingConnector, WasiBody>;

/// One pool for what TLS negotiates, and one for a server that asked for HTTP/1.1.
pub(super) struct Pools {
    negotiated: Pool,
    http1: Pool,
    http1_required: AtomicBool,
}

impl Pools {
    /// Pools whose connections `executor` runs.
    pub(super) fn new<E>(
        executor: E,
        connector: &Connector,
        tls: &rustls::ClientConfig,
        keep_alive: KeepAlive,
    ) -> Self
    where
        E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Send + Sync + Clone + 'static,
    {
        let https = || {
            HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
        };
        let all_versions = https().enable_all_versions();
        let all_versions = all_versions.wrap_connector(connector.clone());
        let first_version = https().enable_http1().wrap_connector(connector.clone());
        Self {
            negotiated: client(executor.clone(), all_versions, keep_alive),
            http1: client(executor, first_version, keep_alive),
            http1_required: AtomicBool::new(false),
        }
    }

    /// The pool for the next request.
    pub(super) fn current(&self) -> &Pool {
        if self.http1_required.load(Ordering::Relaxed) {
            &self.http1
        } else {
            &self.negotiated
        }
    }

    /// Uses HTTP/1.1 from now on.
    pub(super) fn require_http1(&self) {
        self.http1_required.store(true, Ordering::Relaxed);
    }
}

fn client<E>(executor: E, connector: HttpsConnector<Connector>, keep_alive: KeepAlive) -> Pool
where
    E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Send + Sync + Clone + 'static,
{
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
        .http2_keep_alive_interval(keep_alive.interval)
        .http2_keep_alive_timeout(keep_alive.timeout)
        .build(HeadCountingConnector(connector))
}
