//! Where a connection stands, as Airbyte keeps it.
//!
//! The component has one state for a connection, and a message of type GLOBAL would say so; but PyAirbyte
//! drops those, and a user who clears one stream would clear none. So each stream's state holds that of the
//! connection, and the number of the checkpoint that it is from. A destination commits one stream before the
//! other: what every stream has is the oldest checkpoint that any stream has, and there the next run goes on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Deserializer, Value};

use connector_runtime::engine::Mode;
use connector_destinations::state_file;

/// What Airbyte keeps for a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamState {
    /// The state of the connection.
    pub(super) state: String,
    /// Counts the checkpoints of a connection, across runs.
    pub(super) checkpoint: u64,
    /// Whether the run that left this had come to its end.
    pub(super) finished: bool,
    /// Whether that run read the stream whole.
    pub(super) whole: bool,
}

/// The states of a connection's streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct States(BTreeMap<String, StreamState>);

/// A message about the state of a stream, bare or in its envelope.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Enveloped { state: Box<Message> },
    Bare { stream: Stream },
    Many(Vec<Message>),
    Empty(Empty),
}

/// What some callers bring for no state at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Deserialize)]
struct Stream {
    stream_descriptor: Descriptor,
    stream_state: Option<StreamState>,
}

#[derive(Deserialize)]
struct Descriptor {
    name: String,
}

impl States {
    /// Reads a file of states, if it is there: a list, as the protocol has it, or message after message as
    /// this source writes them, of which the last one counts for each stream.
    ///
    /// # Errors
    ///
    /// The file can't be read or holds something else.
    pub(super) fn read(file: Option<&Path>) -> Result<Self> {
        let text = file.map(state_file::read).transpose()?.flatten();
        Self::parse(&text.unwrap_or_default())
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut states = Self::default();
        for value in Deserializer::from_str(text).into_iter::<Value>() {
            let message = value.and_then(serde_json::from_value).ok();
            let message =
                message.context("the state isn't one of this source; start afresh without it")?;
            states.add(message);
        }
        Ok(states)
    }

    fn add(&mut self, message: Message) {
        match message {
            Message::Enveloped { state } => self.add(*state),
            Message::Many(messages) => messages.into_iter().for_each(|message| self.add(message)),
            Message::Bare { stream } => {
                let name = stream.stream_descriptor.name;
                if let Some(state) = stream.stream_state {
                    self.0.insert(name, state);
                }
            }
            Message::Empty(Empty {}) => {}
        }
    }

    /// The state of the connection to go on from, if these streams have one in common.
    ///
    /// In the middle of a run a stream without a state has nothing in common with the others: going on there
    /// would leave out what the run had read of it before, so all begin afresh.
    pub(super) fn common(&self, streams: &[(String, Mode)]) -> Option<&str> {
        let states = streams.iter().filter_map(|(name, _)| self.0.get(name));
        let oldest = states.clone().min_by_key(|state| state.checkpoint)?;
        let all = states.count() == streams.len();
        (oldest.finished || all).then_some(oldest.state.as_str())
    }

    /// How a stream is to be read: whole if Airbyte has no state for it, or if an interrupted run had begun
    /// to read it whole.
    pub(super) fn mode(&self, stream: &str, configured: Mode) -> Mode {
        match self.0.get(stream) {
            Some(state) if state.finished || !state.whole => configured,
            _ => Mode::Full,
        }
    }

    /// The number of the last checkpoint of any stream.
    pub(super) fn last_checkpoint(&self) -> u64 {
        self.0
            .values()
            .map(|state| state.checkpoint)
            .max()
            .unwrap_or_default()
    }
}
