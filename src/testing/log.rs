//! What passed, in order, and how a test shows it.

use std::fmt;

use crate::client::Request;
use crate::endpoint::Endpoint;

/// Something that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Sent(Sent),
    /// A note of the connector, as JSON.
    Note(String),
    /// A batch: its stream, how many keys it replaces, how many rows it holds.
    Batch(&'static str, usize, usize),
    Checkpoint(String),
    /// A snapshot of these streams begins.
    BeginSnapshot(Vec<&'static str>),
    /// The snapshot of a stream ends; how many partial keys are spared.
    EndSnapshot(&'static str, usize),
    Refused,
}

/// A request that was answered, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Option<String>,
    /// None where no answer came.
    pub(crate) status: Option<u16>,
}

impl Sent {
    /// A request without an answer so far.
    pub(super) fn new(request: &Request<'_>) -> Self {
        let (path, query) = request
            .path_and_query
            .split_once('?')
            .unwrap_or((request.path_and_query, ""));
        let body = request.body;
        Self {
            endpoint: endpoint_of(path),
            path: path.to_owned(),
            query: query.to_owned(),
            body: body.map(|body| String::from_utf8_lossy(body).into_owned()),
            status: None,
        }
    }
}

fn endpoint_of(path: &str) -> Endpoint {
    let (_, last) = path.rsplit_once('/').unwrap();
    match last {
        "spaces" => Endpoint::Spaces,
        "pages" => Endpoint::Pages,
        "versions" => Endpoint::Versions,
        "labels" => Endpoint::Labels,
        "users-bulk" => Endpoint::Users,
        "views" => Endpoint::Views,
        "state" => Endpoint::States,
        _ => panic!("a path that leads nowhere: {path}"),
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.body.as_ref().map_or("GET", |_| "POST");
        let parameters = self.query.split('&').map(|parameter| {
            if parameter.starts_with("cursor=") {
                "cursor=…"
            } else {
                parameter
            }
        });
        let query = parameters.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let path = self.path.strip_prefix("/wiki").unwrap_or(&self.path);
        write!(formatter, "{method} {path}{mark}{query} → ")?;
        match self.status {
            Some(status) => write!(formatter, "{status}"),
            None => write!(formatter, "no answer"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(sent) => write!(formatter, "{sent}"),
            Self::Note(note) => write!(formatter, "note {note}"),
            Self::Batch(stream, replaces, rows) => {
                write!(formatter, "emit {stream}: {rows} rows, {replaces} replaced")
            }
            Self::Checkpoint(_) => write!(formatter, "checkpoint"),
            Self::BeginSnapshot(streams) => {
                write!(formatter, "begin snapshot of {}", streams.join(", "))
            }
            Self::EndSnapshot(stream, 0) => write!(formatter, "end snapshot of {stream}"),
            Self::EndSnapshot(stream, except) => {
                write!(formatter, "end snapshot of {stream}, except {except}")
            }
            Self::Refused => write!(formatter, "refused"),
        }
    }
}
