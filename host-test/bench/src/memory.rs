//! The resident memory of this process that is the host's own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use connector_runtime::tenant::Tenant;

use crate::statistics::status_kib;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(2);
/// A linear memory is returned to the system a moment after it is no longer the tenant's: what a tenant had within so
/// many intervals may still be there.
const DELAY: usize = 25;

/// Samples resident memory, without the linear memory of some tenants, until it is asked.
pub(crate) struct MemorySampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl MemorySampler {
    pub(crate) fn start(tenants: Vec<Tenant>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut linear = VecDeque::from([0; DELAY]);
            let mut peak = 0;
            while !stopped.load(Ordering::Relaxed) {
                linear.pop_front();
                linear.push_back(tenants.iter().map(Tenant::memory_in_use).sum());
                let linear: usize = linear.iter().copied().max().unwrap_or_default();
                let host = status_kib("VmRSS").saturating_sub(linear as u64 >> 10);
                peak = peak.max(host);
                thread::sleep(INTERVAL);
            }
            peak
        });
        Self { stop, thread }
    }

    /// KiB at most.
    pub(crate) fn peak_kib(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let peak = self.thread.join();
        peak.map_err(|_| anyhow!("the thread that samples memory panicked"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_takes_is_seen() {
        let before = status_kib("VmRSS");
        let sampler = MemorySampler::start(Vec::new());
        let taken = vec![1_u8; 32 << 20];
        thread::sleep(10 * INTERVAL);
        let peak = sampler.peak_kib().unwrap();
        drop(taken);
        assert!(peak > before + (30 << 10), "{before} KiB, then {peak} KiB");
    }
}
