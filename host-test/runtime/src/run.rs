//! What every run needs, wherever its rows go: a selection, a way to stop it, and one word for how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::connection::Connection;
use crate::engine::{Failure, FailureKind, Mode, Outcome, Runtime, Selection, StreamInfo, Usage};
use crate::limits::Limits;
use crate::output::{Batch, Note, Output};

#[cfg(test)]
mod tests;

/// One stream after the other, in the order of the catalogue, each in the mode wished for where it has it.
///
/// # Errors
///
/// A stream is wished for that there isn't.
pub fn select(streams: &[StreamInfo], wishes: &[(String, Mode)]) -> Result<Vec<Selection>> {
    let known: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
    if let Some((name, _)) = wishes.iter().find(|(name, _)| !known.contains(&&**name)) {
        bail!(
            "there is no stream {name:?}; there are {}",
            known.join(", ")
        );
    }
    let selected = streams.iter().filter_map(|stream| {
        let (_, mode) = wishes.iter().find(|(name, _)| *name == stream.name)?;
        let mode = if stream.modes.contains(mode) {
            *mode
        } else {
            Mode::Full
        };
        Some(Selection {
            stream: stream.name.clone(),
            mode,
        })
    });
    Ok(selected.collect())
}

/// Runs until the end, or until the process is told to stop. Whatever went wrong, the host's own limits
/// included, becomes a failure with a kind.
///
/// # Errors
///
/// Not everything selected was delivered.
pub async fn run(
    runtime: &Runtime,
    connection: &Connection,
    limits: Limits,
    selection: &[Selection],
    state: Option<&str>,
    output: impl Output + 'static,
) -> Result<Usage, Failure> {
    let output = Box::new(Interruptible {
        inner: output,
        stop: stop_when_told(),
    });
    let outcome = runtime
        .sync(connection, limits, selection, state, output)
        .await;
    conclude(outcome)
}

/// Makes failures of this kind out of errors that the component doesn't report: the host's, or the caller's.
pub fn failure(kind: FailureKind) -> impl FnOnce(anyhow::Error) -> Failure {
    move |error| Failure {
        kind,
        message: format!("{error:#}"),
        endpoint: None,
        http_status: None,
        retry_after_ms: None,
    }
}

fn conclude(outcome: Result<Outcome>) -> Result<Usage, Failure> {
    let Outcome {
        result,
        refusal,
        usage,
        ..
    } = outcome.map_err(failure(FailureKind::Other))?;
    let Err(mut reported) = result else {
        return Ok(usage);
    };
    // The output knows better than the component why it refused.
    if let Some(words) = refusal.filter(|_| reported.kind == FailureKind::Cancelled) {
        reported.message = format!("{words:#}");
    }
    Err(reported)
}

fn stop_when_told() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    tokio::spawn(async move {
        told().await;
        stopping.store(true, Ordering::Relaxed);
        // Who asks again doesn't want to wait for the next event.
        told().await;
        std::process::exit(1);
    });
    stop
}

/// Waits for Ctrl-C, or for the signal by which schedulers end a process.
async fn told() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = interrupted.await;
}

/// Refuses the next event once it is told to stop.
struct Interruptible<O> {
    inner: O,
    stop: Arc<AtomicBool>,
}

impl<O> Interruptible<O> {
    fn go_on(&mut self) -> Result<&mut O> {
        if self.stop.load(Ordering::Relaxed) {
            bail!("interrupted; the last checkpoint is where the next run goes on");
        }
        Ok(&mut self.inner)
    }
}

impl<O: Output> Output for Interruptible<O> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.go_on()?.emit(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.go_on()?.checkpoint(state)
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.go_on()?.finished(stream, snapshot)
    }

    fn note(&mut self, note: &Note) {
        self.inner.note(note);
    }
}
