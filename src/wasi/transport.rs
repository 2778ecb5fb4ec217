//! The platform over `wasi:http`, the clocks and randomness of WASI 0.2.
//!
//! A GET never opens the body of its request: a host that dropped that body would report a reset connection in
//! place of the response.

use std::cell::Cell;
use std::time::Duration;

use super::bindings::dx::connector::sink;
use super::bindings::wasi::clocks::monotonic_clock::{now, subscribe_duration};
use super::bindings::wasi::clocks::wall_clock;
use super::bindings::wasi::http::outgoing_handler::handle;
use super::bindings::wasi::http::types::{
    Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use super::bindings::wasi::io::streams::{InputStream, StreamError};
use super::bindings::wasi::random::random::get_random_u64;
use super::buffer::{Buffer, CHUNK};
use super::error_code::failed;
use super::executor::wait_for;
use crate::client::{Headers, MAX_BODY, Platform, Request, Response, TransportError};
use crate::config::{BaseUrl, Config};
use crate::note::Note;
use crate::secret::Credentials;
use crate::timestamp::{Timestamp, millis};

/// Time to make a connection. Where nobody listens, another try helps more than waiting a minute.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The world as the component sees it: one site, the clocks, randomness, the sink's notes.
#[derive(Debug)]
pub(super) struct Wasi {
    base_url: BaseUrl,
    authorization: Option<String>,
    /// Bytes of the bodies that arrive, which together may have as many as one may.
    buffered: Cell<usize>,
}

impl Wasi {
    /// A platform for the site of a configuration.
    pub(super) fn new(config: &Config) -> Self {
        let authorization = config.credentials.as_ref().map(Credentials::expose);
        Self {
            base_url: config.base_url.clone(),
            authorization: authorization.map(str::to_owned),
            buffered: Cell::new(0),
        }
    }

    /// The request, and its body if it has one.
    fn outgoing(&self, request: &Request<'_>) -> Option<(OutgoingRequest, Option<OutgoingBody>)> {
        let outgoing = OutgoingRequest::new(self.headers(request)?);
        let scheme = if self.base_url.secure {
            Scheme::Https
        } else {
            Scheme::Http
        };
        outgoing.set_scheme(Some(&scheme)).ok()?;
        outgoing
            .set_authority(Some(&self.base_url.authority))
            .ok()?;
        let path = [self.base_url.path.as_str(), request.path_and_query].concat();
        outgoing.set_path_with_query(Some(&path)).ok()?;
        if request.body.is_none() {
            return Some((outgoing, None));
        }
        outgoing.set_method(&Method::Post).ok()?;
        let body = outgoing.body().ok()?;
        Some((outgoing, Some(body)))
    }

    /// Made anew for each request: some hosts share the entries of clones.
    fn headers(&self, request: &Request<'_>) -> Option<Fields> {
        let length = request.body.map(|body| body.len().to_string());
        let headers = [
            ("accept", Some("application/json")),
            ("user-agent", Some(USER_AGENT)),
            ("authorization", self.authorization.as_deref()),
            ("content-type", request.body.map(|_| "application/json")),
            ("content-length", length.as_deref()),
        ];
        let given = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.as_bytes().to_vec())));
        Fields::from_list(&given.collect::<Vec<_>>()).ok()
    }
}

/// The headers to read from a response that reports a failure.
const ERROR_HEADERS: [&str; 10] = [
    "atl-traceid",
    "content-type",
    "date",
    "location",
    "retry-after",
    "x-authentication-denied-reason",
    "x-cache",
    "x-failure-category",
    "x-ratelimit-reset",
    "x-seraph-loginreason",
];

const USER_AGENT: &str = concat!("confluence-cloud-connector/", env!("CARGO_PKG_VERSION"));

impl Platform for Wasi {
    async fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let (outgoing, body) = self
            .outgoing(request)
            .ok_or_else(|| TransportError::Denied("it cannot be expressed in wasi:http".into()))?;
        let answer =
            handle(outgoing, Some(options(request.timeout))).map_err(|code| failed(&code))?;
        if let (Some(body), Some(bytes)) = (body, request.body) {
            write(body, bytes)?;
        }
        wait_for(answer.subscribe()).await;
        match answer.get() {
            Some(Ok(Ok(response))) => receive(&response, request, &self.buffered).await,
            Some(Ok(Err(code))) => Err(failed(&code)),
            Some(Err(())) | None => Err(TransportError::Network(
                "no answer where one was ready".into(),
            )),
        }
    }

    async fn sleep(&self, duration: Duration) {
        wait_for(subscribe_duration(nanoseconds(duration))).await;
    }

    fn now(&self) -> Timestamp {
        let now = wall_clock::now();
        let millis = now.seconds.saturating_mul(1000) + u64::from(now.nanoseconds / 1_000_000);
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn random(&self) -> f64 {
        let bits = u32::try_from(get_random_u64() >> 32).unwrap_or_default();
        f64::from(bits) / f64::from(u32::MAX)
    }

    fn notify(&self, note: &Note<'_>) {
        sink::note(&note.to_json());
    }
}

/// The host keeps these timeouts; one that can't says so here, and its limit on the whole call stands in.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(nanoseconds(timeout.min(CONNECT_TIMEOUT))));
    let nanoseconds = nanoseconds(timeout);
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn nanoseconds(duration: Duration) -> u64 {
    millis(duration).saturating_mul(1_000_000)
}

/// Account ids, some 11 KiB at most: one write.
fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), TransportError> {
    let lost =
        |what: &str| TransportError::Network(format!("the request's body was not taken: {what}"));
    let stream = body.write().map_err(|()| lost("no stream"))?;
    for chunk in bytes.chunks(4096) {
        stream
            .blocking_write_and_flush(chunk)
            .map_err(|error| lost(&error.to_string()))?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| failed(&code))
}

async fn receive(
    response: &IncomingResponse,
    request: &Request<'_>,
    buffered: &Cell<usize>,
) -> Result<Response, TransportError> {
    let status = response.status();
    let headers = headers(response, status, request);
    let declared = headers
        .get("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(TransportError::TooLarge);
    }
    let body = response
        .consume()
        .map_err(|()| TransportError::Network("no body".into()))?;
    let bytes = {
        let stream = body
            .stream()
            .map_err(|()| TransportError::Network("no body".into()))?;
        read(&stream, declared, request.timeout, buffered).await?
    };
    Ok(Response {
        status,
        headers,
        body: bytes,
    })
}

fn headers(response: &IncomingResponse, status: u16, request: &Request<'_>) -> Headers {
    let all = response.headers();
    let failed = if (200..300).contains(&status) {
        &[][..]
    } else {
        &ERROR_HEADERS
    };
    let asked = request.headers.iter().flatten();
    let mut lines = Vec::new();
    for &name in ["content-length"].iter().chain(asked).chain(failed) {
        let values = all.get(name).into_iter();
        let texts = values.filter_map(|value| String::from_utf8(value).ok());
        lines.extend(texts.map(|value| (name.to_owned(), value)));
    }
    Headers(lines)
}

/// Reads a body to its end.
///
/// The host's timeout is for the gap between two chunks: a body that drips keeps within it for ever. So there is a
/// deadline for the whole of it, from the first time that it has to be waited for.
async fn read(
    stream: &InputStream,
    declared: Option<usize>,
    timeout: Duration,
    buffered: &Cell<usize>,
) -> Result<Vec<u8>, TransportError> {
    let mut buffer = Buffer::new(buffered);
    let mut deadline = None;
    loop {
        match stream.read(CHUNK as u64) {
            Ok(_) if deadline.is_some_and(|deadline| now() > deadline) => {
                return Err(TransportError::Timeout(timeout));
            }
            Ok(chunk) if chunk.is_empty() => {
                deadline.get_or_insert_with(|| now() + nanoseconds(timeout));
                wait_for(stream.subscribe()).await;
            }
            Ok(chunk) => {
                buffer.push(chunk)?;
                if declared == Some(buffer.length) {
                    return Ok(buffer.take());
                }
            }
            Err(StreamError::Closed) if declared.is_some_and(|length| length > buffer.length) => {
                return Err(TransportError::Network("the answer breaks off".into()));
            }
            Err(StreamError::Closed) => return Ok(buffer.take()),
            // Whatever the host says of it, another try is the answer.
            Err(StreamError::LastOperationFailed(_)) => {
                let why = "the answer breaks off, or comes to a halt";
                return Err(TransportError::Network(why.into()));
            }
        }
    }
}
