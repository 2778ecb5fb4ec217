//! The connector as a native client: the same code over the same pool of connections, without a sandbox.
//!
//! It exists to be measured against the component: what is left between the two is the price of the sandbox.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use confluence_cloud::http::{Headers, Platform, Request, Response, TransportError};
use confluence_cloud::sink::{Batch, Note, Sink};
use confluence_cloud::stream::{Mode, Stream};
use confluence_cloud::timestamp::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use wasmtime_wasi_http::{Error, RequestOptions};

use crate::Done;
use connector_runtime::connection::Connection;
use connector_runtime::transport::Transport;

/// Reads every stream in full, and counts.
///
/// # Errors
///
/// What the connector reports.
pub(crate) async fn sync(config: &str) -> anyhow::Result<Done> {
    let platform = Native::new(config)?;
    let sink = Counting::default();
    let streams: Vec<_> = Stream::ALL
        .into_iter()
        .map(|stream| (stream.name().to_owned(), Mode::Full))
        .collect();
    confluence_cloud::sync::sync(&platform, &sink, config, &streams, None).await?;
    Ok(Done {
        requests: platform.requests.get(),
        rows: sink.0.get(),
        ..Done::default()
    })
}

struct Native {
    transport: Arc<Transport>,
    base_url: String,
    authorization: Option<http::HeaderValue>,
    requests: Cell<u64>,
}

impl Native {
    fn new(config: &str) -> anyhow::Result<Self> {
        let connection = Connection::new(config);
        let config: Value = serde_json::from_str(config)?;
        let base_url = config.get("base_url").and_then(Value::as_str);
        Ok(Self {
            transport: connection.transport(),
            base_url: base_url.unwrap_or_default().to_owned(),
            authorization: connection.secrets().header(),
            requests: Cell::new(0),
        })
    }

    async fn exchange(&self, request: &Request<'_>) -> Result<Response, Error> {
        let body = Full::new(Bytes::copy_from_slice(request.body.unwrap_or_default()));
        let method = if request.body.is_some() {
            http::Method::POST
        } else {
            http::Method::GET
        };
        let mut outgoing = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base_url, request.path_and_query))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(body.map_err(|never| match never {}).boxed_unsync())
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        if let Some(authorization) = &self.authorization {
            outgoing
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let options = RequestOptions {
            first_byte_timeout: Some(request.timeout),
            ..RequestOptions::default()
        };
        let response = self.transport.send(outgoing, &options).await?;
        let (head, body) = response.into_parts();
        let headers = head.headers.iter();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let headers = Headers(headers.collect());
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Response {
            status: head.status.as_u16(),
            headers,
            body,
        })
    }
}

impl Platform for Native {
    async fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        self.requests.set(self.requests.get() + 1);
        self.exchange(request)
            .await
            .map_err(|error| TransportError::Network(error.to_string()))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Timestamp {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[derive(Default)]
struct Counting(Cell<u64>);

impl Sink for Counting {
    fn emit(&self, batch: Batch) -> Result<(), String> {
        self.0.set(self.0.get() + batch.rows.len() as u64);
        Ok(())
    }

    fn checkpoint(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn finished(&self, _: Stream, _: bool) -> Result<(), String> {
        Ok(())
    }

    fn note(&self, _: &Note<'_>) {}
}
