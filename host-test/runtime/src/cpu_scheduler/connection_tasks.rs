//! The tasks of a tenant's connections: what they use of the processor is the tenant's, and they yield.
//!
//! A server decides how much work a connection makes: interim answers, window updates, priorities, pings. It
//! is counted like the work of a guest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::cpu_account::CpuAccount;
use super::stopwatch::Stopwatch;
use super::throttle::Throttle;
use crate::tenant::Tenant;

/// Spawns tasks at the expense of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionTasks {
    account: Arc<CpuAccount>,
    tenant: Tenant,
}

impl ConnectionTasks {
    pub(super) fn new(account: Arc<CpuAccount>, tenant: Tenant) -> Self {
        Self { account, tenant }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Counts what a future uses.
    pub(crate) fn count<F: Future>(&self, future: F) -> Counted<F> {
        Counted {
            future: Box::pin(future),
            throttle: Throttle::new(Arc::clone(&self.account)),
            account: Arc::clone(&self.account),
        }
    }
}

impl<F> hyper::rt::Executor<F> for ConnectionTasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(self.count(future));
    }
}

/// A future whose processor time is counted, and that is throttled where its tenant owes too much.
pub(crate) struct Counted<F> {
    future: Pin<Box<F>>,
    throttle: Throttle,
    account: Arc<CpuAccount>,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        ready!(self.throttle.poll_admission(task));
        let stopwatch = Stopwatch::start();
        let polled = self.future.as_mut().poll(task);
        let took = stopwatch.stop();
        // The call that waits may be the one that this connection serves.
        self.account.charge(took, Duration::ZERO, false);
        polled
    }
}
