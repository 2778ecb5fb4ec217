//! A response and how it is sent.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

/// An answer, and how it is to be sent.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How the server is to send it.
    pub transmission: Transmission,
}

/// An answer that ends the work on a request early.
pub(super) type Refusal = Box<Reply>;

/// How a response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmission {
    /// As a server should.
    Whole,
    /// In chunks of so many bytes.
    Chunked(u64),
    /// Whole, without a length: the end of the connection is the end of the body.
    Unframed,
    /// So many bytes of the body, and then an end.
    Cut {
        /// How many bytes arrive.
        bytes: u64,
        /// How it ends.
        end: EarlyEnd,
    },
    /// The body, then blanks until so many bytes were sent.
    Huge(u64),
    /// The body one byte every 200 ms, then blanks without end.
    Drip,
    /// The headers and then nothing.
    Stall,
    /// Nothing at all, on a connection that stays open.
    Hang,
    /// The connection is closed before the response.
    CloseBefore,
    /// The connection is reset before the response.
    ResetBefore,
    /// The connection is reset in the middle of the body.
    ResetWithin,
}

/// How a body ends before it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// The connection is closed; `Content-Length` promised more.
    ContentLength,
    /// The connection is closed; the last chunk did not come.
    Chunked,
    /// The connection is closed; there was no length, so a client cannot see it.
    Unframed,
    /// `RST_STREAM(NO_ERROR)`; over HTTP/1.1 as [`Self::Chunked`].
    StreamReset,
}

/// What a client gets of a response, whatever the transport: for test doubles without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// All of it.
    Whole,
    /// The beginning of the body, with nothing that tells that it is not all.
    Beginning(u64),
    /// More than a client should read.
    TooLarge,
    /// A broken connection.
    Broken,
    /// Nothing until the client gives up.
    Never,
}

impl Transmission {
    /// Whether a client gets to see a status.
    #[must_use]
    pub fn has_status(self) -> bool {
        !matches!(self, Self::Hang | Self::ResetBefore | Self::CloseBefore)
    }

    /// What a client gets of the response.
    #[must_use]
    pub fn arrival(self) -> Arrival {
        match self {
            Self::Whole | Self::Chunked(_) | Self::Unframed => Arrival::Whole,
            Self::Cut {
                bytes,
                end: EarlyEnd::Unframed,
            } => Arrival::Beginning(bytes),
            Self::Huge(_) => Arrival::TooLarge,
            Self::Cut { .. } | Self::CloseBefore | Self::ResetBefore | Self::ResetWithin => {
                Arrival::Broken
            }
            Self::Drip | Self::Stall | Self::Hang => Arrival::Never,
        }
    }
}

impl Reply {
    pub(super) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self {
            status,
            headers,
            body: body.into(),
            transmission: Transmission::Whole,
        }
    }

    /// An answer in JSON.
    pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// An answer in HTML.
    pub(super) fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html;charset=utf-8", body)
    }

    /// The same answer with one more header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same response, compressed.
    pub(super) fn compressed(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let body = encoder
            .write_all(&self.body)
            .and_then(|()| encoder.finish());
        match body {
            Ok(body) => Self {
                body: body.into(),
                ..self
            }
            .with("content-encoding", "gzip"),
            Err(_) => self,
        }
    }
}
