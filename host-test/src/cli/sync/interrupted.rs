//! How a run ends that was interrupted by a signal.

use connector_destinations::stderr;
use connector_destinations::stdout::print_last;
use connector_protocols::shutdown_signal::{Shutdown, try_to_write};
use connector_runtime::contract::FailureKind;
use connector_runtime::failure::Failure;
use serde_json::Value;
use tokio::task::AbortHandle;

use super::summary::RunReport;

/// While a run is prepared: a component is compiled, a database waited for. A signal ends the process meanwhile, with
/// the last line of a run. Dropped when the run itself listens.
pub(super) struct Preparing(AbortHandle);

impl Preparing {
    pub(super) fn begin(shutdown: &Shutdown, report: &RunReport) -> Self {
        let token = shutdown.token();
        let failure = Failure::new(
            FailureKind::Cancelled,
            "interrupted before anything was read",
        );
        let line = report.last_line(&Err(failure.clone()));
        let waiting = tokio::spawn(async move {
            token.cancelled().await;
            end_interrupted(line, &failure);
        });
        Self(waiting.abort_handle())
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the process after a signal. Whoever reads standard output or standard error may have stalled: the last lines are
/// tried, not waited for, and neither is what the destination is doing.
pub(super) fn end_interrupted(line: Value, failure: &Failure) -> ! {
    let words = format!("error: {}", failure.message);
    try_to_write([
        Box::new(move || drop(print_last(&line))),
        Box::new(move || stderr::print_line(&words)),
    ]);
    std::process::exit(1)
}
