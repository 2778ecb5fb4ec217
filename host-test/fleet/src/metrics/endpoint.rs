//! The address at which a worker's metrics are read.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::Metrics;

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
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(timeout(READER, answer(stream, &metrics)).await),
                // The machine is short of something for a moment: that ends no metrics.
                Err(_) => sleep(PAUSE).await,
            }
        }
    });
    Ok(bound)
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
    let (status, body) = if head.starts_with(b"GET /metrics ") {
        ("200 OK", metrics.text())
    } else {
        ("404 Not Found", String::new())
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}
