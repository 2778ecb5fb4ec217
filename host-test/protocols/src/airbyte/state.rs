//! The states of a connection, as Airbyte keeps them.
//!
//! The component has one state for a connection, and a message of type GLOBAL would say so; but PyAirbyte drops those,
//! and a user who clears one stream would clear none. So the state of each stream holds that of the connection and the
//! number of its checkpoint. A destination commits one stream before another: what every stream has is the oldest
//! checkpoint that any stream has, and there the next run goes on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use connector_destinations::{state_file, stderr, text_file};
use connector_runtime::contract::{Mode, Selection};
use serde::{Deserialize, Serialize};
use serde_json::{Deserializer, Map, Value};

/// What Airbyte keeps for a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamState {
    /// The state of the connection.
    pub(super) state: String,
    /// Counts the checkpoints of a connection, across runs.
    pub(super) checkpoint: u64,
    /// Whether the run that left this came to its end.
    pub(super) finished: bool,
    /// Whether that run read the stream whole.
    pub(super) whole: bool,
}

/// The states of a connection's streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct States(BTreeMap<String, StreamState>);

/// A message about states, bare or in its envelope.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Enveloped { state: Box<Message> },
    PerStream { stream: StreamMessage },
    Global { global: GlobalMessage },
    NoGlobal { global: () },
    Legacy(LegacyMessage),
    Data { data: Empty },
    Many(Vec<Message>),
    Empty(Empty),
    Null,
}

/// An object without members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Deserialize)]
struct StreamMessage {
    stream_descriptor: Descriptor,
    stream_state: Option<MaybeState>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MaybeState {
    State(StreamState),
    Empty(Empty),
}

#[derive(Deserialize)]
struct GlobalMessage {
    #[serde(default)]
    shared_state: Option<Map<String, Value>>,
    #[serde(default)]
    stream_states: Vec<StreamMessage>,
}

/// The format before states by stream: this source never wrote it.
#[derive(Deserialize)]
struct LegacyMessage {
    #[serde(rename = "type")]
    _kind: LegacyKind,
}

#[derive(Deserialize)]
enum LegacyKind {
    #[serde(rename = "LEGACY")]
    Legacy,
}

#[derive(Deserialize)]
struct Descriptor {
    name: String,
}

impl States {
    /// Reads a file of states, if it exists: a list, as the protocol has it, or message after message as this source
    /// writes them, of which the last one counts for each stream.
    ///
    /// # Errors
    ///
    /// The file cannot be read or holds something else.
    pub(super) fn read(file: Option<&Path>) -> Result<Self> {
        let Some(text) = file.map(text_file::read_if_there).transpose()?.flatten() else {
            return Ok(Self::default());
        };
        let states = if state_file::is_empty(&text) {
            Self::default()
        } else {
            Self::parse(&text)?
        };
        if states.0.is_empty() {
            stderr::warn("the state holds nothing of this source; this run starts afresh");
        }
        Ok(states)
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut states = Self::default();
        for value in Deserializer::from_str(text).into_iter::<Value>() {
            let message = value.and_then(serde_json::from_value).ok();
            let message =
                message.context("the state is not one of this source; start afresh without it")?;
            states.add(message)?;
        }
        Ok(states)
    }

    fn add(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Enveloped { state } => self.add(*state),
            Message::Many(messages) => {
                let mut messages = messages.into_iter();
                messages.try_for_each(|message| self.add(message))
            }
            Message::PerStream { stream } => {
                self.add_stream(stream);
                Ok(())
            }
            Message::Global { global } => {
                let shared = global.shared_state.unwrap_or_default();
                anyhow::ensure!(
                    shared.is_empty(),
                    "the state is a GLOBAL one of another source; start afresh without it"
                );
                let mut streams = global.stream_states.into_iter();
                streams.by_ref().for_each(|stream| self.add_stream(stream));
                Ok(())
            }
            Message::Legacy(_)
            | Message::Data { data: Empty {} }
            | Message::NoGlobal { global: () }
            | Message::Empty(Empty {})
            | Message::Null => Ok(()),
        }
    }

    fn add_stream(&mut self, message: StreamMessage) {
        if let Some(MaybeState::State(state)) = message.stream_state {
            self.0.insert(message.stream_descriptor.name, state);
        }
    }

    /// The state of the connection to go on from, if these streams have one in common.
    ///
    /// In the middle of a run a stream without a state has nothing in common with the others: going on there would
    /// leave out what the run had read of it before, so all begin afresh.
    pub(super) fn common(&self, streams: &[Selection]) -> Option<&str> {
        let states = streams
            .iter()
            .filter_map(|selected| self.0.get(&selected.stream));
        let oldest = states.clone().min_by_key(|state| state.checkpoint)?;
        let all = states.count() == streams.len();
        (oldest.finished || all).then_some(oldest.state.as_str())
    }

    /// How a stream is to be read: whole if Airbyte has no state for it, or if an interrupted run had begun to read it
    /// whole.
    pub(super) fn mode(&self, stream: &str, configured: Mode) -> Mode {
        match self.0.get(stream) {
            Some(state) if state.finished || !state.whole => configured,
            _ => Mode::Full,
        }
    }

    /// The number of the last checkpoint of any stream.
    pub(super) fn last_checkpoint(&self) -> u64 {
        let numbers = self.0.values().map(|state| state.checkpoint);
        numbers.max().unwrap_or_default()
    }
}
