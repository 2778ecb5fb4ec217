//! Looks up names, leaves out the addresses that a tenant may not reach, and bounds how many threads that takes.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::{Mutex, oneshot};

use crate::egress::{Denied, Egress};
use crate::tenant::{Pacer, Tenant};

/// How long an answer is used: connections that are made together share one look-up.
const FRESH: Duration = Duration::from_secs(5);
/// Bytes of a look-up's stack: the operating system's resolver needs more than a small one.
const STACK: usize = 512 << 10;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The addresses of a name. It blocks, as the operating system's look-up does.
pub(super) type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// As the operating system looks names up.
pub(super) fn of_system() -> LookUp {
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.collect()))
}

/// The resolver of one client, which has one host.
#[derive(Clone)]
pub(super) struct Resolver {
    policy: Policy,
    look_up: LookUp,
    tenant: Tenant,
    last: Arc<Mutex<Option<Answer>>>,
}

/// Which addresses may be used.
#[derive(Clone)]
enum Policy {
    /// Those that the tenant may reach.
    Service(Egress),
    /// All: the operator named the proxy.
    Proxy,
}

#[derive(Clone)]
struct Answer {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// A name that nobody knows, or a name server that says nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "the name {name} cannot be looked up: {error}; check its spelling, and the name server of this machine"
)]
pub(super) struct LookupError {
    name: String,
    error: io::Error,
}

impl Resolver {
    pub(super) fn new(egress: Egress, tenant: Tenant, look_up: LookUp) -> Self {
        Self {
            policy: Policy::Service(egress),
            look_up,
            tenant,
            last: Arc::default(),
        }
    }

    /// The same at the same tenant's expense, for the name of a proxy.
    pub(super) fn for_proxy(&self) -> Self {
        Self {
            policy: Policy::Proxy,
            look_up: Arc::clone(&self.look_up),
            tenant: self.tenant.clone(),
            last: Arc::default(),
        }
    }

    /// Paces the connections to what is looked up here.
    pub(super) fn pacer(&self) -> &Pacer {
        self.tenant.pacer()
    }

    /// The addresses of a name. A tenant has few look-ups at once, and gives one back when the look-up is over, not
    /// when nobody waits any more.
    async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, LookupError> {
        let mut last = self.last.lock().await;
        let fresh = |answer: &&Answer| answer.name == name && answer.at.elapsed() < FRESH;
        if let Some(answer) = last.as_ref().filter(fresh) {
            return Ok(answer.addresses.clone());
        }
        let permit = self.tenant.admit_lookup().await;
        let (look_up, asked) = (Arc::clone(&self.look_up), name.to_owned());
        let found = on_own_thread(move || {
            let found = look_up(&asked);
            drop(permit);
            found
        });
        let addresses = found.await.map_err(|error| LookupError {
            name: name.to_owned(),
            error,
        })?;
        *last = Some(Answer {
            name: name.to_owned(),
            addresses: addresses.clone(),
            at: Instant::now(),
        });
        Ok(addresses)
    }

    async fn allowed(&self, name: &str) -> Result<Vec<SocketAddr>, BoxError> {
        let found = self.addresses(name).await?;
        let Policy::Service(egress) = &self.policy else {
            return Ok(found);
        };
        let (mut allowed, mut denied) = (Vec::new(), None);
        for address in found {
            match egress.check_address(address.ip()) {
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

/// Runs what blocks. The operating system's look-up takes as long as a name server wishes: on the threads that tokio
/// keeps for blocking work, some hundred of them would hold up everybody's files.
async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    let thread = thread::Builder::new()
        .name("name-lookup".to_owned())
        .stack_size(STACK);
    thread.spawn(move || {
        let _ = done.send(work());
    })?;
    result.await.map_err(io::Error::other).flatten()
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { Ok(resolver.allowed(name.as_str()).await?.into_iter()) })
    }
}
