//! The exports of the world `connector`, and the imported sink.

use super::bindings::dx::connector::{sink, types};
use super::bindings::exports::dx::connector::source::{Description, Guest, StreamInfo, Validation};
use super::executor::block_on;
use super::transport::Wasi;
use crate::config::{self, Config};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::sink::{Batch, Sink, SinkError};
use crate::stream::Stream;
use crate::validate;

/// What adapters show besides, and the field that the host alone reads.
const DETAILS: &str = r#"{"documentation_url":"https://developer.atlassian.com/cloud/confluence/rest/v2/intro/","oauth_client":"oauth"}"#;

struct Component;

super::bindings::export!(Component with_types_in super::bindings);

impl Guest for Component {
    fn describe() -> Description {
        let request = |endpoint: Endpoint| types::RequestPattern {
            method: endpoint.method().as_str().to_owned(),
            path: endpoint.path_template().to_owned(),
        };
        let basic = types::Basic {
            username: "username".to_owned(),
            secret: "api_token".to_owned(),
        };
        Description {
            name: "confluence-cloud".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_schema: config::SCHEMA.to_owned(),
            base_url_field: "base_url".to_owned(),
            base_urls: config::TEMPLATES.map(str::to_owned).to_vec(),
            requests: Endpoint::ALL.map(request).to_vec(),
            authentication: vec![
                types::Authentication::Basic(basic),
                types::Authentication::Bearer("api_token".to_owned()),
            ],
            details: Some(DETAILS.to_owned()),
        }
    }

    fn validate(config: String) -> Validation {
        let found = match Config::parse(&config) {
            Ok(config) => block_on(validate::validate(&Wasi::new(&config), &config)),
            Err(error) => validate::invalid_config(error),
        };
        found.into()
    }

    fn list_streams() -> Vec<StreamInfo> {
        Stream::ALL.into_iter().map(Into::into).collect()
    }

    fn sync(
        config: String,
        streams: Vec<types::Selection>,
        state: Option<String>,
    ) -> Result<String, types::Failure> {
        let selection: Vec<_> = streams
            .into_iter()
            .map(|selected| (selected.stream, selected.mode.into()))
            .collect();
        let config = Config::parse(&config)?;
        let platform = Wasi::new(&config);
        let run = crate::sync::sync(&platform, &HostSink, &config, &selection, state.as_deref());
        Ok(block_on(run)?)
    }
}

impl From<Error> for types::Failure {
    fn from(error: Error) -> Self {
        super::convert::failure(error)
    }
}

/// The sink that the host implements.
struct HostSink;

impl Sink for HostSink {
    fn begin_snapshot(&self, streams: &[Stream]) -> Result<(), SinkError> {
        let streams: Vec<_> = streams
            .iter()
            .map(|stream| stream.name().to_owned())
            .collect();
        Ok(sink::begin_snapshot(&streams)?)
    }

    fn emit(&self, batch: Batch) -> Result<(), SinkError> {
        Ok(sink::emit(&types::Batch {
            stream: batch.stream.name().to_owned(),
            replaces: batch.replaces,
            rows: batch.rows,
        })?)
    }

    fn checkpoint(&self, state: &str) -> Result<(), SinkError> {
        Ok(sink::checkpoint(state)?)
    }

    fn end_snapshot(&self, stream: Stream, except: &[String]) -> Result<(), SinkError> {
        Ok(sink::end_snapshot(stream.name(), except)?)
    }
}

impl From<sink::SinkError> for SinkError {
    fn from(error: sink::SinkError) -> Self {
        match error {
            sink::SinkError::Cancelled => Self::Cancelled,
            sink::SinkError::Failed(message) => Self::Failed(message),
        }
    }
}
