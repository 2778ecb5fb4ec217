//! Signals that end a run: Ctrl-C, and the one by which schedulers end a process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use connector_destinations::stdout;
use connector_runtime::CancellationToken;
use connector_runtime::contract::FailureKind;
use connector_runtime::failure::Failure;

/// How long a run may take to end in good order after the signal.
const GRACE: Duration = Duration::from_secs(1);
/// How long the line may take that is being written then.
const LAST_LINE: Duration = Duration::from_millis(600);

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
    /// Listens from now on. A second signal ends the process at once.
    #[must_use]
    pub fn listen() -> Self {
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
    stdout::close_within(LAST_LINE);
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
