//! When a request is given up: what the guest asks for, within bounds.

use std::time::Duration;

use tokio::time::Instant;
use wasmtime_wasi_http::RequestOptions;

/// How long a connection, with its TLS, may take to be made where the guest doesn't say; its TCP never takes
/// longer, whatever the guest says, shared among the addresses of a name.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of an answer is waited for where the guest doesn't say.
const FIRST_BYTE: Duration = Duration::from_mins(1);
/// No timeout of a guest is longer.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// When a request is given up.
pub(super) struct Deadlines {
    connect_timeout: Duration,
    pub(super) first_byte: Instant,
}

impl Deadlines {
    pub(super) fn new(options: &RequestOptions) -> Self {
        let bounded =
            |given: Option<Duration>, default| given.unwrap_or(default).min(LONGEST_TIMEOUT);
        Self {
            connect_timeout: bounded(options.connect_timeout, CONNECT),
            first_byte: Instant::now() + bounded(options.first_byte_timeout, FIRST_BYTE),
        }
    }

    /// When a connection that is made from now on must be there.
    pub(super) fn connect(&self) -> Instant {
        (Instant::now() + self.connect_timeout).min(self.first_byte)
    }
}
