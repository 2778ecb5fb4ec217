//! The gate between a guest and a destination: everything that the guest delivers is checked here, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeSeed as _;

use crate::contract::Selection;
use crate::contract::types;
use crate::destination::{Batch, Row};
use crate::limits::STATE;
use crate::printable::printable_within;
use crate::stream::Stream;

mod row;

use row::RowSeed;

/// What a guest delivers against the contract; it ends the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the component delivered what the contract does not allow: {0}")]
pub(crate) struct InvalidDelivery(String);

/// What was selected, and how far its snapshots are.
pub(crate) struct Gate {
    streams: Arc<[Stream]>,
    /// Indexes of the selected streams, by name.
    selected: BTreeMap<String, usize>,
    /// Selected streams whose snapshot ended in this run: nothing may follow but another beginning.
    ended: BTreeSet<String>,
}

type Checked<T> = Result<T, InvalidDelivery>;

impl Gate {
    pub(crate) fn new(streams: Arc<[Stream]>, selection: &[Selection]) -> Self {
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
        }
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
        let except = parse_all(RowSeed::key(stream), except).await?;
        if !self.ended.insert(name.to_owned()) {
            let message = format!("the snapshot of {name} ended twice");
            return Err(InvalidDelivery(message));
        }
        Ok(except)
    }

    /// A state is short.
    pub(crate) fn checkpoint(state: &str) -> Checked<()> {
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

/// Parses a batch: rows of known columns, partial keys of key columns. Lets neighbours run meanwhile.
pub(crate) async fn parse_batch(stream: &Stream, batch: types::Batch) -> Checked<Batch> {
    Ok(Batch {
        stream: stream.name.clone(),
        replaces: parse_all(RowSeed::key(stream), batch.replaces).await?,
        rows: parse_all(RowSeed::row(stream), batch.rows).await?,
    })
}

/// Rows that are parsed before another task may run: half a millisecond.
const TURN: usize = 256;

async fn parse_all(seed: RowSeed<'_>, texts: Vec<String>) -> Checked<Vec<Row>> {
    let mut rows = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        rows.push(parse(seed, &text)?);
    }
    Ok(rows)
}

fn parse(seed: RowSeed<'_>, json: &str) -> Checked<Row> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = seed.deserialize(&mut deserializer);
    parsed
        .and_then(|row| deserializer.end().map(|()| row))
        .map_err(|error| {
            let error = printable_within(&error.to_string(), 300);
            InvalidDelivery(format!("{} of {}: {error}", seed.what(), seed.stream()))
        })
}

fn quoted(name: &str) -> String {
    format!("{:?}", printable_within(name, 80))
}
