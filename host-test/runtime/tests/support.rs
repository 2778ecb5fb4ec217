//! What the tests share: two connectors in one engine, and a destination that remembers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Result, bail};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::destination::{Batch, Destination, Note, Row};
use connector_runtime::limits::Limits;
use connector_runtime::runtime::{Outcome, Runtime, SyncRequest};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A built guest.
pub(crate) fn guest(package: &str) -> Vec<u8> {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap();
    let file: PathBuf = component_builder::build_guest(package).unwrap();
    std::fs::read(file).unwrap()
}

pub(crate) fn hostile_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| guest("hostile-guest"))
}

/// The honest connector.
pub(crate) async fn inventory() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    let load = || async {
        let source = ComponentSource::Bytes(guest("inventory-guest").into());
        Runtime::load(&source).await.unwrap()
    };
    RUNTIME.get_or_init(load).await
}

/// The one that attacks: in the same engine as the honest one, as it would be in a service.
pub(crate) async fn hostile() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    let load = || async {
        let source = ComponentSource::Bytes(hostile_bytes().into());
        inventory().await.load_beside(&source).await.unwrap()
    };
    RUNTIME.get_or_init(load).await
}

/// What an operator allows in tests.
pub(crate) fn on_loopback(signing: Signing) -> ConnectionOptions {
    ConnectionOptions {
        signing,
        network: NetworkPolicy::default().allow_loopback(),
        ..ConnectionOptions::default()
    }
}

pub(crate) fn selection(streams: &[&str]) -> Vec<Selection> {
    let selected = |stream: &&str| Selection {
        stream: (*stream).to_owned(),
        mode: Mode::Full,
    };
    streams.iter().map(selected).collect()
}

/// A connection of the hostile guest that attacks in this way.
pub(crate) async fn attacker(attack: &str, url: &str) -> TenantConnection {
    let config = format!(r#"{{"url":"{url}","attack":"{attack}"}}"#);
    let options = on_loopback(Signing::Guest);
    hostile().await.connect(&config, options).unwrap()
}

/// Runs an attack on the stream `items`.
pub(crate) async fn attack(attack: &str, limits: Limits, tape: &Tape) -> Result<Outcome> {
    let connection = attacker(attack, "").await;
    run_attack(&connection, limits, tape).await
}

pub(crate) async fn run_attack(
    connection: &TenantConnection,
    limits: Limits,
    tape: &Tape,
) -> Result<Outcome> {
    let selection = selection(&["items"]);
    let request = SyncRequest {
        limits,
        selection: &selection,
        ..SyncRequest::default()
    };
    let destination = Box::new(tape.clone());
    hostile().await.sync(connection, request, destination).await
}

/// What a guest that survives its attack says of it.
pub(crate) fn said(outcome: Result<Outcome>) -> String {
    outcome.unwrap().result.unwrap_err().message
}

/// The host's error of an attack that ends the call.
pub(crate) async fn stopped(words: &str, limits: Limits, tape: &Tape) -> String {
    let ended = attack(words, limits, tape).await;
    format!("{:#}", ended.unwrap_err())
}

pub(crate) fn tight() -> Limits {
    Limits {
        memory: 32 << 20,
        wall: Duration::from_secs(20),
        cpu: Duration::from_millis(200),
        hostcall_bytes: 4 << 20,
        handles: 500,
        ..Limits::default()
    }
}

/// What a destination was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Begin(Vec<String>),
    Write(Batch),
    Checkpoint(String),
    End(String, Vec<Row>),
}

/// Remembers what was delivered; can refuse, and be slow.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    notes: Vec<Note>,
    refuse_at: Option<usize>,
    /// Every event takes this long.
    delay: Duration,
}

impl Tape {
    /// Refuses the event that is the `event`th.
    pub(crate) fn refusing_at(event: usize) -> Self {
        let tape = Self::default();
        tape.0.lock().unwrap().refuse_at = Some(event);
        tape
    }

    pub(crate) fn slow(delay: Duration) -> Self {
        let tape = Self::default();
        tape.0.lock().unwrap().delay = delay;
        tape
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.0.lock().unwrap().notes.clone()
    }

    /// All rows of a stream.
    pub(crate) fn rows(&self, stream: &str) -> Vec<Value> {
        let batches = self.events().into_iter().filter_map(|event| match event {
            Event::Write(batch) if batch.stream == stream => Some(batch.rows),
            _ => None,
        });
        batches.flatten().map(|row| json!(row)).collect()
    }

    fn record(&self, event: Event) -> Result<()> {
        let delay = self.0.lock().unwrap().delay;
        std::thread::sleep(delay);
        let mut recorded = self.0.lock().unwrap();
        recorded.events.push(event);
        if recorded.refuse_at == Some(recorded.events.len()) {
            bail!("enough");
        }
        Ok(())
    }
}

impl Destination for Tape {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.record(Event::Begin(streams.to_vec()))
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.record(Event::Write(batch))
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.record(Event::Checkpoint(state.to_owned()))
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.record(Event::End(stream.to_owned(), except.to_vec()))
    }

    fn note(&mut self, note: &Note) {
        self.0.lock().unwrap().notes.push(note.clone());
    }
}
