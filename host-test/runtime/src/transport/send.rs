//! Sends a request over a kept connection or a new one, as often as connections break.

use std::pin::pin;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use tokio::time::timeout_at;
use wasmtime_wasi_http::WasiBody;

use super::counted_stream::{ConnectionState, ConnectionUse};
use super::deadlines::Deadlines;
use super::network_error::SendError;
use super::pool::Pools;
use super::repeat::{Outbound, Repeat};
use super::request_log::RequestLog;

impl Pools {
    /// Sends a request, and sends it again where that is worth it.
    pub(super) async fn send(
        &self,
        outbound: &mut Outbound,
        deadlines: &Deadlines,
        log: &mut RequestLog,
    ) -> Result<Response<Incoming>, SendError> {
        let mut next = outbound.next_request();
        let mut repeats = 0;
        while let Some(request) = next {
            log.count_try();
            let (answer, used) = self.send_once(request, deadlines).await;
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = Repeat::reason(&error, used).filter(|reason| repeats < reason.limit());
            next = again.and_then(|_| outbound.next_request());
            let (Some(reason), Some(_)) = (again, &next) else {
                return Err(error);
            };
            if reason == Repeat::Http1Required {
                self.require_http1();
            }
            tracing::debug!("a request is sent again at once: {reason:?}");
            repeats += 1;
        }
        Err(SendError::AnswerTimeout)
    }

    /// One try, and which connection it took.
    async fn send_once(
        &self,
        mut request: Request<WasiBody>,
        deadlines: &Deadlines,
    ) -> (Result<Response<Incoming>, SendError>, ConnectionUse) {
        let connection = capture_connection(&mut request);
        let mut answer = pin!(self.current().request(request));
        let answer = match timeout_at(deadlines.connect(), &mut answer).await {
            Ok(answer) => Some(answer),
            Err(_) if connection.connection_metadata().is_none() => {
                return (Err(SendError::ConnectTimeout), ConnectionUse::New);
            }
            Err(_) => timeout_at(deadlines.first_byte, answer).await.ok(),
        };
        let metadata = connection.connection_metadata();
        let used = metadata.as_ref().and_then(ConnectionState::of);
        let used = used.map_or(ConnectionUse::New, |state| state.record_use());
        if let (None, Some(connected)) = (&answer, metadata.as_ref()) {
            // One that answers pings and nothing else would be taken for the next request as well.
            connected.poison();
        }
        let answer = answer.ok_or(SendError::AnswerTimeout);
        let answer = answer.and_then(|answer| answer.map_err(SendError::Client));
        (answer, used)
    }
}
