//! Names, connections and TLS, against servers on loopback.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::io;
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

use super::*;
use crate::address::NetworkPolicy;
use crate::egress::Denied;

/// What an operator allows in tests.
fn egress(url: &str) -> Egress {
    Egress::for_origin(url, NetworkPolicy::default().allow_loopback()).unwrap()
}

#[tokio::test]
async fn no_name_leads_inside() {
    let resolver = |url| Resolver::new(egress(url), Tenant::default());
    let error = resolver("https://site.example.net")
        .allowed("localhost")
        .await
        .unwrap_err();
    let denied = error.downcast_ref::<Denied>();
    assert!(matches!(denied, Some(Denied::Address(denied)) if denied.address.is_loopback()));
    let found = resolver("http://localhost:8080")
        .allowed("localhost")
        .await
        .unwrap();
    assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()));
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
        let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
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

fn trusting(configured_url: &str, roots: rustls::RootCertStore) -> Transport {
    let parts = Parts::new(egress(configured_url), Tenant::default());
    let pool = pool(TokioExecutor::new(), &parts, tls::trusting(roots));
    parts.into_transport(pool)
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
    let stranger = trusting(&url, Localhost::new(&[]).roots);
    let error = get(&stranger, &url, RequestOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
    let fault = stranger.fault().unwrap();
    assert!(
        fault.starts_with(&format!(
            "the certificate of localhost:{port} is not accepted: "
        )),
        "{fault}"
    );
    assert!(
        fault.ends_with("name its certificate with SSL_CERT_FILE"),
        "{fault}"
    );
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

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let plain = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, plain).await;
        }
    });
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let refused = free.local_addr().unwrap().port();
    drop(free);
    for (url, words) in [
        (
            format!("https://localhost:{port}/"),
            format!("localhost:{port} does not speak TLS on this port"),
        ),
        (
            format!("http://127.0.0.1:{refused}/"),
            format!("127.0.0.1:{refused} refuses connections"),
        ),
    ] {
        let transport = trusting(&url, Localhost::new(&[]).roots);
        get(&transport, &url, RequestOptions::default())
            .await
            .unwrap_err();
        assert_eq!(transport.fault(), Some(words));
    }
}

/// Serves one HTTP/2 stream by hand.
async fn h2_server(
    serve: impl Fn(h2::server::SendResponse<Bytes>) + Send + 'static,
) -> (String, rustls::RootCertStore) {
    let localhost = Localhost::new(&[b"h2"]);
    let (roots, config) = (localhost.roots.clone(), localhost.server);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, respond))) = connection.accept().await {
                serve(respond);
            }
        }
    });
    (url, roots)
}

#[tokio::test]
async fn a_stream_that_is_reset_is_not_one_that_ended() {
    for (reset, whole) in [(true, false), (false, true)] {
        let (url, roots) = h2_server(move |mut respond| {
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"{\"half\":"), !reset)
                .unwrap();
            if reset {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    body.send_reset(h2::Reason::NO_ERROR);
                });
            }
        })
        .await;
        let answer = get(&trusting(&url, roots), &url, RequestOptions::default())
            .await
            .unwrap();
        let body = answer.into_body().collect().await;
        assert_eq!(body.is_ok(), whole, "{body:?}");
    }
}
