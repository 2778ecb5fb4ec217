//! The mock on a port of its own: a thread that answers, and the handle that tests and commands hold.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::connections::{ServerState, accept};
use super::corpus::Corpus;
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::faults::FaultKind;
use super::options::{BaseUrl, MockOptions};
use super::request_stats::{LoggedRequest, RequestStats};
use super::site::Site;

/// A mock that runs until it is dropped, on a thread of its own.
#[derive(Debug)]
pub struct Mock {
    addr: SocketAddr,
    shared: Arc<ServerState>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Mock {
    /// Starts a mock. It needs no runtime around it.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(options: MockOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let site = Site::new(options.corpus, options.access);
        let fault_plan = options.faults.into_iter().collect();
        let shared = Arc::new(ServerState::new(
            site,
            fault_plan,
            options.latency,
            RequestStats::new(options.log_capacity),
        ));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let accepted = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("mock-confluence".to_owned())
            .spawn(move || {
                runtime.block_on(accept(listener, accepted, stopped));
            })?;
        Ok(Self {
            addr,
            shared,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL that a client is given.
    #[must_use]
    pub fn base_url(&self, base: BaseUrl) -> String {
        match base {
            BaseUrl::Gateway => format!(
                "http://{}/ex/confluence/{}",
                self.addr,
                self.with_site(|site| site.corpus().cloud_id.clone())
            ),
            BaseUrl::Site => format!("http://{}", self.addr),
        }
    }

    /// A connector's config for this mock: at the gateway, unless a fault is about the site's own address.
    #[must_use]
    pub fn config_json(&self) -> Value {
        let fault_plan = self
            .shared
            .fault_plan
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let on_site = fault_plan
            .faults()
            .any(|fault| fault.kind == FaultKind::ScopedOnSite);
        self.config_for(if on_site {
            BaseUrl::Site
        } else {
            BaseUrl::Gateway
        })
    }

    /// A connector's config for this mock at one of its addresses.
    #[must_use]
    pub fn config_for(&self, base: BaseUrl) -> Value {
        let (username, token) =
            self.with_site(|site| (site.access.username.clone(), site.access.token.clone()));
        json!({"base_url": self.base_url(base), "username": username, "api_token": token})
    }

    /// A connector's config for this mock at the gateway, with an OAuth client in place of a token.
    #[must_use]
    pub fn oauth_config(&self) -> Value {
        let client = self.with_site(|site| site.access.oauth.clone());
        let token_url = format!("http://{}{}", self.addr, Endpoint::Token.path(""));
        let oauth =
            json!({"client_id": client.id, "client_secret": client.secret, "token_url": token_url});
        json!({"base_url": self.base_url(BaseUrl::Gateway), "oauth": oauth})
    }

    /// Looks at the site.
    pub fn with_site<T>(&self, look: impl FnOnce(&Site) -> T) -> T {
        look(
            &self
                .shared
                .site
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Changes what the site holds; requests see all of the change or nothing of it.
    pub fn with_corpus<T>(&self, change: impl FnOnce(&mut Corpus) -> T) -> T {
        self.shared
            .site
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .edit(change)
    }

    /// Changes who may see the site, or the site's clock.
    pub fn with_site_mut<T>(&self, change: impl FnOnce(&mut Site) -> T) -> T {
        change(
            &mut self
                .shared
                .site
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Replaces the faults; their counts begin anew.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        *self
            .shared
            .fault_plan
            .write()
            .unwrap_or_else(PoisonError::into_inner) = faults.into_iter().collect();
    }

    /// Changes the delay before each answer.
    pub fn set_latency(&self, latency: Duration) {
        *self
            .shared
            .latency
            .write()
            .unwrap_or_else(PoisonError::into_inner) = latency;
    }

    /// The requests since the start or the last [`Mock::clear_requests`], in the order of their answers.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.stats().log().to_vec()
    }

    /// How many requests came, logged or not.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.stats().count()
    }

    /// How many requests each endpoint got, logged or not.
    #[must_use]
    pub fn requests_by_endpoint(&self) -> BTreeMap<Endpoint, u64> {
        self.shared.stats().by_endpoint().clone()
    }

    /// Takes a space away from the account, with its pages, as when a permission is removed.
    pub fn hide_space(&self, space_id: &str) {
        self.with_site_mut(|site| site.access.hidden_spaces.insert(space_id.to_owned()));
    }

    /// Gives a hidden space back.
    pub fn show_space(&self, space_id: &str) {
        self.with_site_mut(|site| site.access.hidden_spaces.remove(space_id));
    }

    /// Forgets the requests and begins to measure anew.
    pub fn clear_requests(&self) {
        self.shared.stats().clear();
    }

    /// How many requests are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.stats().now()
    }

    /// How many requests were under way at most.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.shared.stats().max()
    }

    /// How many requests were under way on average, weighted by time, from the first to the end of the last.
    #[must_use]
    pub fn mean_in_flight(&self) -> f64 {
        self.shared.stats().mean()
    }
}

impl Drop for Mock {
    /// Stops listening at once and gives requests under way a moment to end.
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
