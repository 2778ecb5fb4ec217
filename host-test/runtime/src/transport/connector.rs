//! Opens connections: to the service itself, or through a proxy.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::counted_stream::CountedStream;
use super::proxy::{Proxies, Proxy, ProxyError, Route, shown};
use super::resolver::Resolver;
use crate::tenant::Pacer;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<E> = Pin<Box<dyn Future<Output = Result<TokioIo<CountedStream>, E>> + Send>>;
type TunnelError = <Tunnel<TcpConnector> as Service<Uri>>::Error;

/// Opens the connections of one client.
#[derive(Clone)]
pub(super) struct Connector {
    service: TcpConnector,
    proxy: TcpConnector,
    proxies: Proxies,
}

impl Connector {
    /// The resolver is the service's, which leaves out what the tenant may not reach. A proxy is the operator's
    /// choice and may be anywhere.
    pub(super) fn new(resolver: &Resolver, proxies: Proxies, timeout: Duration) -> Self {
        Self {
            service: TcpConnector::new(resolver.clone(), timeout),
            proxy: TcpConnector::new(resolver.for_proxy(), timeout),
            proxies,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<CountedStream>;
    type Error = BoxError;
    type Future = Connecting<BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self.proxies.route(&uri) {
            Ok(Route::Direct) => self.service.call(uri),
            Ok(Route::Tunnel(proxy)) => {
                let connecting = open_tunnel(self.proxy.clone(), proxy, uri);
                Box::pin(async move { connecting.await.map_err(BoxError::from) })
            }
            Err(error) => Box::pin(async move { Err(error.into()) }),
        }
    }
}

async fn open_tunnel(
    connector: TcpConnector,
    proxy: Proxy,
    service: Uri,
) -> Result<TokioIo<CountedStream>, ProxyError> {
    let name = shown(&proxy.uri);
    let mut tunnel = Tunnel::new(proxy.uri, connector);
    if let Some(authorization) = proxy.authorization {
        tunnel = tunnel.with_auth(authorization);
    }
    tunnel.call(service).await.map_err(|error| match error {
        TunnelError::ProxyAuthRequired => ProxyError::Credentials(name),
        TunnelError::ConnectFailed(cause) => ProxyError::Unreachable {
            proxy: name,
            cause: root_cause(&*cause),
        },
        TunnelError::TunnelUnsuccessful => ProxyError::Refused(name),
        other => ProxyError::Broken {
            proxy: name,
            cause: root_cause(&other),
        },
    })
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// Opens TCP connections.
#[derive(Clone)]
struct TcpConnector {
    http: HttpConnector<Resolver>,
    pacer: Pacer,
}

impl TcpConnector {
    fn new(resolver: Resolver, timeout: Duration) -> Self {
        let pacer = resolver.pacer().clone();
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(timeout));
        Self { http, pacer }
    }
}

impl Service<Uri> for TcpConnector {
    type Response = TokioIo<CountedStream>;
    type Error = BoxError;
    type Future = Connecting<BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, pacer) = (self.http.call(uri), self.pacer.clone());
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            Ok(TokioIo::new(CountedStream::new(stream, pacer)))
        })
    }
}
