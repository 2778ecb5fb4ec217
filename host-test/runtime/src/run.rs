//! What every run needs, wherever its rows go: a selection, a way to stop it, and one word for how it ended.

use anyhow::{Result, bail};

use crate::connection::TenantConnection;
use crate::contract::{FailureKind, Mode, Selection};
use crate::destination::Destination;
use crate::failure::{Failure, Summary};
use crate::runtime::{Outcome, Runtime, Stopped, SyncRequest, Usage};
use crate::stream::Stream;

#[cfg(test)]
mod tests;

/// A run that delivered everything.
#[derive(Debug, Clone)]
pub struct Completed {
    /// What the component reports.
    pub summary: Summary,
    /// What the call used.
    pub usage: Usage,
}

/// One stream after the other, in the order of the catalogue, each in the mode asked for where it has it.
///
/// # Errors
///
/// A stream is asked for that there is not.
pub fn select(streams: &[Stream], selections: &[Selection]) -> Result<Vec<Selection>> {
    let known: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
    if let Some(unknown) = selections
        .iter()
        .find(|one| !known.contains(&one.stream.as_str()))
    {
        let name = crate::printable::printable(&unknown.stream);
        bail!(
            "there is no stream {name:?}; there are {}",
            known.join(", ")
        );
    }
    let selected = streams.iter().filter_map(|stream| {
        let wanted = selections.iter().find(|one| one.stream == stream.name)?;
        let mode = if stream.modes.contains(&wanted.mode) {
            wanted.mode
        } else {
            stream.modes.first().copied().unwrap_or(Mode::Full)
        };
        Some(Selection {
            stream: stream.name.clone(),
            mode,
        })
    });
    Ok(selected.collect())
}

/// A run that ended, well or not.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What the component reports, or why not everything was delivered.
    pub result: Result<Summary, Failure>,
    /// What the call used: the requests alone where the host ended it.
    pub usage: Usage,
}

/// Runs until the end, or until the request's token is cancelled. Whatever went wrong, the host's own limits
/// included, becomes a failure with a kind.
///
/// # Errors
///
/// Not everything selected was delivered.
pub async fn run(
    runtime: &Runtime,
    connection: &TenantConnection,
    request: SyncRequest<'_>,
    destination: impl Destination + 'static,
) -> Result<Completed, Failure> {
    let Ended { result, usage } = run_to_end(runtime, connection, request, destination).await;
    result.map(|summary| Completed { summary, usage })
}

/// The same, with what a failed run used.
pub async fn run_to_end(
    runtime: &Runtime,
    connection: &TenantConnection,
    request: SyncRequest<'_>,
    destination: impl Destination + 'static,
) -> Ended {
    let before = connection.sent_requests();
    let outcome = runtime
        .sync(connection, request, Box::new(destination))
        .await;
    let usage = outcome.as_ref().map(|outcome| outcome.usage);
    Ended {
        usage: usage.unwrap_or_else(|_| Usage {
            requests: connection.sent_requests() - before,
            ..Usage::default()
        }),
        result: conclude(outcome),
    }
}

fn conclude(outcome: Result<Outcome>) -> Result<Summary, Failure> {
    let Outcome {
        result, refusal, ..
    } = outcome.map_err(|error| {
        let kind = match error.downcast_ref::<Stopped>() {
            Some(Stopped) => FailureKind::Cancelled,
            None => FailureKind::Other,
        };
        Failure::from_error(kind)(error)
    })?;
    match (result, refusal) {
        (Ok(summary), None) => Ok(summary),
        // It refused what was queued last.
        (Ok(summary), Some(words)) => Err(Failure {
            details: summary,
            ..Failure::new(FailureKind::Cancelled, format!("{words:#}"))
        }),
        // The destination knows better than the component why it refused.
        (Err(reported), Some(words)) if reported.kind == FailureKind::Cancelled => Err(Failure {
            message: format!("{words:#}"),
            ..reported
        }),
        (Err(reported), Some(words)) => Err(Failure {
            message: format!("{} (the destination refused: {words:#})", reported.message),
            ..reported
        }),
        (Err(reported), None) => Err(reported),
    }
}
