//! HTTP/2, spoken frame by frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::support::{Authority, client, empty, get, get_text, read_request, text};
use crate::transport::Transport;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` of the static table.
const STATUS_200: &[u8] = &[0x88];

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn head(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, STATUS_200)
}

fn answer(stream: u32, body: &str) -> Vec<u8> {
    let body = frame(DATA, END_STREAM, stream, body.as_bytes());
    [head(stream), body].concat()
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

/// What to do about a request.
pub(super) enum Reply {
    Frames(Vec<u8>),
    /// Frames, and the end of the connection.
    Close(Vec<u8>),
    /// Nothing from now on, not even for pings.
    Silence,
}

/// Serves one connection; `reply` is given the number of the request on it, and its stream.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    reply: impl Fn(usize, u32) -> Reply,
) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let mut requests = 0;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let frames = match header[3] {
            SETTINGS if header[4] & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            PING if header[4] & ACK == 0 => frame(PING, ACK, 0, &payload),
            HEADERS => {
                requests += 1;
                match reply(requests - 1, id) {
                    Reply::Frames(frames) => frames,
                    Reply::Close(frames) => {
                        stream.write_all(&frames).await?;
                        return stream.shutdown().await;
                    }
                    Reply::Silence => std::future::pending().await,
                }
            }
            _ => Vec::new(),
        };
        stream.write_all(&frames).await?;
        stream.flush().await?;
    }
}

/// Answers `{}` in the version that TLS agreed on.
pub(super) async fn serve_both(mut stream: TlsStream<TcpStream>) {
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let _ = serve(stream, |_, id| Reply::Frames(answer(id, "{}"))).await;
        return;
    }
    while read_request(&mut stream).await.is_some() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
    }
}

/// A server of HTTP/2; `reply` is given the number of the connection, that of the request on it, and its stream.
async fn server(
    reply: impl Fn(usize, usize, u32) -> Reply + Send + Sync + 'static,
) -> (Transport, String) {
    let localhost = Authority::new("localhost", &[b"h2"]);
    let reply = Arc::new(reply);
    let port = localhost
        .listen(move |number, stream| {
            let reply = Arc::clone(&reply);
            async move {
                let _ = serve(stream, |request, id| reply(number, request, id)).await;
            }
        })
        .await;
    let url = format!("https://localhost:{port}/");
    (client(&url, localhost.roots.clone()), url)
}

#[tokio::test]
async fn a_request_above_the_last_stream_of_a_goaway_is_sent_again() {
    let (transport, url) = server(|connection, request, id| match (connection, request) {
        (0, 0) => Reply::Frames(answer(id, "first")),
        (0, _) => {
            let last_stream_and_no_error = [0, 0, 0, 1, 0, 0, 0, 0];
            Reply::Close(frame(GOAWAY, 0, 0, &last_stream_and_no_error))
        }
        _ => Reply::Frames(answer(id, "second")),
    })
    .await;
    assert_eq!(get_text(&transport, &url).await, "first");
    assert_eq!(get_text(&transport, &url).await, "second");
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_a_few_times() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let (transport, url) = server(move |_, request, id| {
        counted.fetch_add(1, Ordering::Relaxed);
        let refused = u32::from(h2::Reason::REFUSED_STREAM);
        if request == 2 {
            Reply::Frames(answer(id, "in the end"))
        } else {
            Reply::Frames(reset(id, refused))
        }
    })
    .await;
    assert_eq!(get_text(&transport, &url).await, "in the end");
    assert_eq!(requests.load(Ordering::Relaxed), 3);
    let error = get(&transport, &url).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionTerminated), "{error:?}");
    assert_eq!(requests.load(Ordering::Relaxed), 7);
}

type Frames<'a> = Box<dyn Fn(u32) -> Vec<u8> + Send + Sync + 'a>;

/// The text of an answer, or the error at whichever point it came.
async fn get_whole(transport: &Transport, url: &str) -> Result<String, Error> {
    text(get(transport, url).await?).await
}

#[tokio::test]
async fn an_answer_is_whole_only_where_its_end_is_flagged() {
    let no_error = u32::from(h2::Reason::NO_ERROR);
    let data = |id, body: &[u8]| frame(DATA, 0, id, body);
    let end = |id| frame(DATA, END_STREAM, id, &[]);
    // `x: y`, as a literal.
    let trailers = |id| {
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            id,
            &[0, 1, b'x', 1, b'y'],
        )
    };
    let bodiless = |id| frame(HEADERS, END_HEADERS | END_STREAM, id, STATUS_200);
    let ends: [(&str, Frames<'_>, Option<&str>); 7] = [
        (
            "nothing but a reset",
            Box::new(|id| reset(id, no_error)),
            None,
        ),
        (
            "a head and a reset",
            Box::new(|id| [head(id), reset(id, no_error)].concat()),
            None,
        ),
        (
            "half a body and a reset",
            Box::new(|id| [head(id), data(id, b"[1,2"), reset(id, no_error)].concat()),
            None,
        ),
        ("a head without a body", Box::new(bodiless), Some("")),
        (
            "an empty body",
            Box::new(|id| [head(id), end(id)].concat()),
            Some(""),
        ),
        (
            "an end in a frame of its own",
            Box::new(|id| [head(id), data(id, b"[1,2]"), end(id)].concat()),
            Some("[1,2]"),
        ),
        (
            "trailers",
            Box::new(|id| [head(id), data(id, b"[1,2]"), trailers(id)].concat()),
            Some("[1,2]"),
        ),
    ];
    for (why, frames, whole) in ends {
        let frames = frames(1);
        let (transport, url) = server(move |_, _, _| Reply::Frames(frames.clone())).await;
        let found = get_whole(&transport, &url).await;
        assert_eq!(found.as_deref().ok(), whole, "{why}: {found:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_does_is_an_error() {
    let goaway = |last: u8| frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, 0]);
    for (why, frames) in [
        ("before its head", Vec::new()),
        ("processed, and nothing sent", goaway(1)),
        (
            "within its body",
            [head(1), frame(DATA, 0, 1, b"[1,")].concat(),
        ),
        ("behind its head", [head(1), goaway(1)].concat()),
    ] {
        let (transport, url) = server(move |_, _, _| Reply::Close(frames.clone())).await;
        let found = get_whole(&transport, &url).await;
        assert!(found.is_err(), "{why}: {found:?}");
    }
}

#[tokio::test]
async fn a_silent_connection_is_noticed_and_replaced() {
    let (transport, url) = server(|connection, request, id| match (connection, request) {
        (0, 0) => Reply::Frames(answer(id, "first")),
        (0, _) => Reply::Silence,
        _ => Reply::Frames(answer(id, "second")),
    })
    .await;
    assert_eq!(get_text(&transport, &url).await, "first");
    assert_eq!(get_text(&transport, &url).await, "second");
}

/// Many servers acknowledge pings whatever became of what is behind them.
#[tokio::test]
async fn a_connection_that_answers_pings_alone_is_left() {
    let (transport, url) = server(|connection, request, id| match (connection, request) {
        (0, 0) => Reply::Frames(answer(id, "first")),
        (0, _) => Reply::Frames(Vec::new()),
        _ => Reply::Frames(answer(id, "second")),
    })
    .await;
    assert_eq!(get_text(&transport, &url).await, "first");
    let request = Request::get(&url).body(empty()).unwrap();
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(200)),
        ..RequestOptions::default()
    };
    assert!(transport.send(request, &options).await.is_err());
    assert_eq!(get_text(&transport, &url).await, "second");
}

#[tokio::test]
async fn a_server_that_requires_http_1_1_gets_it() {
    let localhost = Authority::new("localhost", &[b"h2", b"http/1.1"]);
    let port = localhost
        .listen(|_, stream| async move {
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                let required = u32::from(h2::Reason::HTTP_1_1_REQUIRED);
                let _ = serve(stream, |_, id| Reply::Frames(reset(id, required))).await;
            } else {
                serve_both(stream).await;
            }
        })
        .await;
    let url = format!("https://localhost:{port}/");
    let transport = client(&url, localhost.roots.clone());
    for _ in 0..2 {
        let answer = get(&transport, &url).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_11);
    }
}
