//! The gate between a guest and a destination: everything that the guest delivers is checked here, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use crate::contract::Selection;
use crate::contract::types;
use crate::destination::{Batch, Row};
use crate::limits::STATE;
use crate::printable::printable_within;
use crate::secrets::Secrets;
use crate::stream::Stream;

mod row;
mod value;

use row::{RowSeed, Shape};
use value::ValueSeed;

/// What a guest delivers against the contract; it ends the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the component delivered what the contract does not allow: {0}")]
pub(crate) struct InvalidDelivery(String);

impl InvalidDelivery {
    /// The same without secrets, which a guest can use as names.
    pub(crate) fn without(&self, secrets: &Secrets) -> Self {
        Self(secrets.redact(&self.0).into_owned())
    }
}

/// What was selected, and how far its snapshots are.
pub(crate) struct Gate {
    streams: Arc<[Stream]>,
    /// Indexes of the selected streams, by name.
    selected: BTreeMap<String, usize>,
    /// Selected streams whose snapshot ended in this run: it does not end again before another has begun. Rows may follow,
    /// as changes do.
    ended: BTreeSet<String>,
    /// Whether the call is a run, which alone has states.
    is_run: bool,
}

type Checked<T> = Result<T, InvalidDelivery>;

impl Gate {
    /// For a call that delivers nothing.
    pub(crate) fn closed() -> Self {
        Self {
            is_run: false,
            ..Self::of_run(Arc::new([]), &[])
        }
    }

    /// For a run that reads a selection of these streams.
    pub(crate) fn of_run(streams: Arc<[Stream]>, selection: &[Selection]) -> Self {
        let index = |selected: &Selection| {
            let index = streams
                .iter()
                .position(|stream| stream.name == selected.stream)?;
            Some((selected.stream.clone(), index))
        };
        Self {
            selected: selection.iter().filter_map(index).collect(),
            streams,
            ended: BTreeSet::new(),
            is_run: true,
        }
    }

    /// How many streams were selected.
    pub(crate) fn selected(&self) -> usize {
        self.selected.len()
    }

    /// The stream of a batch, if it was selected.
    pub(crate) fn stream(&self, name: &str) -> Checked<&Stream> {
        let selected = self
            .selected
            .get(name)
            .and_then(|index| self.streams.get(*index));
        selected.ok_or_else(|| InvalidDelivery(format!("stream {} was not selected", quoted(name))))
    }

    /// Snapshots of these streams begin.
    pub(crate) fn begin_snapshot(&mut self, names: &[String]) -> Checked<()> {
        let distinct: BTreeSet<_> = names.iter().collect();
        if names.is_empty() || distinct.len() != names.len() {
            return Err(InvalidDelivery(
                "begin-snapshot needs distinct streams".to_owned(),
            ));
        }
        for name in names {
            self.stream(name)?;
            self.ended.remove(name);
        }
        Ok(())
    }

    /// The snapshot of this stream ends, but for the rows that match these partial keys.
    pub(crate) async fn end_snapshot(
        &mut self,
        name: &str,
        except: Vec<String>,
    ) -> Checked<Vec<Row>> {
        let stream = self.stream(name)?;
        let mut left = VALUES;
        let except = parse_all(stream, Shape::PartialKey, except, &mut left).await?;
        if !self.ended.insert(name.to_owned()) {
            let message = format!("the snapshot of {name} ended twice");
            return Err(InvalidDelivery(message));
        }
        Ok(except)
    }

    /// A run has states, and they are short.
    pub(crate) fn checkpoint(&self, state: &str) -> Checked<()> {
        if !self.is_run {
            return Err(InvalidDelivery("a checkpoint outside of a run".to_owned()));
        }
        if state.len() < STATE {
            return Ok(());
        }
        let message = format!(
            "a state of {} bytes; it has to be shorter than {STATE}",
            state.len()
        );
        Err(InvalidDelivery(message))
    }
}

/// Parses a batch: rows of known columns, partial keys of key columns. Lets neighbours run meanwhile. With the bytes
/// that it takes in memory.
pub(crate) async fn parse_batch(stream: &Stream, batch: types::Batch) -> Checked<(Batch, usize)> {
    let texts = batch.replaces.iter().chain(&batch.rows);
    let text: usize = texts.map(String::len).sum();
    let mut left = VALUES;
    let batch = Batch {
        stream: stream.name.clone(),
        replaces: parse_all(stream, Shape::PartialKey, batch.replaces, &mut left).await?,
        rows: parse_all(stream, Shape::Row, batch.rows, &mut left).await?,
    };
    Ok((batch, text + (VALUES - left) * VALUE_BYTES))
}

/// Values of a batch at most: those of columns, and those within them. Parsed, a value takes up to 50 times the memory
/// of its text.
const VALUES: usize = 250_000;
/// Bytes that a value of a column takes in memory besides its text: its name, its place in the row.
const VALUE_BYTES: usize = 100;
/// Bytes that are parsed before another task may run: half a millisecond.
const TURN: usize = 64 << 10;

async fn parse_all(
    stream: &Stream,
    shape: Shape,
    texts: Vec<String>,
    left: &mut usize,
) -> Checked<Vec<Row>> {
    let mut rows = Vec::with_capacity(texts.len());
    let mut turn = 0;
    for text in texts {
        turn += text.len();
        if turn > TURN {
            turn = 0;
            tokio::task::yield_now().await;
        }
        rows.push(parse(stream, shape, &text, left)?);
    }
    Ok(rows)
}

fn parse(stream: &Stream, shape: Shape, json: &str, left: &mut usize) -> Checked<Row> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = RowSeed::new(stream, shape, left).deserialize(&mut deserializer);
    parsed
        .and_then(|row| deserializer.end().map(|()| row))
        .map_err(|error| {
            let error = printable_within(&error.to_string(), 300);
            InvalidDelivery(format!("{} of {}: {error}", shape.name(), stream.name))
        })
}

/// Values of an object that a guest hands over besides rows: of its summary, of a failure's details.
const OBJECT_VALUES: usize = 20_000;

/// An object that a guest hands over besides rows; none where it is something else, or holds too many values: it is parsed
/// at once, on the thread of others.
pub(crate) fn parse_object(json: &str) -> Option<Map<String, Value>> {
    let mut left = OBJECT_VALUES;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = ValueSeed::new(&mut left).deserialize(&mut deserializer);
    match parsed.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    format!("{:?}", printable_within(name, 80))
}
