//! Servers on free ports of loopback, and clients for them.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::address::NetworkPolicy;
use crate::egress::Egress;
use crate::transport::network::Network;
use crate::transport::pool::KeepAlive;
use crate::transport::proxy::Proxies;
use crate::transport::resolver;
use crate::transport::{Transport, tls};

/// A server's certificate, and the roots that vouch for it.
pub(super) struct Authority {
    server: rustls::ServerConfig,
    pub(super) roots: rustls::RootCertStore,
}

impl Authority {
    /// A certificate for `name`, and a server that offers these protocols.
    pub(super) fn new(name: &str, alpn: &[&[u8]]) -> Self {
        Self::with(name, alpn, |_| {})
    }

    pub(super) fn with(
        name: &str,
        alpn: &[&[u8]],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> Self {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        server.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Self { server, roots }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.server.clone()))
    }

    /// Serves with TLS. `serve` is given the number of the connection, from 0.
    pub(super) async fn listen<F>(
        &self,
        serve: impl Fn(usize, TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    ) -> u16
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let acceptor = self.acceptor();
        let serve = Arc::new(serve);
        listen(move |number, stream| {
            let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(number, stream).await;
                }
            }
        })
        .await
    }
}

/// Serves without TLS.
pub(super) async fn listen<F>(serve: impl Fn(usize, TcpStream) -> F + Send + Sync + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve(number, stream));
        }
    });
    port
}

/// Reads the head of a request of HTTP/1, and as much of its body as its length says.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head.to_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}

/// A client without a proxy.
pub(super) fn client(url: &str, roots: rustls::RootCertStore) -> Transport {
    client_with(url, roots, Proxies::of("", ""))
}

pub(super) fn client_with(url: &str, roots: rustls::RootCertStore, proxies: Proxies) -> Transport {
    let network = NetworkPolicy::default().allow_loopback();
    let egress = Egress::for_origin(url, network).unwrap();
    let network = Network {
        look_up: resolver::of_system(),
        proxies,
        tls: tls::trusting(roots),
        keep_alive: KeepAlive {
            interval: Duration::from_millis(50),
            timeout: Duration::from_millis(500),
        },
    };
    Transport::with(egress, None, network)
}

/// A client for a server without TLS.
pub(super) fn plain_client(port: u16) -> (Transport, String) {
    let url = format!("http://127.0.0.1:{port}/");
    let transport = client(&url, rustls::RootCertStore::empty());
    (transport, url)
}

pub(super) async fn get(transport: &Transport, url: &str) -> Result<Response<WasiBody>, Error> {
    let request = Request::get(url).body(empty()).unwrap();
    transport.send(request, &RequestOptions::default()).await
}

pub(super) fn empty() -> WasiBody {
    let body = Empty::new().map_err(|never: Infallible| match never {});
    body.boxed_unsync()
}

pub(super) fn full(body: &'static str) -> WasiBody {
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
    body.boxed_unsync()
}

pub(super) async fn text(response: Response<WasiBody>) -> Result<String, Error> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

/// The text of an answer that has to come.
pub(super) async fn get_text(transport: &Transport, url: &str) -> String {
    text(get(transport, url).await.unwrap()).await.unwrap()
}
