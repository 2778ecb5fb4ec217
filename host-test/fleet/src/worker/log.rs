//! What a worker logs of its runs.

use connector_runtime::json_view;

use crate::lease::Lease;
use crate::policy::Ending;
use crate::runner::Report;

/// One line a run.
pub(super) fn run(lease: &Lease, report: &Report) {
    let kind = match &report.ending {
        Ending::Succeeded => "succeeded",
        Ending::HandedOn => "handed_on",
        Ending::Failed { kind, .. } => json_view::kind(*kind),
    };
    let milliseconds = u64::try_from(report.cpu.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        connection = lease.name,
        token = lease.token,
        ending = kind,
        lag_s = lease.lag.as_secs_f64(),
        rows = report.rows,
        requests = report.requests,
        cpu_ms = milliseconds,
        message = report.message.as_deref().unwrap_or_default(),
    );
}
