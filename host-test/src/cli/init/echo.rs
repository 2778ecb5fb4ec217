//! Gives a terminal its echo back where a signal ends the process while a person types, a secret perhaps.

use connector_protocols::shutdown_signal::{end_process, next_signal};
use tokio::task::JoinHandle;

/// Listens for signals until it is dropped.
pub(super) struct RestoredEcho(JoinHandle<()>);

impl RestoredEcho {
    /// To be called while the terminal still shows what is typed.
    pub(super) fn on_signal() -> Self {
        let (settings, signal) = (Settings::of_terminal(), next_signal());
        Self(tokio::spawn(async move {
            let signal = signal.await;
            settings.restore();
            end_process(signal);
        }))
    }
}

impl Drop for RestoredEcho {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The settings of the terminal at standard input, if there is one.
#[cfg(unix)]
struct Settings(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Settings {
    fn of_terminal() -> Self {
        Self(rustix::termios::tcgetattr(std::io::stdin()).ok())
    }

    fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(settings) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, settings);
        }
    }
}

/// Consoles that need no restoring.
#[cfg(not(unix))]
struct Settings;

#[cfg(not(unix))]
impl Settings {
    fn of_terminal() -> Self {
        Self
    }

    fn restore(&self) {}
}
