//! Signing by the host.

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::timeout_at;
use wasmtime_wasi_http::WasiBody;

use super::Transport;
use super::client_credentials::ClientCredentials;
use super::deadlines::Deadlines;
use super::network_error::SendError;
use super::repeat::Outbound;
use super::request_log::RequestLog;
use crate::secrets::Secrets;

/// What the host signs with, and the texts that no answer may hold.
pub(crate) struct Authorization {
    pub(crate) credentials: Credentials,
    pub(crate) secrets: Secrets,
}

/// Where the `Authorization` header comes from.
pub(crate) enum Credentials {
    /// It is always the same.
    Header(HeaderValue),
    /// It holds an access token that an OAuth client was issued.
    Client(Box<ClientCredentials>),
}

impl Authorization {
    /// Takes out what the guest may not decide where the host signs.
    pub(super) fn prepare(headers: &mut HeaderMap) {
        headers.remove(AUTHORIZATION);
        // What the guest inflates cannot be looked through.
        headers.remove(ACCEPT_ENCODING);
        // A secret that a server sends back in two parts would not be found in either.
        headers.remove(RANGE);
        headers.remove(IF_RANGE);
    }
}

impl Transport {
    /// Sends a request of the guest's.
    pub(super) async fn send_outbound(
        &self,
        request: Request<WasiBody>,
        deadlines: &Deadlines,
        log: &mut RequestLog,
    ) -> Result<Response<Incoming>, SendError> {
        let outbound = timeout_at(deadlines.first_byte, Outbound::new(request)).await;
        let outbound = outbound.map_err(|_| SendError::AnswerTimeout)?;
        let mut outbound = outbound.map_err(SendError::Body)?;
        self.send_signed(&mut outbound, deadlines, log).await
    }

    /// Sends a request, signed if the host signs. A token that the service no longer accepts is renewed once.
    async fn send_signed(
        &self,
        outbound: &mut Outbound,
        deadlines: &Deadlines,
        log: &mut RequestLog,
    ) -> Result<Response<Incoming>, SendError> {
        let client = match self
            .authorization
            .as_ref()
            .map(|signed| &signed.credentials)
        {
            None => return self.pools.send(outbound, deadlines, log).await,
            Some(Credentials::Header(header)) => {
                outbound.sign(header);
                return self.pools.send(outbound, deadlines, log).await;
            }
            Some(Credentials::Client(client)) => client,
        };
        let token = client.token(deadlines.first_byte).await?;
        outbound.sign(&token.header);
        let answer = self.pools.send(outbound, deadlines, log).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || !outbound.is_repeatable() {
            return Ok(answer);
        }
        let renewed = client.renew(token.number, deadlines.first_byte).await?;
        let Some(renewed) = renewed else {
            return Ok(answer);
        };
        outbound.sign(&renewed.header);
        let answer = self.pools.send(outbound, deadlines, log).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            client.record_futile_renewal().await;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_decides_is_not_the_guests() {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, ACCEPT_ENCODING, RANGE, IF_RANGE] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        headers.insert("accept", HeaderValue::from_static("x"));
        Authorization::prepare(&mut headers);
        assert_eq!(headers.len(), 1);
    }
}
