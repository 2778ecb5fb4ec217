//! Holds back the tasks of a tenant that owes processor time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::cpu_account::CpuAccount;
use super::{BUSY, TICK};

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a task asks before it is polled.
pub(super) struct Throttle {
    account: Arc<CpuAccount>,
    waiting: Option<Waiting>,
}

impl Throttle {
    pub(super) fn new(account: Arc<CpuAccount>) -> Self {
        Self {
            account,
            waiting: None,
        }
    }

    /// Ready if the task may be polled.
    pub(super) fn poll_admission(&mut self, task: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() {
            if !self.account.is_throttled() {
                return Poll::Ready(());
            }
            let account = Arc::clone(&self.account);
            self.waiting = Some(Box::pin(wait_until_resumed(account)));
        }
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(task));
        }
        self.waiting = None;
        Poll::Ready(())
    }
}

/// Waits until the tenant has paid, or the processors are idle.
async fn wait_until_resumed(account: Arc<CpuAccount>) {
    while account.is_throttled() {
        let before = account.run_queue().occupied();
        tokio::time::sleep(TICK).await;
        let occupied = account.run_queue().occupied().saturating_sub(before);
        account.resume(occupied < BUSY);
    }
}
