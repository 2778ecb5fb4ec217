//! Opens connections: to the service itself, or through a proxy.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::counted_stream::CountedStream;
use super::proxy::{Proxies, Proxy, ProxyError, Route, shown};
use super::resolver::Resolver;
use super::tunnel;
use crate::tenant::Pacer;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<E> = Pin<Box<dyn Future<Output = Result<TokioIo<CountedStream>, E>> + Send>>;

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
    mut connector: TcpConnector,
    proxy: Proxy,
    service: Uri,
) -> Result<TokioIo<CountedStream>, ProxyError> {
    let name = shown(&proxy.uri);
    let connected = connector.call(proxy.uri).await;
    let stream = connected.map_err(|error| ProxyError::Unreachable {
        proxy: name.clone(),
        cause: root_cause(&*error),
    })?;
    let mut stream = stream.into_inner();
    let status = tunnel::connect(&mut stream, &service, proxy.authorization.as_ref()).await;
    let status = status.map_err(|error| ProxyError::Broken {
        proxy: name.clone(),
        cause: error.to_string(),
    })?;
    match (status, proxy.authorization) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, None) => Err(ProxyError::Credentials(name)),
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(_)) => {
            Err(ProxyError::WrongCredentials(name))
        }
        (StatusCode::OK, _) => Ok(TokioIo::new(stream)),
        (status, _) => Err(ProxyError::Refused {
            proxy: name,
            status: status.as_u16(),
        }),
    }
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
