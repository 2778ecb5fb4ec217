//! One line of the log for each request, for an operator who wants to see them.

use std::time::Instant;

use http::{Method, Request, Response};
use tracing::Level;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::printable::printable_within;

/// Bytes of a path in a line.
const PATH: usize = 200;

/// What the line says of a request, without its query, which may hold anything.
pub(super) struct RequestLog {
    line: Option<Line>,
}

struct Line {
    method: Method,
    path: String,
    begun: Instant,
    tries: usize,
}

impl RequestLog {
    /// A line is made only if it is shown.
    pub(super) fn new(request: &Request<WasiBody>) -> Self {
        let line = || Line {
            method: request.method().clone(),
            path: printable_within(request.uri().path(), PATH),
            begun: Instant::now(),
            tries: 0,
        };
        Self {
            line: tracing::enabled!(Level::INFO).then(line),
        }
    }

    /// To be called for each time that the request is sent.
    pub(super) fn count_try(&mut self) {
        if let Some(line) = &mut self.line {
            line.tries += 1;
        }
    }

    /// Writes the line: how long it took until the head of the answer came, or none.
    pub(super) fn write(self, answer: &Result<Response<WasiBody>, Error>) {
        let Some(line) = self.line else {
            return;
        };
        let Line { method, path, .. } = &line;
        let answer = match answer {
            Ok(answer) => answer.status().as_u16().to_string(),
            Err(error) => printable_within(&error.to_string(), PATH),
        };
        let milliseconds = line.begun.elapsed().as_millis();
        let tries = match line.tries {
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        tracing::info!("{method} {path}: {answer}, {milliseconds} ms, {tries}");
    }
}
