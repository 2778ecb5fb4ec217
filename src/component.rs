//! The component: the exports of the world `connector`, and the imported sink.

use crate::error::{Error, Kind};
use crate::executor::block_on;
use crate::http::wasi::Wasi;
use crate::json::ToJson as _;
use crate::sink::{Batch, Note, Sink};
use crate::stream::{Mode, Stream};
use crate::timestamp::millis;
use crate::validate::{self, EndpointAccess};

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::pedantic,
        clippy::expect_used,
        clippy::panic
    )]
    wit_bindgen::generate!({ path: "wit", world: "connector" });
}

use bindings::dx::connector::{sink, types};
use bindings::exports::dx::connector::source::{Guest, StreamInfo, Validation};

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn validate(config: String) -> Validation {
        let found =
            block_on(async { validate::validate(&Wasi::new(&config), &HostSink, &config).await });
        Validation {
            error: found.error.map(Into::into),
            endpoints: found.endpoints.into_iter().map(Into::into).collect(),
        }
    }

    fn list_streams() -> Vec<StreamInfo> {
        Stream::ALL.into_iter().map(Into::into).collect()
    }

    fn sync(
        config: String,
        streams: Vec<types::Selection>,
        state: Option<String>,
    ) -> Result<(), types::Failure> {
        let selection: Vec<_> = streams
            .into_iter()
            .map(|selected| (selected.stream, selected.mode.into()))
            .collect();
        let platform = Wasi::new(&config);
        let run = async {
            crate::sync::sync(&platform, &HostSink, &config, &selection, state.as_deref()).await
        };
        block_on(run).map_err(Into::into)
    }
}

/// The sink that the host implements.
struct HostSink;

impl Sink for HostSink {
    fn emit(&self, batch: Batch) -> Result<(), String> {
        sink::emit(&types::Batch {
            stream: batch.stream.name().to_owned(),
            replaces: batch.replaces,
            rows: batch.rows,
        })
    }

    fn checkpoint(&self, state: &str) -> Result<(), String> {
        sink::checkpoint(state)
    }

    fn finished(&self, stream: Stream, snapshot: bool) -> Result<(), String> {
        sink::finished(stream.name(), snapshot)
    }

    fn note(&self, note: &Note<'_>) {
        sink::note(&note.to_json());
    }
}

impl From<types::Mode> for Mode {
    fn from(mode: types::Mode) -> Self {
        match mode {
            types::Mode::Full => Self::Full,
            types::Mode::Incremental => Self::Incremental,
        }
    }
}

impl From<Mode> for types::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Full => Self::Full,
            Mode::Incremental => Self::Incremental,
        }
    }
}

impl From<Error> for types::Failure {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
            endpoint: error.endpoint.map(|endpoint| endpoint.as_str().to_owned()),
            http_status: error.http_status,
            retry_after_ms: error.retry_after.map(millis),
        }
    }
}

impl From<Kind> for types::FailureKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::InvalidConfig => Self::InvalidConfig,
            Kind::InvalidCredentials => Self::InvalidCredentials,
            Kind::InvalidPermissions => Self::InvalidPermissions,
            Kind::InvalidState => Self::InvalidState,
            Kind::RateLimited => Self::RateLimited,
            Kind::Unavailable => Self::Unavailable,
            Kind::Incomplete => Self::Incomplete,
            Kind::UnexpectedResponse => Self::UnexpectedResponse,
            Kind::Cancelled => Self::Cancelled,
        }
    }
}

impl From<EndpointAccess> for types::EndpointAccess {
    fn from(found: EndpointAccess) -> Self {
        Self {
            endpoint: found.endpoint.as_str().to_owned(),
            scope: found.endpoint.scope().to_owned(),
            access: match found.access {
                validate::Access::Granted => types::Access::Granted,
                validate::Access::Denied => types::Access::Denied,
                validate::Access::Unavailable => types::Access::Unavailable,
                validate::Access::Unchecked => types::Access::Unchecked,
            },
            detail: found.detail,
        }
    }
}

impl From<Stream> for StreamInfo {
    fn from(stream: Stream) -> Self {
        Self {
            name: stream.name().to_owned(),
            description: stream.description().to_owned(),
            primary_key: stream
                .primary_key()
                .iter()
                .map(|&column| column.to_owned())
                .collect(),
            cursor_field: stream.cursor_field().map(str::to_owned),
            modes: stream.modes().iter().map(|&mode| mode.into()).collect(),
            endpoint: stream.endpoint().as_str().to_owned(),
            scope: stream.endpoint().scope().to_owned(),
            schema: stream.schema(),
        }
    }
}
