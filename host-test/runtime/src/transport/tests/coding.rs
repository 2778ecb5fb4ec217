//! Compressed answers.
//!
//! What asking for gzip saves is printed by `cargo test -p connector-runtime --lib -- --ignored --nocapture gzip`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::Request;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::{BodyExt as _, Limited};
use tokio::io::AsyncWriteExt as _;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::support::{empty, get, get_text, listen, plain_client, read_request, text};

const BODY: &str = r#"{"results":[{"id":"1","title":"a page"}]}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A server whose every answer has these headers and this body.
async fn answering(headers: &str, body: Vec<u8>) -> u16 {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let answer = [head.into_bytes(), body].concat();
    listen(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                // Whoever had enough closes the connection.
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_is_compressed_is_inflated_labelled_or_not() {
    let body = BODY.as_bytes();
    for (headers, bytes) in [
        ("Content-Encoding: gzip\r\n", gzip(body)),
        ("Content-Encoding: GZip, identity\r\n", gzip(body)),
        (
            "Content-Encoding: gzip\r\n",
            [gzip(&body[..9]), gzip(&body[9..])].concat(),
        ),
        ("Content-Encoding: deflate\r\n", zlib(body)),
        ("Content-Encoding: deflate\r\n", deflate(body)),
        // Wrong labels.
        ("Content-Encoding: gzip\r\n", zlib(body)),
        ("Content-Encoding: gzip\r\n", deflate(body)),
        ("Content-Encoding: deflate\r\n", gzip(body)),
        // Padding behind the end.
        (
            "Content-Encoding: gzip\r\n",
            [gzip(body), vec![0; 10]].concat(),
        ),
        (
            "Content-Encoding: deflate\r\n",
            [zlib(body), vec![0; 10]].concat(),
        ),
        ("Content-Type: application/json\r\n", gzip(body)),
        ("Content-Type: application/json\r\n", zlib(body)),
        ("Content-Type: application/json\r\n", deflate(body)),
        ("", gzip(body)),
    ] {
        let (transport, url) = plain_client(answering(headers, bytes).await);
        let answer = get(&transport, &url).await.unwrap();
        for gone in [CONTENT_ENCODING, CONTENT_LENGTH] {
            assert_eq!(answer.headers().get(gone), None, "{headers}");
        }
        assert_eq!(text(answer).await.unwrap(), BODY, "{headers}");
    }
}

#[tokio::test]
async fn what_is_not_compressed_stays_as_it_is() {
    for (headers, body) in [
        (
            "Content-Type: application/json\r\n",
            BODY.as_bytes().to_vec(),
        ),
        ("Content-Type: application/gzip\r\n", gzip(b"a file")),
        ("Content-Encoding: gzip\r\n", Vec::new()),
        ("", Vec::new()),
        (
            "Content-Type: application/json\r\n",
            "\"\u{dc}bersicht\"".into(),
        ),
        (
            "Content-Type: application/json\r\n",
            "\u{dc}ber \u{20ac}".into(),
        ),
        (
            "Content-Type: application/json\r\n",
            b"{\"\xff\xfe\"".to_vec(),
        ),
        // Inflated on the way, with the label left on.
        ("Content-Encoding: gzip\r\n", BODY.into()),
        ("Content-Encoding: deflate\r\n", BODY.into()),
        ("Content-Encoding: deflate\r\n", "\n{\"a\": 1}".into()),
        ("Content-Encoding: deflate\r\n", "\u{feff}[]".into()),
        ("Content-Encoding: gzip\r\n", "<!DOCTYPE html>".into()),
        ("Content-Encoding: deflate\r\n", "<html><body>".into()),
    ] {
        let (transport, url) = plain_client(answering(headers, body.clone()).await);
        let answer = get(&transport, &url).await.unwrap();
        let length = answer.headers()[CONTENT_LENGTH].to_str().unwrap();
        assert_eq!(length, body.len().to_string());
        assert_eq!(answer.headers().get(CONTENT_ENCODING), None, "{headers}");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes, body, "{headers}");
    }
}

#[tokio::test]
async fn a_guest_that_asks_for_a_coding_gets_what_is_sent() {
    let (transport, url) = plain_client(answering("Content-Encoding: br\r\n", vec![1, 2]).await);
    let request = Request::get(&url).header(ACCEPT_ENCODING, "br");
    let request = request.body(empty()).unwrap();
    let answer = transport.send(request, &RequestOptions::default()).await;
    assert_eq!(text(answer.unwrap()).await.unwrap(), "\u{1}\u{2}");
}

#[tokio::test]
async fn a_coding_that_nobody_asked_for_is_named() {
    for (headers, body, said) in [
        ("Content-Encoding: br\r\n", vec![1], "br"),
        (
            "Content-Encoding: gzip\r\n",
            vec![0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2, 3],
            "another one than its label, which is gzip",
        ),
    ] {
        let (transport, url) = plain_client(answering(headers, body).await);
        let error = get(&transport, &url).await.unwrap_err();
        let named = matches!(&error, Error::HttpResponseContentCoding(Some(name)) if name == said);
        assert!(named, "{error:?}");
        let fault = transport.fault().unwrap().message;
        assert!(
            fault.ends_with(&format!("not asked for: {said}")),
            "{fault}"
        );
    }
}

/// The bytes that tell the coding may come one by one.
#[tokio::test]
async fn a_coding_is_told_from_pieces() {
    let body = gzip(BODY.as_bytes());
    let port = listen(move |_, mut stream| {
        let body = body.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for byte in body {
                stream.write_all(&[byte]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    })
    .await;
    let (transport, url) = plain_client(port);
    assert_eq!(get_text(&transport, &url).await, BODY);
}

#[tokio::test]
async fn what_does_not_inflate_to_its_end_is_cut() {
    let whole = gzip(BODY.as_bytes());
    for bytes in [&whole[..whole.len() - 1], &whole[..12], &[0x1f, 0x8b, 8]] {
        let port = answering("Content-Encoding: gzip\r\n", bytes.to_vec()).await;
        let (transport, url) = plain_client(port);
        let answer = get(&transport, &url).await.unwrap();
        let error = text(answer).await.unwrap_err();
        assert!(matches!(error, Error::HttpResponseIncomplete), "{error:?}");
    }
}

#[tokio::test]
async fn a_small_answer_that_inflates_to_a_large_one_comes_in_pieces() {
    const LIMIT: usize = 1 << 20;
    let bomb = gzip(&vec![0; 64 << 20]);
    let (transport, url) = plain_client(answering("Content-Encoding: gzip\r\n", bomb).await);
    let mut body = get(&transport, &url).await.unwrap().into_body();
    let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(piece.len() <= 64 << 10, "{}", piece.len());
    // The limit of a response counts what was inflated.
    let error = Limited::new(body, LIMIT).collect().await.unwrap_err();
    assert!(error.is::<http_body_util::LengthLimitError>(), "{error}");
}

#[tokio::test]
async fn what_inflates_to_nothing_again_and_again_is_cut() {
    let empty_block = [0, 0, 0, 0xff, 0xff];
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let blocks = [header.as_slice(), &empty_block.repeat(100_000)].concat();
    for barren in [gzip(b"").repeat(50_000), blocks] {
        let (transport, url) = plain_client(answering("Content-Encoding: gzip\r\n", barren).await);
        let answer = get(&transport, &url).await.unwrap();
        let error = text(answer).await.unwrap_err();
        assert!(matches!(error, Error::HttpResponseIncomplete), "{error:?}");
    }
    let begins_late = [gzip(b"").repeat(10), gzip(BODY.as_bytes())].concat();
    let (transport, url) = plain_client(answering("Content-Encoding: gzip\r\n", begins_late).await);
    assert_eq!(get_text(&transport, &url).await, BODY);
}

/// A listing of 250 pages, with ids, titles and versions that differ.
fn listing() -> String {
    let page = |number: u64| {
        let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!(
            r#"{{"id":"{id}","status":"current","title":"Page {number}: {id:x} notes","spaceId":"{}","parentId":"{}","parentType":"page","position":{},"authorId":"712020:{id:016x}-{number:04x}","ownerId":"712020:{id:016x}-{number:04x}","lastOwnerId":null,"createdAt":"2026-03-26T15:{:02}:30.{:03}Z","version":{{"number":{},"message":"","minorEdit":false,"authorId":"712020:{id:016x}","createdAt":"2026-04-26T15:{:02}:30.{:03}Z","ncsStepVersion":null}},"body":{{}},"_links":{{"editui":"/pages/resumedraft.action?draftId={id}","webui":"/spaces/ENG/pages/{id}/Page+{number}","edituiv2":"/spaces/ENG/pages/edit-v2/{id}","tinyui":"/x/{id:x}"}}}}"#,
            number % 40,
            id >> 9,
            number * 7,
            number % 60,
            number % 1000,
            number % 17,
            number % 60,
            id % 1000,
        )
    };
    let pages: Vec<_> = (1..=250).map(page).collect();
    format!(r#"{{"results":[{}],"_links":{{}}}}"#, pages.join(","))
}

/// A server behind a line of 10 Mbit/s with a round trip of 20 ms.
async fn throttled(headers: &'static str, body: Vec<u8>) -> u16 {
    const BYTES_PER_MS: usize = 1250;
    listen(move |_, mut stream| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        let answer = [head.into_bytes(), body.clone()].concat();
        async move {
            while read_request(&mut stream).await.is_some() {
                let begun = Instant::now() + Duration::from_millis(20);
                for (number, piece) in answer.chunks(4 * BYTES_PER_MS).enumerate() {
                    let due = begun + Duration::from_millis(4) * u32::try_from(number + 1).unwrap();
                    tokio::time::sleep_until(due.into()).await;
                    stream.write_all(piece).await.unwrap();
                }
            }
        }
    })
    .await
}

#[tokio::test]
#[ignore = "a measurement"]
async fn what_gzip_saves_on_a_slow_line() {
    let plain = listing();
    let packed = gzip(plain.as_bytes());
    for (name, headers, body) in [
        ("plain", "", plain.clone().into_bytes()),
        ("gzip", "Content-Encoding: gzip\r\n", packed),
    ] {
        let bytes = body.len();
        for (line, port) in [
            ("10 Mbit/s, 20 ms", throttled(headers, body.clone()).await),
            ("loopback", answering(headers, body.clone()).await),
        ] {
            let (transport, url) = plain_client(port);
            get_text(&transport, &url).await;
            let begun = Instant::now();
            for _ in 0..20 {
                assert_eq!(get_text(&transport, &url).await.len(), plain.len());
            }
            let each = begun.elapsed() / 20;
            eprintln!("{name}, {bytes} bytes, {line}: {each:?} a listing");
        }
    }
}
