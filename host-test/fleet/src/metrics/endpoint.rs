//! The address at which a worker's metrics are read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Metrics;

/// Readers at once.
const READERS: usize = 16;
/// How long a reader may take.
const READER: Duration = Duration::from_secs(5);
/// How long no reader is taken after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the counters at an address until the task is dropped.
///
/// # Errors
///
/// The address cannot be used.
pub async fn serve(address: SocketAddr, metrics: Metrics) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("metrics cannot be served at {address}; name another address with --metrics")
    })?;
    let bound = listener.local_addr()?;
    tokio::spawn(accept(listener, metrics));
    Ok(bound)
}

/// Serves readers at once, as many as there may be, so that one that says nothing does not keep the others waiting.
async fn accept(listener: TcpListener, metrics: Metrics) {
    let readers = Arc::new(Semaphore::new(READERS));
    while let Ok(reader) = Arc::clone(&readers).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    let _ = timeout(READER, answer(stream, &metrics)).await;
                    drop(reader);
                });
            }
            // The machine is short of something for a moment: that ends no metrics.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Reads the head of one request and answers it.
async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut head = Vec::new();
    while head.len() < 8_192 && !head.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 512];
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            break;
        }
        head.extend(bytes.iter().take(read));
    }
    let (method, path) = method_and_path(&head);
    let (status, body) = match method.as_str() {
        "GET" | "HEAD" if path == "/metrics" => ("200 OK", metrics.text()),
        _ => ("404 Not Found", String::new()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{}",
        body.len(),
        if method == "HEAD" { "" } else { &body }
    );
    stream.write_all(answer.as_bytes()).await
}

/// The method of a request, and the path of its target, which may be a whole URL and may have a query.
fn method_and_path(head: &[u8]) -> (String, String) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').and_then(|path| rest.get(path..)),
        None => Some(target),
    };
    let path = target.and_then(|target| target.split('?').next());
    let owned = |word: Option<&str>| word.unwrap_or_default().to_owned();
    (owned(method), owned(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn readers_that_say_nothing_do_not_delay_others() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = serve(any, Metrics::default()).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..READERS - 1 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        for (target, status) in [
            ("GET /metrics", "200"),
            ("GET /metrics?x=1", "200"),
            ("GET http://host:9/metrics", "200"),
            ("GET /", "404"),
            ("GET http://host", "404"),
            ("POST /metrics", "404"),
        ] {
            let request = format!("{target} HTTP/1.1\r\n\r\n");
            let answer = timeout(Duration::from_secs(1), ask(address, &request));
            let answer = answer.await.unwrap();
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{target}: {answer}");
            assert_eq!(answer.contains("# EOF"), status == "200", "{target}");
        }
        let head = ask(address, "HEAD /metrics HTTP/1.1\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"));
    }
}
