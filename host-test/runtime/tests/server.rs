//! A server with few manners, one thread for each connection: it does what a path asks for, and counts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Lives as long as the test's process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&server.connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                stream.set_nodelay(true).unwrap();
                connections.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || serve(&stream));
            }
        });
        server
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// One answer after the other, until either side has enough.
fn serve(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let path = request(&mut reader)?;
        answer(stream, &path)?;
    }
}

/// Reads a request; its path.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut lines = reader.by_ref().lines();
    let first = lines.next()?.ok()?;
    let head: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    if head.iter().any(|line| line.contains("chunked")) {
        // Whatever is sent is read to the last chunk, so that it could be sent.
        let mut line = String::new();
        while line.trim() != "0" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
        }
        reader.read_line(&mut line).ok()?;
    }
    Some(first.split(' ').nth(1)?.to_owned())
}

fn answer(mut stream: &TcpStream, path: &str) -> Option<()> {
    let mut words = path.trim_start_matches('/').splitn(2, '/');
    let (what, argument) = (words.next()?, words.next().unwrap_or_default());
    let bytes = argument.parse().unwrap_or(0);
    let forever = Duration::from_mins(1);
    match what {
        "declared" => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(&vec![b'x'; bytes]).ok()
        }
        "chunked" => {
            let head =
                format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{bytes:x}\r\n");
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(&vec![b'x'; bytes]).ok()?;
            stream.write_all(b"\r\n0\r\n\r\n").ok()
        }
        "redirect" => {
            let head = format!(
                "HTTP/1.1 302 Found\r\nlocation: http://{argument}/\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).ok()
        }
        "headers" => {
            let many: Vec<_> = (0..bytes)
                .map(|number| format!("x-{number}: y\r\n"))
                .collect();
            let many = many.concat();
            let head = format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()
        }
        "head" => {
            let filler = "y".repeat(bytes);
            let head =
                format!("HTTP/1.1 200 OK\r\nx-filler: {filler}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()
        }
        "once" => {
            // Says that it keeps the connection, and closes it when it is used again.
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .ok()?;
            let mut first = [0];
            let _ = (&mut &*stream).read(&mut first);
            None
        }
        "slow" => {
            std::thread::sleep(Duration::from_millis(300));
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .ok()
        }
        "halting" => {
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\nhalf";
            stream.write_all(half).ok()?;
            std::thread::sleep(forever);
            None
        }
        _ => {
            std::thread::sleep(forever);
            None
        }
    }
}
