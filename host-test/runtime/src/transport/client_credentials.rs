//! Access tokens of an OAuth client: exchanged for its id and secret (RFC 6749, 4.4), and renewed before they end.
//!
//! Requests that find no token wait for one exchange together. A token that the service refuses before its end is
//! renewed once; a renewal that did not help is not tried again for a while. An endpoint that asks for a wait is not
//! asked before it is over.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::Transport;
use super::access_token::AccessToken;
use super::oauth_client::OauthClient;
use super::token_response::{Grant, MAX_RESPONSE, TokenError, read_response, retry_after};
use crate::contract::FailureKind;
use crate::secrets::Secrets;

/// How long one exchange may take.
const EXCHANGE: Duration = Duration::from_secs(20);
/// How long a renewal that failed is not tried again while the token is still good.
const RETRY_RENEWAL: Duration = Duration::from_secs(10);
/// How long a refused token is not renewed after a renewal that did not help.
const FUTILE: Duration = Duration::from_mins(1);

/// The access tokens of one client.
pub(crate) struct ClientCredentials {
    client: OauthClient,
    transport: Transport,
    secrets: Secrets,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<AccessToken>,
    /// Tokens issued so far.
    issued: u64,
    last_failure: Option<(Instant, TokenError)>,
    /// A refused token is not renewed before.
    futile_until: Option<Instant>,
}

impl State {
    /// Waits as long as the last refusal asked for, if there is time for that.
    async fn wait_as_asked(&self, deadline: Instant) -> Result<(), TokenError> {
        if let Some((_, error)) = &self.last_failure
            && let Some(retry_at) = error.retry_at
        {
            if retry_at >= deadline {
                return Err(error.clone());
            }
            sleep_until(retry_at).await;
        }
        Ok(())
    }
}

impl ClientCredentials {
    /// `transport` is the one that exchanges the client.
    pub(crate) fn new(client: OauthClient, transport: Transport, secrets: Secrets) -> Self {
        Self {
            client,
            transport,
            secrets,
            state: Mutex::default(),
        }
    }

    /// The token to sign with.
    ///
    /// # Errors
    ///
    /// There is none by the deadline, or at all.
    pub(super) async fn token(&self, deadline: Instant) -> Result<AccessToken, TokenError> {
        let asked_at = Instant::now();
        let mut state = self.lock(deadline).await?;
        match &state.token {
            Some(token) if Instant::now() < token.renew_at => return Ok(token.clone()),
            _ => {}
        }
        match self.exchange_once(&mut state, asked_at, deadline).await {
            Ok(token) => Ok(token),
            // The old token is good for a while yet.
            Err(error) => match &mut state.token {
                Some(token) if Instant::now() < token.ends_at => {
                    let soon = Instant::now() + RETRY_RENEWAL;
                    token.renew_at = error.retry_at.map_or(soon, |at| at.max(soon));
                    Ok(token.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Another token than the one of this number, which the service refused; none where another one would not help.
    ///
    /// # Errors
    ///
    /// There is none by the deadline, or at all.
    pub(super) async fn renew(
        &self,
        refused: u64,
        deadline: Instant,
    ) -> Result<Option<AccessToken>, TokenError> {
        let asked_at = Instant::now();
        let mut state = self.lock(deadline).await?;
        if let Some(token) = state.token.clone().filter(|token| token.number != refused) {
            return Ok(Some(token));
        }
        if state
            .futile_until
            .is_some_and(|until| Instant::now() < until)
        {
            return Ok(None);
        }
        let renewed = self.exchange_once(&mut state, asked_at, deadline).await;
        renewed.map(Some)
    }

    /// The service refused a token that was just issued: it is not the token's age.
    pub(super) async fn record_futile_renewal(&self) {
        self.state.lock().await.futile_until = Some(Instant::now() + FUTILE);
    }

    async fn lock(&self, deadline: Instant) -> Result<MutexGuard<'_, State>, TokenError> {
        let state = timeout_at(deadline, self.state.lock()).await;
        state.map_err(|_| self.late())
    }

    /// Exchanges the client, unless somebody tried in vain since `asked_at`.
    async fn exchange_once(
        &self,
        state: &mut State,
        asked_at: Instant,
        deadline: Instant,
    ) -> Result<AccessToken, TokenError> {
        if let Some((_, error)) = state
            .last_failure
            .as_ref()
            .filter(|(at, _)| *at >= asked_at)
        {
            return Err(error.clone());
        }
        state.wait_as_asked(deadline).await?;
        let deadline = deadline.min(Instant::now() + EXCHANGE);
        let exchanged = timeout_at(deadline, self.exchange()).await;
        match exchanged.unwrap_or_else(|_| Err(self.late())) {
            Ok(grant) => {
                state.issued += 1;
                let token = AccessToken::new(grant, state.issued, Instant::now());
                state.token = Some(token.clone());
                tracing::debug!("an access token was issued by {}", self.host());
                Ok(token)
            }
            Err(mut error) => {
                // A client that was exchanged before is configured right: a page of maintenance may pass.
                if state.issued > 0
                    && error.kind != FailureKind::InvalidCredentials
                    && !error.is_transient()
                {
                    error.kind = FailureKind::Unavailable;
                }
                state.last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn exchange(&self) -> Result<Grant, TokenError> {
        let request = self.client.token_request();
        let request =
            request.map_err(|error| self.error(FailureKind::Other, &error.to_string()))?;
        let sent = self
            .transport
            .send_uncounted(request, RequestOptions::default());
        let response = sent.await.map_err(|error| self.unanswered(&error))?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let body = self.read_body(response.into_body()).await;
        let body = match body {
            // A refusal is known by its status. Its page is for browsers.
            Err(_) if !status.is_success() => Vec::new(),
            body => body?,
        };
        let grant = read_response(status, &body, &self.secrets).map_err(|error| {
            let wait = wait.filter(|_| error.is_transient());
            TokenError {
                retry_at: wait.map(|wait| Instant::now() + wait),
                ..self.error(error.kind, &error.message)
            }
        })?;
        self.secrets.add_issued(&grant.token);
        Ok(grant)
    }

    async fn read_body(&self, body: WasiBody) -> Result<Vec<u8>, TokenError> {
        let body = Limited::new(body, MAX_RESPONSE).collect().await;
        let body = body.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => self.unanswered(&error),
            Err(_) => self.error(
                FailureKind::InvalidConfig,
                "it answers with more than a token takes",
            ),
        })?;
        Ok(body.to_bytes().into())
    }

    /// There is no answer, or it broke off.
    fn unanswered(&self, error: &Error) -> TokenError {
        let kind = match error {
            Error::TlsCertificateError
            | Error::HttpRequestDenied
            | Error::DestinationIpProhibited
            | Error::ConfigurationError
            | Error::HttpResponseContentCoding(_) => FailureKind::InvalidConfig,
            _ => FailureKind::Unavailable,
        };
        let fault = self.transport.fault().map(|fault| fault.message);
        let message = fault.unwrap_or_else(|| "its answer broke off".to_owned());
        TokenError {
            answered: false,
            ..self.error(kind, &message)
        }
    }

    fn late(&self) -> TokenError {
        self.error(FailureKind::Unavailable, "it does not answer in time")
    }

    fn error(&self, kind: FailureKind, what: &str) -> TokenError {
        let message = format!(
            "no access token from {} ({}.token_url): {what}",
            self.host(),
            self.client.field
        );
        TokenError {
            kind,
            message,
            answered: true,
            retry_at: None,
        }
    }

    fn host(&self) -> &str {
        self.client.token_url.host().unwrap_or_default()
    }
}
