//! Servers that attack: floods that answer nothing, echoes of the secret, cuts that look like an end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::connection::{ConnectionOptions, Signing};
use connector_runtime::limits::{Exceeded, Limits};
use serde_json::Value;

use crate::support::{Tape, hostile, on_loopback, run_attack, tight};

/// A request as a server reads it.
pub(crate) struct ReceivedRequest {
    line: String,
    headers: Vec<(String, String)>,
}

impl ReceivedRequest {
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&String> {
        self.headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }
}

/// What it answers: bytes, after which the connection is kept or closed.
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").into_bytes())
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::body(&body.to_string())
    }

    fn body(body: &str) -> Self {
        Self(
            format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    }
}

type Answer = Arc<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>;

/// One thread for each connection; lives as long as the test's process.
pub(crate) struct HttpServer {
    pub(crate) url: String,
}

impl HttpServer {
    pub(crate) fn start(answer: Answer) -> Self {
        Self::with(move |stream| {
            let mut reader = BufReader::new(&stream);
            while let Some(request) = read(&mut reader) {
                let Reply(bytes) = answer(&request);
                (&stream).write_all(&bytes).ok()?;
            }
            None
        })
    }

    /// Serves each connection by a function.
    fn with(serve: impl Fn(TcpStream) -> Option<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                stream.set_nodelay(true).unwrap();
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { url }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<ReceivedRequest> {
    let mut lines = reader.by_ref_lines();
    let line = lines.next()?;
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.to_owned()))
        });
    let headers = headers.collect();
    Some(ReceivedRequest { line, headers })
}

trait Lines {
    fn by_ref_lines(&mut self) -> Box<dyn Iterator<Item = String> + '_>;
}

impl Lines for BufReader<&TcpStream> {
    fn by_ref_lines(&mut self) -> Box<dyn Iterator<Item = String> + '_> {
        Box::new(self.lines().map_while(Result::ok))
    }
}

/// A server that sends interim answers without an end.
pub(crate) fn flooding() -> HttpServer {
    endless("", "HTTP/1.1 103 Early Hints\r\n\r\n")
}

/// A server whose answers begin like this, and go on like that without an end.
fn endless(begin: &'static str, part: &'static str) -> HttpServer {
    HttpServer::with(move |mut stream| {
        let mut reader = BufReader::new(&stream);
        read(&mut reader)?;
        stream.write_all(begin.as_bytes()).ok()?;
        let flood = part.repeat(2_000);
        loop {
            stream.write_all(flood.as_bytes()).ok()?;
        }
    })
}

async fn ask(server: &HttpServer, path: &str, signing: Signing) -> (String, Option<Exceeded>) {
    attack(&format!("get {}/{path}", server.url), server, signing).await
}

async fn attack(attack: &str, server: &HttpServer, signing: Signing) -> (String, Option<Exceeded>) {
    let url = &server.url;
    let config = format!(r#"{{"url":"{url}","attack":"{attack}","token":"token/of+someone"}}"#);
    let options = ConnectionOptions {
        ..on_loopback(signing)
    };
    let connection = hostile().await.connect(&config, options).unwrap();
    let limits = Limits {
        cpu: Duration::from_secs(10),
        ..tight()
    };
    let outcome = run_attack(&connection, limits, &Tape::default())
        .await
        .unwrap();
    (outcome.result.unwrap_err().message, outcome.exceeded)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_answers_nothing_ends() {
    let server = flooding();
    let begun = Instant::now();
    let (said, exceeded) = ask(&server, "x", Signing::Guest).await;
    assert!(
        matches!(exceeded, Some(Exceeded::Unanswered(_))) || said.contains("ReadTimeout"),
        "{said}: {exceeded:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// Each is refused after some 128 KiB, which are read at 4 MiB a second once there was one.
#[tokio::test(flavor = "multi_thread")]
async fn who_opens_one_flood_after_the_other_is_slowed_down() {
    let server = endless("HTTP/1.1 200 OK\r\n", "x-filler: xxxxxxxx\r\n");
    let begun = Instant::now();
    let words = format!("again 40 {}/x", server.url);
    let (said, exceeded) = attack(&words, &server, Signing::Guest).await;
    assert!(said.starts_with("ErrorCode::"), "{said}");
    assert_eq!(exceeded, None);
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_of_the_secret_is_cut_off() {
    let echo: Answer = Arc::new(|request| {
        let signed = request.header("authorization").cloned().unwrap_or_default();
        match request.path() {
            "/headers" => Reply(
                format!("HTTP/1.1 200 OK\r\nx-echo: {signed}\r\ncontent-length: 0\r\n\r\n")
                    .into_bytes(),
            ),
            "/escaped" => Reply::body(&format!("{{\"echo\":\"{}\"}}", signed.replace('/', "\\/"))),
            "/large" => Reply::body(&format!(
                "{}{signed}{}",
                "x".repeat(200_000),
                "y".repeat(200_000)
            )),
            "/clean" => Reply::body("nothing of that sort"),
            _ => Reply::body(&signed),
        }
    });
    let server = HttpServer::start(echo);
    for path in ["plain", "headers", "escaped", "large"] {
        let (said, exceeded) = ask(&server, path, Signing::Host).await;
        assert!(
            said.contains("the answer holds the secret"),
            "{path}: {said}"
        );
        assert_eq!(exceeded, Some(Exceeded::SecretEchoed), "{path}");
    }
    let found = ask(&server, "clean", Signing::Host).await;
    assert_eq!(found, ("200 with 20 bytes".to_owned(), None));
    // A guest that signs knows the secret already.
    let found = ask(&server, "plain", Signing::Guest).await;
    assert_eq!(found.1, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_holds_is_not_in_the_guests_configuration() {
    let config =
        r#"{"url":"http://127.0.0.1:9","attack":"show-config","token":"token/of+someone"}"#;
    let connect = async |signing| {
        hostile()
            .await
            .connect(config, on_loopback(signing))
            .unwrap()
    };
    for signing in [Signing::Host, Signing::Guest] {
        let connection = connect(signing).await;
        let outcome = run_attack(&connection, tight(), &Tape::default())
            .await
            .unwrap();
        let said = outcome.result.unwrap_err().message;
        assert!(!said.contains("token/of"), "{said}");
        assert_eq!(
            said.contains("held_by_host"),
            signing == Signing::Host,
            "{said}"
        );
    }
}
