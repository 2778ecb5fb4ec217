//! A server on loopback whose answers never end.

use std::io::{BufRead as _, BufReader, Result, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// Serves as long as this process lives: a thread for each connection.
pub(crate) struct HostileServer {
    url: String,
}

impl HostileServer {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // The other side closes the connection.
                thread::spawn(move || flood(&stream));
            }
        });
        Ok(Self { url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

fn flood(mut stream: &TcpStream) -> Result<()> {
    let mut request = String::new();
    BufReader::new(stream).read_line(&mut request)?;
    let (head, part) = endless_answer(&request);
    stream.write_all(head.as_bytes())?;
    let parts = part.repeat((64 << 10) / part.len());
    loop {
        stream.write_all(parts.as_bytes())?;
    }
}

/// How an answer to this request begins, and what it goes on with.
fn endless_answer(request: &str) -> (&'static str, &'static str) {
    match request.split(['/', ' ']).nth(2) {
        Some("interim-answers") => ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        Some("endless-head") => ("HTTP/1.1 200 OK\r\n", "x-filler: xxxxxxxx\r\n"),
        _ => (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "8\r\nxxxxxxxx\r\n",
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn answers_go_on_and_on() {
        let server = HostileServer::start().unwrap();
        for (path, begin) in [
            (
                "interim-answers",
                "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103",
            ),
            (
                "endless-head",
                "HTTP/1.1 200 OK\r\nx-filler: xxxxxxxx\r\nx-filler",
            ),
            (
                "endless-body",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked",
            ),
        ] {
            let address = server.url().trim_start_matches("http://");
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET /{path} HTTP/1.1\r\n\r\n").unwrap();
            let mut answer = vec![0; 1 << 20];
            stream.read_exact(&mut answer).unwrap();
            assert!(answer.starts_with(begin.as_bytes()), "{path}");
        }
    }
}
