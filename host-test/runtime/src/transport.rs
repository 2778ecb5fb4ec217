//! The HTTP client of a tenant: pooled connections behind `wasi:http`, and its egress policy.
//!
//! Wasmtime's own sender opens a connection for every request and waits for ten minutes; this one keeps
//! connections alive (HTTP/1.1, and HTTP/2 where TLS agrees on it) and shares them between the calls of one
//! tenant only. Redirects come back to the guest as they are: hyper follows none.
//!
//! Faults of a connection are not the guest's to know: a request on a kept connection that the server had closed,
//! or that the server did not process, is sent again at once. Proxies of the environment are used (`proxy`),
//! certificates are checked against the platform's roots or those that `SSL_CERT_FILE` names (`tls`), and answers
//! are asked for in compressed form (`content_coding`).
//!
//! A server is not trusted either. What it sends besides answers is bounded (`Unanswered`) and read slowly
//! (`CountedStream`), the work that it makes is counted as the tenant's (`ConnectionTasks`), and an answer that holds
//! the secret of the request is cut off (`SecretScan`).
//!
//! # What this cannot stop
//!
//! - A service that wants to hand a guest the secret can encode it in a way that `SecretScan` does not know.
//! - Where the guest signs, it is given what the service sends: a service that puts the token into a row gets it into
//!   the output. What the host itself says, such as messages and notes, is without it.
//! - Behind a proxy it is the proxy that looks names up: the egress policy sees the name alone, and whether the name
//!   leads into a private network is the proxy's to decide.
//! - A body of HTTP/1.1 that has no length and no chunks ends with its connection. Without TLS nobody can tell
//!   whether it is whole.
//! - A look-up by the operating system cannot be interrupted. Its thread lives until the name server answers; a tenant
//!   has as many at once as its limits say.
//! - The first half MiB of a connection that answers nothing is read at full speed, as is the TLS handshake. A guest
//!   that opens one connection after the other pays for that with its share of the processor, and those that come next
//!   are read slowly.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout_at;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::cpu_scheduler::ConnectionTasks;
use crate::egress::Egress;
use crate::origin::Origin;
use crate::tenant::Tenant;

mod access_token;
mod answer;
mod answer_body;
mod answer_error;
mod authorization;
mod certificate_fault;
mod client_credentials;
mod connector;
mod content_coding;
mod counted_heads;
mod counted_stream;
mod deadlines;
mod decoded_body;
mod network;
mod network_error;
mod network_fault;
mod oauth_client;
mod pool;
mod proxy;
mod repeat;
mod request_log;
mod resolver;
mod secret_scan;
mod send;
mod tls;
mod token_response;
mod tunnel;
mod unanswered;

#[cfg(test)]
mod tests;

use answer::Receiver;
use answer_error::answer_fault;
pub(crate) use authorization::{Authorization, Credentials};
pub(crate) use client_credentials::ClientCredentials;
use connector::Connector;
use content_coding::request_coding;
pub(crate) use deadlines::LONGEST_TIMEOUT;
use deadlines::{CONNECT, Deadlines};
use network::Network;
use network_error::{SendError, classify};
use network_fault::LastFault;
pub(crate) use network_fault::NetworkFault;
pub(crate) use oauth_client::OauthClient;
use pool::Pools;
use request_log::RequestLog;
use resolver::Resolver;
pub(crate) use secret_scan::ECHOED;
pub(crate) use unanswered::{Flood, LIMIT as UNANSWERED_LIMIT};

/// A request under way.
type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<WasiBody>, Error>> + Send + 'a>>;

/// The client of one tenant.
pub struct Transport {
    pools: Pools,
    egress: Egress,
    /// The proxy on the way to the service, for messages.
    proxy: Option<String>,
    authorization: Option<Authorization>,
    tenant: Tenant,
    tasks: Option<ConnectionTasks>,
    /// What is wrong between this host and the service, if a request failed for it.
    fault: LastFault,
    /// Whether the service has answered: then its address is right.
    has_answered: AtomicBool,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("egress", &self.egress)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// A client for the operator's own requests.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self::with(egress, None, Network::of_platform())
    }

    /// The client of a tenant, whose connections run at the tenant's expense.
    pub(crate) fn of_tenant(
        egress: Egress,
        authorization: Option<Authorization>,
        tasks: ConnectionTasks,
    ) -> Self {
        Self {
            authorization,
            ..Self::with(egress, Some(tasks), Network::of_platform())
        }
    }

    fn with(egress: Egress, tasks: Option<ConnectionTasks>, network: Network) -> Self {
        let tenant = tasks.as_ref().map(|tasks| tasks.tenant().clone());
        let tenant = tenant.unwrap_or_default();
        let resolver = Resolver::new(egress.clone(), tenant.clone(), network.look_up);
        let service = egress.origin().map(Origin::authority);
        let service = service.and_then(|service| format!("https://{service}").parse().ok());
        let proxy = service.and_then(|service| network.proxies.name(&service));
        let connector = Connector::new(&resolver, network.proxies, CONNECT);
        let (tls, keep_alive) = (&network.tls, network.keep_alive);
        let pools = match &tasks {
            Some(tasks) => Pools::new(tasks.clone(), &connector, tls, keep_alive),
            None => Pools::new(TokioExecutor::new(), &connector, tls, keep_alive),
        };
        Self {
            pools,
            egress,
            proxy,
            authorization: None,
            tenant,
            tasks,
            fault: LastFault::default(),
            has_answered: AtomicBool::new(false),
        }
    }

    /// Why the last request failed, in words for a person.
    #[must_use]
    pub fn fault_message(&self) -> Option<String> {
        self.fault().map(|fault| fault.message)
    }

    /// A call begins: what was wrong in the one before says nothing about it.
    pub(crate) fn forget_fault(&self) {
        self.fault.clear();
    }

    /// What is wrong between this host and the service.
    pub(crate) fn fault(&self) -> Option<NetworkFault> {
        self.fault.get()
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// It may not leave, or there is no connection or no answer in time.
    pub async fn send(
        &self,
        request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let sending = self.send_and_receive(request, options);
        match &self.tasks {
            Some(tasks) => tasks.count(sending).await,
            None => sending.await,
        }
    }

    /// The same, by whoever counts the work already. The type is named: such a request is part of another one.
    fn send_uncounted(&self, request: Request<WasiBody>, options: RequestOptions) -> Sending<'_> {
        Box::pin(async move { self.send_and_receive(request, &options).await })
    }

    async fn send_and_receive(
        &self,
        request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let denied = self.egress.check(request.method(), request.uri());
        denied.map_err(|denied| self.report(SendError::Denied(denied)))?;
        let mut log = RequestLog::new(&request);
        let answer = self.sign_and_send(request, options, &mut log).await;
        log.write(&answer);
        answer
    }

    /// The request as the host sends it, and its answer as the guest is given it.
    async fn sign_and_send(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
        log: &mut RequestLog,
    ) -> Result<Response<WasiBody>, Error> {
        self.set_host_headers(request.headers_mut());
        let method = request.method().clone();
        let inflated_by = request_coding(request.headers_mut());
        let deadlines = Deadlines::new(options);
        let answer = self.send_outbound(request, &deadlines, log).await;
        let answer = answer.map_err(|error| self.report(error))?;
        self.has_answered.store(true, Ordering::Relaxed);
        let for_guest = Receiver {
            method,
            inflated_by,
            secrets: self.authorization.as_ref().map(|signed| &signed.secrets),
        };
        let received = timeout_at(deadlines.first_byte, for_guest.receive(answer)).await;
        let received = received.map_err(|_| self.report(SendError::AnswerTimeout))?;
        self.fault
            .set(received.as_ref().err().and_then(answer_fault));
        received
    }

    /// Sets what is the host's: where to, and who signs.
    fn set_host_headers(&self, headers: &mut HeaderMap) {
        let host = self.egress.origin().map(Origin::authority);
        if let Some(Ok(host)) = host.map(HeaderValue::try_from) {
            headers.insert(HOST, host);
        }
        if self.authorization.is_some() {
            Authorization::prepare(headers);
        }
    }

    /// Says why a request failed: to the log, to whoever asks for the fault, and to the guest as a code.
    fn report(&self, error: SendError) -> Error {
        let host = self.egress.origin().map(Origin::authority);
        let mut classified = classify(error, &host.unwrap_or_default(), self.proxy.as_deref());
        if self.has_answered.load(Ordering::Relaxed) {
            classified = classified.into_transient();
        }
        if let Some(fault) = classified.fault {
            if self.tenant.may_log() {
                tracing::warn!("a request failed: {}", fault.message);
            }
            self.fault.set(Some(fault));
        }
        classified.code
    }
}
