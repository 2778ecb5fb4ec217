//! Proxies, asked for tunnels.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::http2::serve_both;
use super::support::{
    Authority, client_with, empty, get, get_text, listen, plain_client, read_request,
};
use crate::transport::proxy::Proxies;

const SERVICE: &str = "https://service.example/";

/// A proxy that leads every tunnel to `service`, and tells what it was asked.
async fn proxy(service: u16, status: &'static str, received: Arc<Mutex<Vec<String>>>) -> u16 {
    listen(move |_, mut stream| {
        let received = Arc::clone(&received);
        async move {
            let request = read_request(&mut stream).await.unwrap();
            received.lock().unwrap().push(request);
            let head = format!("HTTP/1.1 {status}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            if status.starts_with("200") {
                let mut service = TcpStream::connect(("127.0.0.1", service)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut service).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_to_the_name() {
    let service = Authority::new("service.example", &[b"h2"]);
    let port = service.listen(|_, stream| serve_both(stream)).await;
    let received = Arc::default();
    let port = proxy(port, "200 OK", Arc::clone(&received)).await;
    let proxies = Proxies::of(&format!("http://user:pass%20word@127.0.0.1:{port}"), "");
    let transport = client_with(SERVICE, service.roots.clone(), proxies);
    assert_eq!(get_text(&transport, SERVICE).await, "{}");
    assert_eq!(get_text(&transport, SERVICE).await, "{}");
    let received = received.lock().unwrap();
    // "user:pass word", and one tunnel for both requests.
    let expected = "CONNECT service.example:443 HTTP/1.1\r\nHost: service.example:443\r\n\
                    Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n\r\n";
    assert_eq!(*received, [expected]);
}

#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_said_without_its_password() {
    let port = proxy(0, "407 Proxy Authentication Required", Arc::default()).await;
    let refusing = proxy(0, "403 Forbidden", Arc::default()).await;
    let no_http = listen(|_, mut stream| async move {
        stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap();
        let _ = read_request(&mut stream).await;
    })
    .await;
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let nobody = gone.local_addr().unwrap().port();
    drop(gone);
    for (url, said, needs_a_person) in [
        (
            format!("http://u:secret@127.0.0.1:{port}"),
            "refuses the credentials of its URL",
            true,
        ),
        (
            format!("http://127.0.0.1:{port}"),
            "asks for credentials",
            true,
        ),
        (
            format!("http://127.0.0.1:{no_http}"),
            "broke off: it does not answer in HTTP",
            false,
        ),
        (
            format!("http://u:secret@127.0.0.1:{refusing}"),
            "refuses a tunnel (HTTP 403)",
            false,
        ),
        (
            format!("http://u:secret@127.0.0.1:{nobody}"),
            "cannot be reached",
            false,
        ),
        (
            "socks5://u:secret@127.0.0.1:1".to_owned(),
            "name an HTTP proxy",
            true,
        ),
        (
            "https://u:secret@127.0.0.1:1".to_owned(),
            "name an HTTP proxy",
            true,
        ),
    ] {
        let roots = rustls::RootCertStore::empty();
        let transport = client_with(SERVICE, roots, Proxies::of(&url, ""));
        let error = get(&transport, SERVICE).await.unwrap_err();
        let expected = match error {
            Error::ConfigurationError => needs_a_person,
            Error::DestinationUnavailable => !needs_a_person,
            _ => false,
        };
        assert!(expected, "{error:?}");
        let fault = transport.fault().unwrap().message;
        assert!(
            fault.contains(said)
                && fault.contains("127.0.0.1")
                && fault.contains("service.example"),
            "{fault}"
        );
        assert!(!fault.contains("secret"), "{fault}");
    }
}

/// The proxy is silent, or the service behind it is.
#[tokio::test]
async fn a_proxy_that_hangs_is_named() {
    let silent = listen(|_, stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let behind = proxy(silent, "200 OK", Arc::default()).await;
    for port in [silent, behind] {
        let proxies = Proxies::of(&format!("http://u:secret@127.0.0.1:{port}"), "");
        let transport = client_with(SERVICE, rustls::RootCertStore::empty(), proxies);
        let options = RequestOptions {
            connect_timeout: Some(Duration::from_millis(100)),
            ..RequestOptions::default()
        };
        let request = Request::get(SERVICE).body(empty()).unwrap();
        let error = transport.send(request, &options).await.unwrap_err();
        assert!(matches!(error, Error::ConnectionTimeout), "{error:?}");
        let fault = transport.fault().unwrap().message;
        let said = format!("on the way to service.example: the proxy http://127.0.0.1:{port} ");
        assert!(fault.starts_with(&said), "{fault}");
    }
}

#[tokio::test]
async fn loopback_and_what_is_excluded_are_reached_directly() {
    let service = listen(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let (_, url) = plain_client(service);
    let dead = || Proxies::of("http://127.0.0.1:1", ".excluded.example");
    let transport = client_with(&url, rustls::RootCertStore::empty(), dead());
    assert_eq!(get_text(&transport, &url).await, "{}");
    for (host, direct) in [
        ("service.example", false),
        ("site.excluded.example", true),
        ("localhost", true),
        ("[::1]", true),
    ] {
        let uri = format!("https://{host}/").parse().unwrap();
        let route = dead().route(&uri).unwrap();
        let is_direct = matches!(route, crate::transport::proxy::Route::Direct);
        assert_eq!(is_direct, direct, "{host}");
    }
}
