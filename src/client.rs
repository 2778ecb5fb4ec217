//! The way to the service: send one request, retry it, confirm what is suspect.

pub mod classify;
mod confirm;
mod end_marker;
mod error_body;
pub mod limiter;
mod recovery;
pub mod request;
pub mod retry;
pub mod retry_after;
mod retry_loop;
mod sender;
mod server_clock;

use std::future::Future;
use std::time::Duration;

pub use self::end_marker::EndMarker;
pub use self::request::{ApiRequest, RequestError};
pub use self::sender::Client;
use crate::note::Note;
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// A response body longer than this is refused: 32 MiB, more than 250 rows of any endpoint can have.
pub const MAX_BODY: usize = 32 << 20;

/// All that the connector needs of the world: one implementation over WASI, one scripted for tests.
pub trait Platform {
    /// Sends one request and reads the whole response, within the request's timeout. Follows no redirect and
    /// retries nothing.
    fn send(&self, request: &Request<'_>)
    -> impl Future<Output = Result<Response, TransportError>>;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// The time of day, to interpret dates in headers.
    fn now(&self) -> Timestamp;

    /// A number from 0 to 1, for jitter.
    fn random(&self) -> f64;

    /// Passes advice to the host: waits, warnings, progress.
    fn notify(&self, note: &Note<'_>);
}

/// A request below the base URL; another host cannot be named.
#[derive(Debug)]
pub struct Request<'a> {
    /// Path and query below the base URL.
    pub path_and_query: &'a str,
    /// The JSON body of a POST; a GET has none.
    pub body: Option<&'a [u8]>,
    /// The headers to read from a good response, besides its length. Each costs a host call, and the service
    /// sends some thirty.
    pub headers: [Option<&'static str>; 4],
    /// How long the service may take to answer, and how long what is left of the body may then take.
    pub timeout: Duration,
}

/// A response, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Response headers, as far as this crate reads them: names in any case, values that are text. A name may
/// occur several times.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of the header `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.iter();
        let line = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.as_str())
    }

    /// All values of the header `name`.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.0.iter();
        let lines = lines.filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No complete response within the time allowed.
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection failed, or the response broke off.
    #[error("the connection failed: {0}")]
    Network(String),
    /// There is no connection.
    #[error("there is no connection: {0}")]
    Unreachable(String),
    /// The response is in a form that nobody asked for; it is seldom better the next time.
    #[error("an answer that cannot be read: {0}")]
    Unreadable(String),
    /// The host's policy forbids the request; a retry cannot help.
    #[error("the host forbids this request: {0}")]
    Denied(String),
    /// The certificate of the server is not trusted; a retry cannot help.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    /// The response is longer than [`MAX_BODY`] or than the host allows.
    #[error("an answer of more than {} MiB", MAX_BODY >> 20)]
    TooLarge,
}
