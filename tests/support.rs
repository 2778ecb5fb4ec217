//! What the tests share: one runtime, the truth about a corpus, and an output that remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Result, bail};
use connector_runtime::connection::Connection;
use connector_runtime::engine::{Failure, Mode, Options, Outcome, Runtime, Selection};
use connector_runtime::limits::Limits;
use connector_runtime::output::{Batch, Note, Output};
use mock_confluence::{Corpus, CorpusSpec, Fault, Mock, MockOptions, Page};
use serde_json::{Value, json};

/// Rows by stream and key.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, Value>>;

pub(crate) const STREAMS: [&str; 7] = [
    "spaces",
    "pages",
    "page_versions",
    "page_labels",
    "page_views",
    "page_content_states",
    "users",
];

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new(&Options::default()).unwrap())
}

pub(crate) fn corpus(pages: usize) -> Corpus {
    Corpus::generate(&CorpusSpec {
        pages,
        spaces: 5,
        users: 60,
        seed: 7,
    })
}

pub(crate) fn mock(corpus: Corpus, faults: &[&str]) -> Mock {
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    Mock::start(MockOptions {
        faults,
        ..MockOptions::new(corpus)
    })
    .unwrap()
}

/// The mock's own config with other fields in it.
pub(crate) fn config(mock: &Mock, fields: Value) -> String {
    let mut config = mock.config_json();
    config
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    config.to_string()
}

/// Quick to give up, so that a test of a fault is quick too.
pub(crate) fn impatient(mock: &Mock) -> String {
    config(
        mock,
        json!({ "timeout_s": 1, "retry": { "attempts": 1, "patience_s": 5 } }),
    )
}

pub(crate) fn select(streams: &[&str], mode: Mode) -> Vec<Selection> {
    let mode = |stream: &str| if stream == "spaces" { Mode::Full } else { mode };
    streams
        .iter()
        .map(|&stream| Selection {
            stream: stream.to_owned(),
            mode: mode(stream),
        })
        .collect()
}

pub(crate) async fn sync(
    config: &str,
    selection: &[Selection],
    state: Option<&str>,
    output: &Tape,
) -> Outcome {
    let connection = Connection::new(config);
    output.with(|recorded| recorded.pending.clear());
    let output = Box::new(output.clone());
    runtime()
        .sync(&connection, Limits::default(), selection, state, output)
        .await
        .unwrap()
}

/// A run that must end well; the state that it leaves.
pub(crate) async fn complete(
    config: &str,
    mode: Mode,
    state: Option<&str>,
    output: &Tape,
) -> String {
    let outcome = sync(config, &select(&STREAMS, mode), state, output).await;
    if let Err(Failure { kind, message, .. }) = outcome.result {
        panic!("{kind:?}: {message}");
    }
    output.state().unwrap()
}

/// Remembers what was delivered, as a table and as events; can refuse.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) tables: Tables,
    pub(crate) state: Option<String>,
    pub(crate) snapshots: BTreeMap<String, bool>,
    pub(crate) notes: Vec<Note>,
    /// Rows and replacements since this was last cleared.
    pub(crate) rows: BTreeMap<String, usize>,
    pub(crate) longest_state: usize,
    events: usize,
    refuse_at: Option<usize>,
    /// The rows that this run, with those that it resumed, has delivered.
    seen: BTreeMap<String, BTreeSet<String>>,
    /// What came since the last checkpoint: one transaction.
    pending: Vec<Pending>,
}

impl Tape {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Recorded) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Refuses the event that is the `event`th from now.
    pub(crate) fn refuse_at(&self, event: Option<usize>) {
        self.with(|recorded| {
            recorded.events = 0;
            recorded.refuse_at = event;
        });
    }

    pub(crate) fn events(&self) -> usize {
        self.with(|recorded| recorded.events)
    }

    pub(crate) fn state(&self) -> Option<String> {
        self.with(|recorded| recorded.state.clone())
    }

    pub(crate) fn tables(&self) -> Tables {
        self.with(|recorded| recorded.tables.clone())
    }
}

impl Recorded {
    fn event(&mut self) -> Result<()> {
        self.events += 1;
        if self.refuse_at == Some(self.events) {
            bail!("enough");
        }
        Ok(())
    }
}

enum Pending {
    Rows(Batch),
    Finished(String, bool),
}

impl Recorded {
    fn apply(&mut self, change: Pending) {
        match change {
            Pending::Rows(batch) => {
                let table = self.tables.entry(batch.stream.clone()).or_default();
                for replaced in &batch.replaces {
                    let replaced: Value = serde_json::from_str(replaced).unwrap();
                    // Its quotes end the id, whatever follows in the key.
                    let prefix = replaced["page_id"].to_string();
                    let of_page: Vec<_> = table
                        .range(prefix.clone()..)
                        .take_while(|(key, _)| key.starts_with(&prefix))
                        .map(|(key, _)| key.clone())
                        .collect();
                    for key in &of_page {
                        table.remove(key);
                    }
                }
                for row in &batch.rows {
                    let row: Value = serde_json::from_str(row).unwrap();
                    let key = key(&batch.stream, &row);
                    self.seen
                        .entry(batch.stream.clone())
                        .or_default()
                        .insert(key.clone());
                    table.insert(key, row);
                }
            }
            Pending::Finished(stream, snapshot) => {
                let seen = self.seen.remove(&stream).unwrap_or_default();
                if snapshot {
                    self.tables
                        .entry(stream)
                        .or_default()
                        .retain(|key, _| seen.contains(key));
                }
            }
        }
    }
}

impl Output for Tape {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.with(|recorded| {
            recorded.event()?;
            *recorded.rows.entry(batch.stream.clone()).or_default() += batch.rows.len();
            recorded.pending.push(Pending::Rows(batch));
            Ok(())
        })
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.with(|recorded| {
            recorded.event()?;
            recorded.longest_state = recorded.longest_state.max(state.len());
            recorded.state = Some(state.to_owned());
            for change in std::mem::take(&mut recorded.pending) {
                recorded.apply(change);
            }
            Ok(())
        })
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.with(|recorded| {
            recorded.event()?;
            recorded.snapshots.insert(stream.to_owned(), snapshot);
            recorded
                .pending
                .push(Pending::Finished(stream.to_owned(), snapshot));
            Ok(())
        })
    }

    fn note(&mut self, note: &Note) {
        self.with(|recorded| {
            if *note == Note::Begin {
                recorded.seen.clear();
            }
            recorded.notes.push(note.clone());
        });
    }
}

fn key(stream: &str, row: &Value) -> String {
    let columns: &[&str] = match stream {
        "page_versions" => &["page_id", "number"],
        "page_labels" => &["page_id", "source_id"],
        "page_views" | "page_content_states" => &["page_id"],
        _ => &["source_id"],
    };
    columns
        .iter()
        .map(|column| row[column].to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The rows that a full read of a corpus must deliver, worked out without the component.
pub(crate) fn truth(corpus: &Corpus) -> Tables {
    let mut rows: BTreeMap<&str, Vec<Value>> =
        STREAMS.iter().map(|stream| (*stream, Vec::new())).collect();
    let mut met: Vec<&str> = Vec::new();
    for space in &corpus.spaces {
        met.extend(space.author_id.as_deref());
        let webui = space
            .links
            .as_ref()
            .and_then(|links| links["webui"].as_str());
        rows.get_mut("spaces").unwrap().push(json!({
            "source_id": space.id, "external_key": space.key, "name": space.name,
            "space_type": space.space_type, "status": space.status, "author_id": space.author_id,
            "source_url": webui.map(|webui| format!("{}/wiki{webui}", corpus.site)),
            "created_at": space.created_at, "homepage_id": space.homepage_id,
        }));
    }
    for page in &corpus.pages {
        let last = page.versions.last().unwrap();
        let named = [
            &page.author_id,
            &page.owner_id,
            &page.last_owner_id,
            &last.author_id,
        ];
        met.extend(named.into_iter().filter_map(|id| id.as_deref()));
        rows.get_mut("pages").unwrap().push(page_row(corpus, page));
        if page.status == "trashed" {
            continue;
        }
        met.extend(
            page.versions
                .iter()
                .filter_map(|version| version.author_id.as_deref()),
        );
        details(page, &mut rows);
    }
    let known = corpus
        .users
        .iter()
        .filter(|user| met.contains(&user.account_id.as_str()));
    let user = |user: &mock_confluence::User| {
        let user = serde_json::to_value(user).unwrap();
        let shown = |name: &str| {
            user[name]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        json!({
            "source_id": user["accountId"], "name": shown("displayName").or_else(|| shown("publicName")),
            "email": shown("email"), "account_type": user["accountType"], "account_status": user["accountStatus"],
        })
    };
    *rows.get_mut("users").unwrap() = known.map(user).collect();
    let table = |(stream, rows): (&str, Vec<Value>)| {
        let rows = rows
            .into_iter()
            .map(|row| (key(stream, &row), row))
            .collect();
        (stream.to_owned(), rows)
    };
    rows.into_iter().map(table).collect()
}

fn page_row(corpus: &Corpus, page: &Page) -> Value {
    let last = page.versions.last().unwrap();
    let mut row = json!({
        "source_id": page.id, "title": page.title, "position": page.position, "status": page.status,
        "space_id": page.space_id, "parent_id": page.parent_id, "parent_type": page.parent_type,
        "subtype": page.subtype, "author_id": page.author_id, "owner_id": page.owner_id,
        "last_owner_id": page.last_owner_id,
        "source_url": page.links.as_ref().map(|links| format!("{}/wiki{}", corpus.site, links.webui)),
        "created_at": page.created_at, "updated_at": last.created_at, "version_number": last.number,
    });
    for (field, column) in [
        ("ownerId", "owner_id"),
        ("lastOwnerId", "last_owner_id"),
        ("parentId", "parent_id"),
        ("parentType", "parent_type"),
        ("position", "position"),
        ("subtype", "subtype"),
    ] {
        if page.omitted.iter().any(|omitted| omitted == field) {
            row[column] = Value::Null;
        }
    }
    row
}

fn details(page: &Page, rows: &mut BTreeMap<&str, Vec<Value>>) {
    let id = &page.id;
    let versions = page.versions.iter().map(|version| {
        json!({
            "page_id": id, "number": version.number, "message": version.message,
            "author_id": version.author_id, "minor_edit": version.minor_edit, "created_at": version.created_at,
        })
    });
    rows.get_mut("page_versions").unwrap().extend(versions);
    let labels = page.labels.iter().map(|label| {
        json!({ "source_id": label.id, "page_id": id, "name": label.name, "prefix": label.prefix })
    });
    rows.get_mut("page_labels").unwrap().extend(labels);
    rows.get_mut("page_views")
        .unwrap()
        .push(json!({ "page_id": id, "views_count": page.views }));
    let state = page.state.as_ref();
    let named = state.and_then(|state| state.content_state.as_ref());
    rows.get_mut("page_content_states").unwrap().push(json!({
        "page_id": id, "content_state_name": named.map(|named| &named.name),
        "content_state_color": named.map(|named| &named.color),
        "updated_at": state.and_then(|state| state.last_updated.as_ref()),
    }));
}

/// Compares table by table, so that a failure names the rows.
pub(crate) fn assert_same(found: &Tables, expected: &Tables, streams: &[&str]) {
    let none = BTreeMap::new();
    for &stream in streams {
        let (found, expected) = (
            found.get(stream).unwrap_or(&none),
            expected.get(stream).unwrap_or(&none),
        );
        let missing: Vec<_> = expected
            .keys()
            .filter(|key| !found.contains_key(*key))
            .take(3)
            .collect();
        let extra: Vec<_> = found
            .keys()
            .filter(|key| !expected.contains_key(*key))
            .take(3)
            .collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{stream}: missing {missing:?}, too many {extra:?}"
        );
        for (key, row) in expected {
            assert_eq!(&found[key], row, "{stream} {key}");
        }
    }
}
