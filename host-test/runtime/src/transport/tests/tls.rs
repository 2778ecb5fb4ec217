//! Certificates, names, ports: what is said, and by which code.

use std::time::Duration;

use http::Request;
use http::Version;
use tokio::io::AsyncWriteExt as _;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::support::{Authority, client, empty, get, listen, read_request};
use crate::transport::Transport;

async fn fails(transport: &Transport, url: &str) -> (Error, String) {
    let error = get(transport, url).await.unwrap_err();
    (error, transport.fault().unwrap().message)
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_named_at_once() {
    let good = Authority::new("localhost", &[]);
    let other = Authority::new("other.example", &[]);
    let expired = Authority::with("localhost", &[], |certificate| {
        certificate.not_before = rcgen::date_time_ymd(2000, 1, 1);
        certificate.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    // As `openssl req -x509` makes it.
    let authority = Authority::with("localhost", &[], |certificate| {
        certificate.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let for_clients = Authority::with("localhost", &[], |certificate| {
        certificate.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let address = Authority::new("127.0.0.1", &[]);
    let none = rustls::RootCertStore::empty();
    for (server, roots, said) in [
        (&good, none.clone(), "SSL_CERT_FILE"),
        (&good, other.roots.clone(), "SSL_CERT_FILE"),
        // Of the same name, with another key.
        (&authority, good.roots.clone(), "SSL_CERT_FILE"),
        (&other, other.roots.clone(), "another name"),
        (&expired, expired.roots.clone(), "expired"),
        (&authority, none.clone(), "the certificate of an authority"),
        (
            &authority,
            authority.roots.clone(),
            "the certificate of an authority",
        ),
        (
            &for_clients,
            for_clients.roots.clone(),
            "not meant for a server",
        ),
        (&address, address.roots.clone(), "another name: 127.0.0.1;"),
    ] {
        let port = server.listen(|_, _| async {}).await;
        let url = format!("https://localhost:{port}/");
        let (error, fault) = fails(&client(&url, roots), &url).await;
        assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
        assert!(fault.contains(said), "{fault}");
        assert!(fault.contains(&format!("localhost:{port}")), "{fault}");
        assert!(!fault.contains("Other("), "{fault}");
    }
}

#[tokio::test]
async fn a_port_without_tls_and_a_port_without_a_server_are_named() {
    let port = listen(|_, mut stream| async move {
        let bad = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(bad).await.unwrap();
    })
    .await;
    let url = format!("https://localhost:{port}/");
    let (error, fault) = fails(&client(&url, rustls::RootCertStore::empty()), &url).await;
    assert!(matches!(error, Error::ConfigurationError), "{error:?}");
    assert!(fault.contains("does not speak TLS"), "{fault}");

    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let url = format!("http://127.0.0.1:{port}/");
    let (error, fault) = fails(&client(&url, rustls::RootCertStore::empty()), &url).await;
    assert!(matches!(error, Error::ConnectionRefused), "{error:?}");
    let refused = format!("127.0.0.1:{port} refuses connections");
    assert!(fault.starts_with(&refused), "{fault}");
}

/// Something in between may answer once for a service whose address is right.
#[tokio::test]
async fn a_service_that_has_answered_is_not_taken_for_a_port_without_tls() {
    let authority = Authority::new("localhost", &[]);
    let acceptor = authority.acceptor();
    let port = listen(move |number, mut stream| {
        let acceptor = acceptor.clone();
        async move {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            if number == 1 {
                stream.write_all(answer).await.unwrap();
                return;
            }
            let mut stream = acceptor.accept(stream).await.unwrap();
            read_request(&mut stream).await.unwrap();
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let url = format!("https://localhost:{port}/");
    let transport = client(&url, authority.roots.clone());
    assert!(get(&transport, &url).await.is_ok());
    let (error, fault) = fails(&transport, &url).await;
    assert!(matches!(error, Error::TlsProtocolError), "{error:?}");
    assert!(fault.contains("does not speak TLS"), "{fault}");
    assert!(get(&transport, &url).await.is_ok());
    assert_eq!(transport.fault(), None);
}

#[tokio::test]
async fn a_connection_must_be_made_in_time() {
    // The kernel takes the connection, and nobody answers to the TLS handshake.
    let port = listen(|_, stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let url = format!("https://localhost:{port}/");
    let transport = client(&url, rustls::RootCertStore::empty());
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let request = Request::get(&url).body(empty()).unwrap();
    let error = transport.send(request, &options).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionTimeout), "{error:?}");
    assert!(transport.fault().unwrap().message.contains("in time"));
}

#[tokio::test]
async fn http_2_is_spoken_where_tls_agrees_on_it_over_one_connection() {
    for (alpn, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
    ] {
        let localhost = Authority::new("localhost", alpn);
        let port = localhost
            .listen(|number, stream| async move {
                assert_eq!(number, 0);
                super::http2::serve_both(stream).await;
            })
            .await;
        let url = format!("https://localhost:{port}/");
        let transport = client(&url, localhost.roots.clone());
        for _ in 0..3 {
            let answer = get(&transport, &url).await.unwrap();
            assert_eq!(answer.version(), version);
            assert_eq!(super::support::text(answer).await.unwrap(), "{}");
        }
    }
}
