//! Signals that end a run: Ctrl-C, and the one by which schedulers end a process.

use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use connector_destinations::stdout;
use connector_runtime::CancellationToken;
use connector_runtime::contract::FailureKind;
use connector_runtime::failure::Failure;

/// How long a run may take to end in good order after the signal.
const GRACE: Duration = Duration::from_secs(1);
/// How long the last lines of a run that was stopped are tried to be written.
const LAST_LINES: Duration = Duration::from_millis(500);
/// When a process that was sent a signal ends, whatever its threads wait for: a little more than it should take.
const DEADLINE: Duration = Duration::from_millis(2500);

/// How a process ends that does not end by itself in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForcedEnd {
    /// With the exit status of a failure.
    Failure,
    /// By the signal.
    Signal,
}

/// The signal that a process was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownSignal {
    /// Ctrl-C.
    Interrupt,
    /// From a scheduler.
    Terminate,
}

/// Listens for the signals of a process.
#[derive(Debug, Clone)]
pub struct Shutdown {
    token: CancellationToken,
    received: Arc<OnceLock<ShutdownSignal>>,
}

impl Shutdown {
    /// Listens from now on. A second signal ends the process at once; a process that is stuck ends soon after the first.
    #[must_use]
    pub fn listen(end: ForcedEnd) -> Self {
        enforce_deadline(end);
        let shutdown = Self {
            token: CancellationToken::new(),
            received: Arc::default(),
        };
        let listening = shutdown.clone();
        let first = next_signal();
        tokio::spawn(async move {
            let signal = first.await;
            let second = next_signal();
            let _ = listening.received.set(signal);
            listening.token.cancel();
            end_process(second.await);
        });
        shutdown
    }

    /// Cancelled by the first signal.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The signal, if there was one.
    #[must_use]
    pub fn received(&self) -> Option<ShutdownSignal> {
        self.received.get().copied()
    }

    /// Writes the last lines of a run. After a signal they are tried and not waited for: whoever reads them may have
    /// stalled.
    pub fn write_last_lines(&self, write: impl FnOnce() + Send + 'static) {
        match self.received() {
            Some(_) => try_to_write([Box::new(write)]),
            None => write(),
        }
    }

    /// Waits for a call that has this token. One that does not end soon after the signal is abandoned: the last
    /// checkpoint of a run is good.
    ///
    /// # Errors
    ///
    /// The call failed, or was stopped by the signal.
    pub async fn run<T>(
        &self,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let abandoned = async {
            self.token.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = run => ended.map_err(|failure| self.name_cause(failure)),
            () = abandoned => Err(Failure::new(
                FailureKind::Cancelled,
                "interrupted; the next run resumes at the last checkpoint",
            )),
        }
    }

    /// A connector that was told to stop may not know a better word for how it ended.
    fn name_cause(&self, failure: Failure) -> Failure {
        match failure.kind {
            FailureKind::Other if self.received().is_some() => Failure {
                kind: FailureKind::Cancelled,
                ..failure
            },
            _ => failure,
        }
    }
}

/// Writes on threads of their own, since a write to a pipe that nobody reads does not return. Waits for a moment.
pub fn try_to_write<const N: usize>(writes: [Box<dyn FnOnce() + Send>; N]) {
    let (running, ended) = mpsc::channel::<()>();
    for write in writes {
        let running = running.clone();
        // Without a thread nothing is written.
        let _ = thread::Builder::new().spawn(move || {
            write();
            drop(running);
        });
    }
    drop(running);
    // Nothing is sent: it ends when the last thread has dropped its end.
    let _ = ended.recv_timeout(LAST_LINES);
}

/// Ends the process a while after its first signal. A thread that writes to a pipe that nobody reads may hold a lock that
/// the others need, or the only thread of the executor: this one needs neither.
#[cfg(unix)]
pub fn enforce_deadline(end: ForcedEnd) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    let enforce = move || {
        let Some(number) = signals.forever().next() else {
            return;
        };
        thread::sleep(DEADLINE);
        match end {
            ForcedEnd::Failure => std::process::exit(1),
            ForcedEnd::Signal if number == SIGINT => end_process(ShutdownSignal::Interrupt),
            ForcedEnd::Signal => end_process(ShutdownSignal::Terminate),
        }
    };
    // Without a thread there is no deadline.
    let _ = thread::Builder::new()
        .name("deadline".to_owned())
        .spawn(enforce);
}

/// Signals of another kind are not waited for.
#[cfg(not(unix))]
pub fn enforce_deadline(_: ForcedEnd) {}

/// Waits for the next signal, which is caught from this call on.
#[cfg(unix)]
pub fn next_signal() -> impl Future<Output = ShutdownSignal> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = signal(SignalKind::interrupt());
    let terminated = signal(SignalKind::terminate());
    async move {
        let (Ok(mut interrupted), Ok(mut terminated)) = (interrupted, terminated) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupted.recv() => ShutdownSignal::Interrupt,
            _ = terminated.recv() => ShutdownSignal::Terminate,
        }
    }
}

/// Waits for the next signal.
#[cfg(not(unix))]
pub async fn next_signal() -> ShutdownSignal {
    let _ = tokio::signal::ctrl_c().await;
    ShutdownSignal::Interrupt
}

/// Ends a run that was told to stop by the signal, and not within a line.
pub(crate) fn end_run(signal: ShutdownSignal) -> ! {
    stdout::close_within(LAST_LINES);
    end_process(signal)
}

/// Ends the process as the signal does by default, so that its parent sees by what it ended.
pub fn end_process(signal: ShutdownSignal) -> ! {
    #[cfg(unix)]
    {
        let number = match signal {
            ShutdownSignal::Interrupt => signal_hook::consts::SIGINT,
            ShutdownSignal::Terminate => signal_hook::consts::SIGTERM,
        };
        let _ = signal_hook::low_level::emulate_default_handler(number);
    }
    let _ = signal;
    std::process::exit(1)
}
