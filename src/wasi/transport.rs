//! The platform over `wasi:http`, the clocks and randomness of WASI 0.2.
//!
//! A GET never opens the body of its request: a host that dropped that body would report a reset connection in
//! place of the response.

use std::cell::Cell;
use std::time::Duration;

use super::bindings::dx::connector::sink;
use super::bindings::wasi::http::outgoing_handler::handle;
use super::bindings::wasi::http::types::{
    Fields, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use super::bindings::wasi::io::streams::StreamError;
use super::bindings::wasi::random::random::get_random_u64;
use super::clock::{nanoseconds, sleep, time_of_day};
use super::error_code::failed;
use super::executor::wait_for;
use super::response::receive;
use crate::client::{Platform, Request, Response, TransportError};
use crate::config::{BaseUrl, Config};
use crate::note::Note;
use crate::secret::Credentials;
use crate::timestamp::Timestamp;

/// Time to make a connection. Where nobody listens, another try helps more than waiting a minute.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("confluence-cloud-connector/", env!("CARGO_PKG_VERSION"));

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

impl Platform for Wasi {
    async fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let (outgoing, body) = self
            .outgoing(request)
            .ok_or_else(|| TransportError::Denied("it cannot be expressed in wasi:http".into()))?;
        let answer =
            handle(outgoing, Some(options(request.timeout))).map_err(|code| failed(&code))?;
        if let (Some(body), Some(bytes)) = (body, request.body) {
            // Where it is not taken, the answer says why.
            let _ = write(body, bytes).await;
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
        sleep(duration).await;
    }

    fn now(&self) -> Timestamp {
        time_of_day()
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

/// Writes a body, and lets other requests go on while the host has no room for more: it may have none until one of them has
/// ended.
async fn write(body: OutgoingBody, mut bytes: &[u8]) -> Result<(), StreamError> {
    let stream = body.write().map_err(|()| StreamError::Closed)?;
    while !bytes.is_empty() {
        wait_for(stream.subscribe()).await;
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (fits, left) = bytes.split_at(room.min(bytes.len()));
        stream.write(fits)?;
        bytes = left;
    }
    stream.flush()?;
    wait_for(stream.subscribe()).await;
    stream.check_write()?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|_| StreamError::Closed)
}
