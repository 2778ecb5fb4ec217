//! What the tests share: one runtime, a mock, and what a run must deliver.

#[path = "../src/testing/key.rs"]
mod key;
#[path = "../src/testing/oracle.rs"]
mod oracle;
#[path = "support/tape.rs"]
mod tape;

use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::contract::{FailureKind, Mode, Selection};
use connector_runtime::failure::{Failure, Summary};
use connector_runtime::runtime::{Outcome, Runtime, SyncRequest};
use mock_confluence::{Corpus, CorpusSpec, Fault, Mock, MockOptions};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::stream::Stream;

pub(crate) use oracle::{Tables, oracle};
pub(crate) use tape::Tape;

/// The component, compiled once for all tests.
pub(crate) async fn runtime() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    let load = || async {
        let source = ComponentSource::embedded(confluence_component::COMPONENT);
        Runtime::load(&source).await.unwrap()
    };
    RUNTIME.get_or_init(load).await
}

pub(crate) fn corpus(pages: usize) -> Corpus {
    let mut corpus = Corpus::generate(&CorpusSpec {
        pages,
        spaces: 4,
        users: 12,
        seed: 7,
    });
    for page in &mut corpus.pages {
        page.versions.truncate(5);
    }
    corpus
}

pub(crate) fn mock(corpus: Corpus) -> Mock {
    Mock::start(MockOptions::new(corpus)).unwrap()
}

/// Injects faults, as on the mock's command line, instead of those before.
pub(crate) fn inject_faults(mock: &Mock, faults: &[&str]) {
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    mock.set_faults(faults);
}

/// The ids of the current pages.
pub(crate) fn current_pages(mock: &Mock) -> Vec<String> {
    mock.with_corpus(|corpus| {
        let current = corpus.pages.iter().filter(|page| page.status == "current");
        current.map(|page| page.id.clone()).collect()
    })
}

/// A configuration that gives up at once, with some fields set otherwise. Increments read what changed and no more.
pub(crate) fn config(mock: &Mock, other: Value) -> Value {
    let mut config = mock.config_json();
    let fields = config.as_object_mut().unwrap();
    fields.insert("retry".to_owned(), json!({ "attempts": 0 }));
    fields.insert("refresh_days".to_owned(), 0.into());
    let Value::Object(other) = other else {
        panic!("a configuration is an object")
    };
    fields.extend(other);
    config
}

/// What an operator allows in tests.
pub(crate) fn on_loopback(signing: Signing) -> ConnectionOptions {
    ConnectionOptions {
        signing,
        network: NetworkPolicy::default().allow_loopback(),
        ..ConnectionOptions::default()
    }
}

pub(crate) async fn connect(config: &Value) -> TenantConnection {
    let options = on_loopback(Signing::Guest);
    runtime()
        .await
        .connect(&config.to_string(), options)
        .unwrap()
}

/// Every stream, each in this mode as far as it has it.
pub(crate) fn every_stream(mode: Mode) -> Vec<Selection> {
    let names: Vec<_> = Stream::ALL.iter().map(|stream| stream.name()).collect();
    select(&names, mode)
}

pub(crate) fn select(streams: &[&str], mode: Mode) -> Vec<Selection> {
    let selected = streams.iter().map(|stream| Selection {
        stream: (*stream).to_owned(),
        mode: if *stream == "spaces" {
            Mode::Full
        } else {
            mode
        },
    });
    selected.collect()
}

/// Reads from where the tape stands, on a connection of its own.
pub(crate) async fn sync(config: &Value, selection: &[Selection], tape: &Tape) -> Outcome {
    let connection = connect(config).await;
    let state = tape.state();
    let request = SyncRequest {
        selection,
        state: state.as_deref(),
        ..SyncRequest::default()
    };
    let destination = Box::new(tape.open());
    let synced = runtime().await.sync(&connection, request, destination);
    synced.await.unwrap()
}

/// The summary of a run of every stream that must end well.
pub(crate) async fn complete(config: &Value, mode: Mode, tape: &Tape) -> Summary {
    let outcome = sync(config, &every_stream(mode), tape).await;
    outcome.result.unwrap_or_else(|failure| {
        let Failure { kind, message, .. } = failure;
        panic!("{kind:?}: {message}")
    })
}

/// The failure of a run of every stream.
pub(crate) async fn fail(config: &Value, mode: Mode, tape: &Tape) -> Failure {
    let outcome = sync(config, &every_stream(mode), tape).await;
    outcome.result.unwrap_err()
}

/// The kind of a run's failure, if it failed.
pub(crate) fn kind(outcome: &Outcome) -> Option<FailureKind> {
    let failure = outcome.result.as_ref().err();
    failure.map(|failure| failure.kind)
}

/// What every stream must hold now.
pub(crate) fn expected_tables(mock: &Mock) -> Tables {
    mock.with_corpus(|corpus| oracle(corpus, &[]))
}

/// Compares row by row, so that a failure names the first that differs.
#[track_caller]
pub(crate) fn assert_same(found: &Tables, expected: &Tables, why: &str) {
    for stream in Stream::ALL {
        let name = stream.name();
        let rows = |tables: &Tables| tables.get(name).cloned().unwrap_or_default();
        let (found, expected) = (rows(found), rows(expected));
        for key in found.keys().chain(expected.keys()) {
            assert_eq!(found.get(key), expected.get(key), "{why}: {name} {key}");
        }
    }
}
