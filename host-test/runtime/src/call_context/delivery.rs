//! What the component delivers: checked, and handed to the destination.

use serde_json::{Map, Value};

use super::CallContext;
use crate::contract::{sink, types};
use crate::destination::Note;
use crate::gate;
use crate::limits::NoteQuota;
use crate::printable::printable;
use crate::secrets::Secrets;

/// Bytes of a note; a longer one is left out.
const NOTE: usize = 16 << 10;

/// A component that calls a sink which has refused: the contract ends the run there.
#[derive(Debug, thiserror::Error)]
#[error("the component called the sink again after it had refused: {0}")]
pub(crate) struct CalledAfterRefusal(String);

/// What the sink answers: a refusal, or an error that ends the call.
type Answer = wasmtime::Result<Result<(), sink::SinkError>>;

impl CallContext {
    /// Lets a guest that delivers too fast wait, and ends the call of one that goes on after a refusal.
    async fn check_and_throttle(&mut self, rows: usize) -> wasmtime::Result<()> {
        if self.refused {
            let why = self.refusal.as_ref().map(|why| format!("{why:#}"));
            return Err(CalledAfterRefusal(why.unwrap_or_else(|| "cancelled".to_owned())).into());
        }
        if let Some(pace) = &mut self.pace {
            pace.throttle(rows).await;
        }
        Ok(())
    }

    /// The destination's error goes to whoever made the call; the guest learns only that it has to stop.
    fn conclude(&mut self, delivered: anyhow::Result<()>) -> Result<(), sink::SinkError> {
        delivered.map_err(|error| {
            self.refused = true;
            self.refusal = Some(error);
            sink::SinkError::Failed("the destination refused".to_owned())
        })
    }

    /// What has to be true before anything is taken.
    async fn take_delivery(&mut self, rows: usize, bytes: usize) -> wasmtime::Result<Admission> {
        self.check_and_throttle(rows).await?;
        self.delivered.count(rows, bytes)?;
        if self.cancellation.is_cancelled() {
            self.refused = true;
            return Ok(Admission::Cancelled);
        }
        Ok(Admission::Granted)
    }
}

/// Whether a call of the sink goes on.
#[derive(PartialEq, Eq)]
enum Admission {
    Granted,
    Cancelled,
}

impl sink::Host for CallContext {
    async fn begin_snapshot(&mut self, streams: Vec<String>) -> Answer {
        if self
            .take_delivery(streams.len().max(1), bytes(&streams))
            .await?
            == Admission::Cancelled
        {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        self.gate.begin_snapshot(&streams)?;
        let delivered = self.destination.begin_snapshot(streams).await;
        Ok(self.conclude(delivered))
    }

    async fn emit(&mut self, batch: types::Batch) -> Answer {
        // A batch without rows is work too.
        let rows = (batch.rows.len() + batch.replaces.len()).max(1);
        let text = bytes(&batch.rows) + bytes(&batch.replaces);
        if self.take_delivery(rows, text).await? == Admission::Cancelled {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        let stream = self.gate.stream(&batch.stream)?;
        let (batch, bytes) = gate::parse_batch(stream, batch).await?;
        let delivered = self.destination.write(batch, bytes).await;
        Ok(self.conclude(delivered))
    }

    async fn checkpoint(&mut self, state: String) -> Answer {
        self.gate.checkpoint(&state)?;
        // As long as it is in the format that repeats it most: escaped, for each stream.
        let bytes = serde_json::to_string(&state)?.len() * self.gate.selected();
        if self.take_delivery(1, bytes).await? == Admission::Cancelled {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        let delivered = self.destination.checkpoint(state).await;
        Ok(self.conclude(delivered))
    }

    async fn end_snapshot(&mut self, stream: String, except: Vec<String>) -> Answer {
        if self
            .take_delivery(except.len().max(1), bytes(&except))
            .await?
            == Admission::Cancelled
        {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        let except = self.gate.end_snapshot(&stream, except).await?;
        let delivered = self.destination.end_snapshot(stream, except).await;
        Ok(self.conclude(delivered))
    }

    async fn note(&mut self, note: String) -> wasmtime::Result<()> {
        self.notes.throttle(1).await;
        if self.refused || note.len() > NOTE || self.delivered.notes_ended() {
            return Ok(());
        }
        let parsed = parse_note(&note, &self.secrets);
        let bytes = parsed.as_ref().map_or(note.len(), |(_, bytes)| *bytes);
        let note = match self.delivered.count_note(bytes) {
            NoteQuota::Within => parsed.map(|(note, _)| note),
            NoteQuota::JustExceeded => Some(last_note()),
            NoteQuota::Exceeded => None,
        };
        if let Some(note) = note {
            self.destination.note(note).await;
        }
        Ok(())
    }
}

fn bytes(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// Says once that there were too many.
fn last_note() -> Note {
    Note::Log {
        level: "warn".to_owned(),
        message: "the component sends more notes than a run may have; further ones are left out"
            .to_owned(),
    }
}

/// A note whose texts are safe to show, and the bytes that it takes in a line of JSON: an escape is longer than what it
/// stands for.
fn parse_note(json: &str, secrets: &Secrets) -> Option<(Note, usize)> {
    let fields: Map<_, _> = serde_json::from_str(json).ok()?;
    let clean = |text: String| printable(&secrets.redact(&text)).into_owned();
    let fields = Value::Object(crate::printable::map_texts(fields, &clean));
    let bytes = fields.to_string().len();
    let mut note = serde_json::from_value(fields).ok()?;
    if let Note::Wait { ms, .. } = &mut note {
        *ms = (*ms).min(LONGEST_WAIT);
    }
    Some((note, bytes))
}

/// Milliseconds of a day: a longer wait is no use to anybody, and sums of them must not overflow.
const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1000;
