//! Servers that send without answering.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wasmtime_wasi_http::Error;

use super::http2::{HEADERS, PING, SETTINGS, WINDOW_UPDATE, frame};
use super::support::{Authority, client, get, get_text, listen, plain_client, read_request};
use crate::transport::Transport;

const INTERIM: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

/// A server of HTTP/1.1 that sends interim answers for ever.
async fn interim_answers() -> (Transport, String) {
    let flood = INTERIM.repeat(1000);
    let port = listen(move |_, mut stream| {
        let flood = flood.clone();
        async move {
            read_request(&mut stream).await;
            while stream.write_all(&flood).await.is_ok() {}
        }
    })
    .await;
    plain_client(port)
}

/// A server of HTTP/2 that sends a frame for ever.
async fn frames(one: Vec<u8>) -> (Transport, String) {
    let localhost = Authority::new("localhost", &[b"h2"]);
    let flood = one.repeat(1000);
    let port = localhost
        .listen(move |_, mut stream| {
            let flood = flood.clone();
            async move {
                stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
                let (mut from, mut to) = tokio::io::split(stream);
                let reading = async {
                    let mut read = vec![0; 64 << 10];
                    while from.read(&mut read).await.is_ok_and(|read| read > 0) {}
                };
                let writing = async { while to.write_all(&flood).await.is_ok() {} };
                tokio::join!(reading, writing);
            }
        })
        .await;
    let url = format!("https://localhost:{port}/");
    (client(&url, localhost.roots.clone()), url)
}

/// Frames that answer nothing.
fn kinds() -> [(&'static str, Vec<u8>); 5] {
    const PRIORITY: u8 = 2;
    let interim = [
        // `:status` as a literal with the name of the static table: 103.
        0x08, 0x03, b'1', b'0', b'3',
    ];
    [
        ("window updates", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("pings", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("interim answers", frame(HEADERS, 4, 1, &interim)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_the_connection() {
    let (transport, url) = interim_answers().await;
    for _ in 0..2 {
        let begun = Instant::now();
        let error = get(&transport, &url).await.unwrap_err();
        // 8 MiB in pieces of 16 KiB with pauses of 4 ms, but for the first half MiB: otherwise a few milliseconds.
        assert!(begun.elapsed() > Duration::from_secs(1));
        let named =
            matches!(&error, Error::InternalError(Some(why)) if why.contains("answer nothing"));
        assert!(named, "{error:?}");
    }
    for (kind, one) in kinds() {
        let (transport, url) = frames(one).await;
        let begun = Instant::now();
        let ended = tokio::time::timeout(Duration::from_secs(20), get(&transport, &url)).await;
        let error = ended.unwrap().unwrap_err();
        eprintln!("{kind}: {error:?} after {:?}", begun.elapsed());
        let code = matches!(error, Error::InternalError(_) | Error::ConnectionTerminated);
        assert!(code, "{kind}: {error:?}");
    }
}

/// A byte of HPACK is a field in memory: so the heads are counted, and not their bytes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_of_http_2_are_few() {
    let [.., (_, interim)] = kinds();
    let (transport, url) = frames(interim).await;
    let begun = Instant::now();
    let error = get(&transport, &url).await.unwrap_err();
    // A few KiB, which are read at full speed.
    assert!(begun.elapsed() < Duration::from_secs(1), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_lives_on_after_a_flood() {
    let port = listen(|number, mut stream| async move {
        read_request(&mut stream).await;
        if number == 0 {
            let flood = INTERIM.repeat(1000);
            while stream.write_all(&flood).await.is_ok() {}
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let (transport, url) = plain_client(port);
    get(&transport, &url).await.unwrap_err();
    assert_eq!(get_text(&transport, &url).await, "{}");
}

/// How long five honest clients take for some requests each.
async fn honest() -> Duration {
    let port = listen(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let begun = Instant::now();
    let clients = (0..5).map(|_| {
        tokio::spawn(async move {
            let (transport, url) = plain_client(port);
            for _ in 0..20 {
                get_text(&transport, &url).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    begun.elapsed()
}

/// The servers run on threads of their own: only what the client does of their floods is measured. No tenant pays for
/// it here, as it would in a runtime.
#[test]
#[ignore = "a measurement, on a machine that does nothing else"]
fn neighbours_of_a_flood_take_as_long_as_alone() {
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut floods: Vec<_> = kinds()
        .into_iter()
        .map(|(_, one)| servers.block_on(frames(one)))
        .collect();
    floods.push(servers.block_on(interim_answers()));
    let clients = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    clients.block_on(async {
        let alone = honest().await.min(honest().await);
        let floods = Arc::new(floods);
        let tasks: Vec<_> = (0..floods.len())
            .map(|number| {
                let floods = Arc::clone(&floods);
                tokio::spawn(async move {
                    loop {
                        let (transport, url) = &floods[number];
                        let _ = get(transport, url).await;
                    }
                })
            })
            .collect();
        let mut beside = [honest().await, honest().await, honest().await];
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        beside.sort();
        eprintln!("alone {alone:?}, beside six floods {beside:?}");
        // Without pauses it was seventy times as long.
        assert!(beside[1] < alone * 4 + Duration::from_millis(500));
    });
}
