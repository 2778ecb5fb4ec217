//! The tasks of a tenant's connections: what they use of the processor is the tenant's, and they yield.
//!
//! A server decides how much work a connection makes: interim answers, window updates, priorities, pings. It
//! is counted like the work of a guest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::cpu_account::CpuAccounts;
use super::run_queue::RunQueue;
use super::{BUSY, processor_time, throttle};
use crate::tenant::Tenant;

/// Spawns tasks at the expense of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionTasks {
    accounts: CpuAccounts,
    run_queue: Arc<RunQueue>,
    tenant: Tenant,
}

impl ConnectionTasks {
    pub(super) fn new(accounts: CpuAccounts, run_queue: Arc<RunQueue>, tenant: Tenant) -> Self {
        Self {
            accounts,
            run_queue,
            tenant,
        }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Counts what a future uses.
    pub(crate) fn count<F: Future>(&self, future: F) -> Counted<F> {
        Counted {
            future: Box::pin(future),
            tasks: self.clone(),
            window: Window::default(),
            throttled: None,
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

/// What was used since the task was last judged.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    by_task: Duration,
    tenant_before: Duration,
    all_before: Duration,
}

/// A future whose processor time is counted, and that is throttled where its tenant had more than its share.
pub(crate) struct Counted<F> {
    future: Pin<Box<F>>,
    tasks: ConnectionTasks,
    window: Window,
    throttled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<F: Future> Counted<F> {
    /// Counts a poll; whether the tenant had more than its share meanwhile.
    fn charge(&mut self, used: Duration) -> bool {
        let run_queue = &self.tasks.run_queue;
        run_queue.add(used);
        // There is one while the tenant has calls under way.
        let account = self.tasks.accounts.find(&self.tasks.tenant);
        let tenant = account.as_ref().map_or(Duration::ZERO, |account| {
            account.add(used);
            account.used()
        });
        self.window.by_task += used;
        if self.window.by_task < BUSY {
            return false;
        }
        let all = run_queue.used();
        let by_all = all.saturating_sub(self.window.all_before);
        let by_tenant = match account {
            Some(_) => tenant.saturating_sub(self.window.tenant_before),
            // Nobody waits for this connection.
            None => by_all,
        };
        self.window = Window {
            by_task: Duration::ZERO,
            tenant_before: tenant,
            all_before: all,
        };
        run_queue.has_waiting() && by_tenant > run_queue.share(by_all)
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        if let Some(throttled) = &mut self.throttled {
            if throttled.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            self.throttled = None;
        }
        let begun = processor_time();
        let polled = self.future.as_mut().poll(task);
        let over_share = self.charge(processor_time().saturating_sub(begun));
        if polled.is_pending() && over_share {
            let run_queue = Arc::clone(&self.tasks.run_queue);
            self.throttled = Some(Box::pin(async move { throttle(&run_queue).await }));
            // It may have been woken already: it looks again when the time is over.
            task.waker().wake_by_ref();
        }
        polled
    }
}
