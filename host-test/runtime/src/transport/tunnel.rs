//! Asks a proxy for a tunnel (RFC 9110, 9.3.6).
//!
//! hyper-util has this too, but does not say with which status a proxy refuses.

use std::io;

use http::{HeaderValue, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of the head of an answer.
const MAX_HEAD: usize = 8 << 10;
const END: &[u8] = b"\r\n\r\n";

/// Asks for a tunnel to a service, and returns the status of the answer. What comes behind the answer is the service's
/// and stays unread.
pub(super) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    service: &Uri,
    authorization: Option<&HeaderValue>,
) -> io::Result<StatusCode> {
    let host = service.host().unwrap_or_default();
    let port = service.port_u16().unwrap_or(443);
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    status(&read_head(stream).await?).ok_or_else(|| io::Error::other("it does not answer in HTTP"))
}

/// Byte by byte, so that nothing behind it is taken: a tunnel is opened seldom, and its answer is short.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(END) {
        if head.len() == MAX_HEAD {
            return Err(io::Error::other("the head of its answer is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<StatusCode> {
    let mut words = head.split(u8::is_ascii_whitespace);
    words
        .next()
        .filter(|version| version.starts_with(b"HTTP/1."))?;
    StatusCode::from_bytes(words.next()?).ok()
}
