//! The seam to the world: what a platform can do, and what goes through it.

pub mod call;
pub mod classify;
pub mod client;
pub mod gate;
pub mod retry;

use std::future::Future;
use std::time::Duration;

use crate::timestamp::Timestamp;

/// A response body is cut off beyond this many bytes: 32 MiB, more than 250 rows of any endpoint can hold.
pub const MAX_BODY: usize = 32 << 20;

/// All that the connector asks of the world: one implementation over wasi, one scripted for tests.
pub trait Platform {
    /// Sends one request and reads its whole answer, all within the request's timeout. Follows no redirect,
    /// repeats nothing.
    fn send(&self, request: &Request<'_>)
    -> impl Future<Output = Result<Response, TransportError>>;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// The time of day, to make sense of dates in headers.
    fn now(&self) -> Timestamp;

    /// A number from 0 to 1, for jitter.
    fn random(&self) -> f64;

    /// Passes advice to the host: waits, warnings, progress.
    fn notify(&self, note: &crate::note::Note<'_>);
}

/// A request to the base URL: there is no way to name another host.
#[derive(Debug)]
pub struct Request<'a> {
    /// Path and query below the base URL.
    pub path_and_query: &'a str,
    /// The JSON body of a POST; a GET where there is none.
    pub body: Option<&'a [u8]>,
    /// The headers to ask a good answer for, besides its length: each costs a call of the host, and the service
    /// sends some thirty.
    pub headers: [Option<&'static str>; 3],
    /// How long the exchange may take, from its start to the end of the answer.
    pub timeout: Duration,
}

/// An answer, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Response headers, as far as this crate asks for them: names in any case, values that are text.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of the header `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No answer, or only a part of one, within the time allowed.
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Network(String),
    /// The host's policy forbids the request; asking again can't help.
    #[error("the host forbids this request: {0}")]
    Denied(String),
    /// The certificate of the server is not trusted; a retry cannot help.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    /// The answer is longer than [`MAX_BODY`] or than the host allows.
    #[error("an answer of more than {} MiB", MAX_BODY >> 20)]
    TooLarge,
}
