//! Looks up names, leaves out the addresses that a tenant may not reach, and bounds how many threads that takes.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::Mutex;

use crate::egress::{Denied, Egress};
use crate::tenant::Tenant;

/// How long an answer is used: connections that are made together share one look-up.
const FRESH: Duration = Duration::from_secs(5);

/// The resolver of one client, which has one host.
#[derive(Clone)]
pub(super) struct Resolver {
    egress: Egress,
    tenant: Tenant,
    last: Arc<Mutex<Option<Answer>>>,
}

#[derive(Clone)]
struct Answer {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// A name that nobody knows, or a name server that says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} cannot be looked up: {error}")]
pub(super) struct LookupError {
    name: String,
    error: io::Error,
}

impl Resolver {
    pub(super) fn new(egress: Egress, tenant: Tenant) -> Self {
        Self {
            egress,
            tenant,
            last: Arc::default(),
        }
    }

    /// The addresses of a name. The operating system's look-up blocks a thread that several tenants share, so a
    /// tenant has few of them, and gives one back when the look-up is over, not when nobody waits any more.
    async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, LookupError> {
        let mut last = self.last.lock().await;
        let fresh = |answer: &&Answer| answer.name == name && answer.at.elapsed() < FRESH;
        if let Some(answer) = last.as_ref().filter(fresh) {
            return Ok(answer.addresses.clone());
        }
        let failed = |error| LookupError {
            name: name.to_owned(),
            error,
        };
        let permit = self.tenant.admit_lookup().await;
        let asked = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let found = (asked.as_str(), 0).to_socket_addrs().map(Iterator::collect);
            drop(permit);
            found
        });
        let found = found
            .await
            .map_err(|error| failed(io::Error::other(error)))?;
        let addresses: Vec<SocketAddr> = found.map_err(failed)?;
        *last = Some(Answer {
            name: name.to_owned(),
            addresses: addresses.clone(),
            at: Instant::now(),
        });
        Ok(addresses)
    }

    pub(super) async fn allowed(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let (mut allowed, mut denied) = (Vec::new(), None);
        for address in self.look_up(name).await? {
            match self.egress.check_address(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(why) => denied = Some(Denied::Address(why)),
            }
        }
        match denied {
            Some(denied) if allowed.is_empty() => Err(denied.into()),
            _ => Ok(allowed),
        }
    }
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { Ok(resolver.allowed(name.as_str()).await?.into_iter()) })
    }
}
