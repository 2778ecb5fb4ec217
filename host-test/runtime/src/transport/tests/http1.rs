//! HTTP/1.1: kept connections, cuts, heads.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use http::header::CONTENT_LENGTH;
use tokio::io::AsyncWriteExt as _;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::support::{
    Authority, client, full, get, get_text, listen, plain_client, read_request, text,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that answers once on each connection and closes it when it is used again.
async fn closing_on_reuse(connections: Arc<AtomicUsize>) -> u16 {
    listen(move |number, mut stream| {
        connections.store(number + 1, Ordering::Relaxed);
        async move {
            if read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
                read_request(&mut stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_closes_on_reuse_is_replaced_at_once() {
    let connections = Arc::new(AtomicUsize::new(0));
    let port = closing_on_reuse(Arc::clone(&connections)).await;
    let (transport, url) = plain_client(port);
    for _ in 0..3 {
        assert_eq!(get_text(&transport, &url).await, "ok");
    }
    // What is posted is short and is sent again as well.
    for _ in 0..2 {
        let request = Request::post(&url).header(CONTENT_LENGTH, "5");
        let request = request.body(full("query")).unwrap();
        let answer = transport.send(request, &RequestOptions::default()).await;
        assert_eq!(text(answer.unwrap()).await.unwrap(), "ok");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_new_connection_that_closes_is_an_error() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let port = listen(move |_, mut stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            read_request(&mut stream).await;
        }
    })
    .await;
    let (transport, url) = plain_client(port);
    let error = get(&transport, &url).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionTerminated), "{error:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let fault = transport.fault().unwrap().message;
    assert!(
        fault.contains(&format!("127.0.0.1:{port} broke off")),
        "{fault}"
    );
}

async fn answering(answer: impl Into<Vec<u8>>) -> u16 {
    let answer = answer.into();
    listen(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            if read_request(&mut stream).await.is_some() {
                stream.write_all(&answer).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_body_that_is_cut_is_an_error() {
    for (answer, why) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n",
            "no last chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n{\"a",
            "in a chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"a",
            "before its length",
        ),
    ] {
        let (transport, url) = plain_client(answering(answer).await);
        let cut = match get(&transport, &url).await {
            Ok(answer) => text(answer).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(
            matches!(cut, Error::HttpResponseIncomplete),
            "{why}: {cut:?}"
        );
    }
    // Nobody can tell whether this one is cut: its end is the connection's.
    let (transport, url) = plain_client(answering("HTTP/1.1 200 OK\r\n\r\n{\"a").await);
    assert_eq!(get_text(&transport, &url).await, "{\"a");
}

/// Where the connection's end is the body's, TLS tells whether the server meant it.
#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_whole_if_tls_was_closed() {
    let localhost = Authority::new("localhost", &[]);
    for closes in [true, false] {
        let port = localhost
            .listen(move |_, mut stream| async move {
                if read_request(&mut stream).await.is_some() {
                    let answer = b"HTTP/1.1 200 OK\r\n\r\n[1,2]";
                    stream.write_all(answer).await.unwrap();
                    stream.flush().await.unwrap();
                    if closes {
                        stream.shutdown().await.unwrap();
                    }
                }
            })
            .await;
        let url = format!("https://localhost:{port}/");
        let transport = client(&url, localhost.roots.clone());
        let found = text(get(&transport, &url).await.unwrap()).await;
        if closes {
            assert_eq!(found.unwrap(), "[1,2]");
        } else {
            let is_cut = matches!(found, Err(Error::HttpResponseIncomplete));
            assert!(is_cut, "{found:?}");
        }
    }
}

#[tokio::test]
async fn many_headers_are_read_and_too_many_are_an_error() {
    let head = |count: usize| {
        let mut head = String::from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
        for number in 0..count {
            write!(head, "x-header-{number}: value\r\n").unwrap();
        }
        head + "\r\nok"
    };
    let (transport, url) = plain_client(answering(head(400)).await);
    assert_eq!(get_text(&transport, &url).await, "ok");
    for answer in [
        head(600),
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200_000)),
    ] {
        let (transport, url) = plain_client(answering(answer).await);
        let error = get(&transport, &url).await.unwrap_err();
        let named = matches!(error, Error::HttpResponseHeaderSectionSize(None));
        assert!(named, "{error:?}");
        assert!(transport.fault().unwrap().message.contains("header fields"));
    }
}
