//! The platform over `wasi:http` and the clocks of WASI 0.2.
//!
//! Not `wstd::http::Client`: it writes an empty body on every GET, and when the host has dropped that body
//! the caller sees a reset connection instead of the answer. A GET never opens the request's body here.

use std::cell::Cell;
use std::time::Duration;

use wasip2::clocks::monotonic_clock::{now, subscribe_duration};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasip2::io::streams::{InputStream, StreamError};

use super::{Headers, MAX_BODY, Platform, Request, Response, TransportError};
use crate::config::{BaseUrl, Config};
use crate::executor::ready;
use crate::secret::Credentials;
use crate::timestamp::{Timestamp, millis};

/// How long a connection may take to be made: where nobody is, another try helps more than a minute's wait.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes read from a body at once.
const CHUNK: usize = 64 * 1024;

/// The world as the component sees it: one site, the clocks, randomness.
#[derive(Debug)]
pub struct Wasi {
    base_url: Option<BaseUrl>,
    /// What every request says of itself: made once, and copied by the host, which is cheaper.
    headers: Option<Fields>,
    /// Bytes of answers under way, which together may take as much as one answer may.
    buffered: Cell<usize>,
}

/// A part of an answer under way; what it takes of the memory is given back when dropped.
///
/// In pieces of one size: several answers that grow side by side, each into twice the room it had, would leave
/// holes behind that none of them fits into, three times as much as they hold.
struct Buffer<'a> {
    pieces: Vec<Vec<u8>>,
    length: usize,
    all: &'a Cell<usize>,
}

impl<'a> Buffer<'a> {
    fn new(all: &'a Cell<usize>) -> Self {
        Self {
            pieces: Vec::new(),
            length: 0,
            all,
        }
    }

    fn push(&mut self, chunk: Vec<u8>) -> Result<(), TransportError> {
        let all = self.all.get() + chunk.len();
        if all > MAX_BODY {
            return Err(TransportError::TooLarge);
        }
        self.all.set(all);
        self.length += chunk.len();
        if self.pieces.is_empty() {
            // Most answers are one chunk.
            self.pieces.push(chunk);
            return Ok(());
        }
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            let mut piece = match self.pieces.pop_if(|last| last.len() < last.capacity()) {
                Some(last) => last,
                None => Vec::with_capacity(CHUNK),
            };
            let room = piece.capacity() - piece.len();
            let (fits, left) = rest.split_at(room.min(rest.len()));
            piece.extend_from_slice(fits);
            self.pieces.push(piece);
            rest = left;
        }
        Ok(())
    }

    fn take(mut self) -> Vec<u8> {
        match self.pieces.as_mut_slice() {
            [one] => std::mem::take(one),
            pieces => pieces.concat(),
        }
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.length);
    }
}

impl Wasi {
    /// A platform for the site of a configuration. Of one that can't be read no request will come.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let config = Config::parse(config).ok();
        let credentials = config
            .as_ref()
            .and_then(|config| config.credentials.as_ref());
        Self {
            headers: headers_of_all(credentials.map(Credentials::expose)),
            base_url: config.map(|config| config.base_url),
            buffered: Cell::new(0),
        }
    }

    /// The request, and its body where it has one.
    fn outgoing(&self, request: &Request<'_>) -> Option<(OutgoingRequest, Option<OutgoingBody>)> {
        let base_url = self.base_url.as_ref()?;
        let headers = self.headers.as_ref()?.clone();
        if let Some(body) = request.body {
            let length = body.len().to_string();
            headers.append("content-type", b"application/json").ok()?;
            headers.append("content-length", length.as_bytes()).ok()?;
        }
        let outgoing = OutgoingRequest::new(headers);
        let scheme = if base_url.secure {
            Scheme::Https
        } else {
            Scheme::Http
        };
        outgoing.set_scheme(Some(&scheme)).ok()?;
        outgoing.set_authority(Some(&base_url.authority)).ok()?;
        let path = [base_url.path.as_str(), request.path_and_query].concat();
        outgoing.set_path_with_query(Some(&path)).ok()?;
        if request.body.is_none() {
            return Some((outgoing, None));
        }
        outgoing.set_method(&Method::Post).ok()?;
        let body = outgoing.body().ok()?;
        Some((outgoing, Some(body)))
    }
}

/// Nothing where the host refuses one of them.
fn headers_of_all(authorization: Option<&str>) -> Option<Fields> {
    let all = [
        ("accept", Some("application/json")),
        ("user-agent", Some(USER_AGENT)),
        ("authorization", authorization),
    ];
    let given = all.into_iter();
    let given =
        given.filter_map(|(name, value)| Some((name.to_owned(), value?.as_bytes().to_vec())));
    Fields::from_list(&given.collect::<Vec<_>>()).ok()
}

/// What is asked of an answer's headers where something is wrong.
const OF_FAILURES: [&str; 6] = [
    "date",
    "location",
    "retry-after",
    "x-cache",
    "x-failure-category",
    "x-ratelimit-reset",
];

const USER_AGENT: &str = concat!("confluence-cloud-connector/", env!("CARGO_PKG_VERSION"));

impl Platform for Wasi {
    async fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let (outgoing, body) = self.outgoing(request).ok_or_else(|| {
            TransportError::Denied("it can't be put into words of wasi:http".into())
        })?;
        let answer =
            handle(outgoing, Some(options(request.timeout))).map_err(|code| failed(&code))?;
        if let (Some(body), Some(bytes)) = (body, request.body) {
            write(body, bytes)?;
        }
        let deadline = now() + nanoseconds(request.timeout);
        ready(answer.subscribe()).await;
        match answer.get() {
            Some(Ok(Ok(response))) => receive(&response, request, deadline, &self.buffered).await,
            Some(Ok(Err(code))) => Err(failed(&code)),
            Some(Err(())) | None => Err(TransportError::Network(
                "no answer where one was ready".into(),
            )),
        }
    }

    async fn sleep(&self, duration: Duration) {
        ready(subscribe_duration(nanoseconds(duration))).await;
    }

    fn now(&self) -> Timestamp {
        let now = wasip2::clocks::wall_clock::now();
        let millis = now.seconds.saturating_mul(1000) + u64::from(now.nanoseconds / 1_000_000);
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn random(&self) -> f64 {
        let bits =
            u32::try_from(wasip2::random::random::get_random_u64() >> 32).unwrap_or_default();
        f64::from(bits) / f64::from(u32::MAX)
    }
}

/// The host keeps these timeouts; one that can't says so here, and its limit on the whole call stands in.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(nanoseconds(timeout.min(CONNECT))));
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
    deadline: u64,
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
        read(&stream, declared, deadline, buffered)
            .await?
            .ok_or(TransportError::Timeout(request.timeout))?
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
        &OF_FAILURES
    };
    let asked = request.headers.iter().flatten();
    let names = ["content-length"].iter().chain(asked).chain(failed);
    let pairs = names.filter_map(|&name| {
        let value = all.get(name).into_iter().next()?;
        Some((name.to_owned(), String::from_utf8(value).ok()?))
    });
    Headers(pairs.collect())
}

/// Nothing where the deadline passes before the end.
async fn read(
    stream: &InputStream,
    declared: Option<usize>,
    deadline: u64,
    buffered: &Cell<usize>,
) -> Result<Option<Vec<u8>>, TransportError> {
    let mut buffer = Buffer::new(buffered);
    let mut waited = false;
    loop {
        match stream.read(CHUNK as u64) {
            // The host's timeout is for the gap between two chunks: a body that drips keeps within it for ever.
            Ok(_) if waited && now() > deadline => return Ok(None),
            Ok(chunk) if chunk.is_empty() => {
                ready(stream.subscribe()).await;
                waited = true;
            }
            Ok(chunk) => {
                buffer.push(chunk)?;
                if declared == Some(buffer.length) {
                    return Ok(Some(buffer.take()));
                }
            }
            Err(StreamError::Closed) if declared.is_some_and(|length| length > buffer.length) => {
                return Err(TransportError::Network("the answer breaks off".into()));
            }
            Err(StreamError::Closed) => return Ok(Some(buffer.take())),
            // Whatever the host says of it, another try is the answer.
            Err(StreamError::LastOperationFailed(_)) => {
                let why = "the answer breaks off, or comes to a halt";
                return Err(TransportError::Network(why.into()));
            }
        }
    }
}

fn failed(code: &ErrorCode) -> TransportError {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            TransportError::Denied("its address is not one that this connection may reach".into())
        }
        ErrorCode::HttpResponseBodySize(_) | ErrorCode::HttpResponseHeaderSectionSize(_) => {
            TransportError::TooLarge
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => {
            TransportError::Network("the other side is silent".into())
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => {
            TransportError::Network("the host's name is not known".into())
        }
        ErrorCode::ConnectionRefused => TransportError::Network("it was refused".into()),
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => {
            TransportError::Network("TLS could not be agreed upon".into())
        }
        ErrorCode::InternalError(Some(why)) => TransportError::Network(why.clone()),
        _ => TransportError::Network("it broke off".into()),
    }
}
