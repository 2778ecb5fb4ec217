//! Names, connections and TLS, against servers on loopback.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Version;
use http_body_util::{Empty, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::*;

#[tokio::test]
async fn no_name_leads_inside() {
    let site = Egress::for_base_url("https://site.atlassian.net").unwrap();
    let error = Resolver(site)
        .call("localhost".parse().unwrap())
        .await
        .unwrap_err();
    let denied = error.downcast_ref::<Denied>();
    assert!(matches!(denied, Some(Denied::Address(address)) if address.is_loopback()));
    let mock = Egress::for_base_url("http://localhost:8080").unwrap();
    let found = Resolver(mock).call("localhost".parse().unwrap()).await;
    assert!(found.unwrap().all(|address| address.ip().is_loopback()));
}

/// A certificate for localhost that nobody but `roots` knows.
struct Localhost {
    server: rustls::ServerConfig,
    roots: rustls::RootCertStore,
}

impl Localhost {
    /// Offers these protocols.
    fn new(alpn: &[&[u8]]) -> Self {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = issued.cert.der().clone();
        let key = PrivateKeyDer::try_from(issued.key_pair.serialize_der()).unwrap();
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

    /// Serves on a free port, and counts connections.
    async fn serve(self, connections: Arc<AtomicUsize>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(self.server));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await?;
                    let answer = service_fn(|_| async {
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    let ended = server.serve_connection(TokioIo::new(stream), answer).await;
                    ended.map_err(io::Error::other)
                });
            }
        });
        port
    }
}

fn trusting(base_url: &str, roots: rustls::RootCertStore) -> Transport {
    let egress = Egress::for_base_url(base_url).unwrap();
    Transport::with_tls(egress, None, trust(roots))
}

async fn get(
    transport: &Transport,
    url: &str,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let body = Empty::new().map_err(|never: Infallible| match never {});
    let request = Request::get(url).body(body.boxed_unsync()).unwrap();
    transport.send(request, &options).await
}

#[tokio::test]
async fn http_2_is_spoken_where_tls_agrees_on_it_over_one_connection() {
    for (alpn, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
    ] {
        let localhost = Localhost::new(alpn);
        let roots = localhost.roots.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let port = localhost.serve(Arc::clone(&connections)).await;
        let url = format!("https://localhost:{port}/");
        let transport = trusting(&url, roots);
        for _ in 0..3 {
            let answer = get(&transport, &url, RequestOptions::default())
                .await
                .unwrap();
            assert_eq!(answer.version(), version);
            let body = answer.into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes(), "{}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let localhost = Localhost::new(&[b"h2"]);
    let connections = Arc::new(AtomicUsize::new(0));
    let port = localhost.serve(connections).await;
    let url = format!("https://localhost:{port}/");
    let stranger = Transport::new(Egress::for_base_url(&url).unwrap(), None);
    let error = get(&stranger, &url, RequestOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
}

#[tokio::test]
async fn a_connection_must_be_made_in_time() {
    // The kernel takes the connection, and nobody answers to the TLS handshake.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}/");
    let transport = trusting(&url, Localhost::new(&[]).roots);
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(50)),
        ..RequestOptions::default()
    };
    let error = get(&transport, &url, options).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionTimeout), "{error:?}");
}
