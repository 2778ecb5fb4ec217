//! The connector as a native client: the same code over the same pool of connections, without a sandbox.
//!
//! It exists to be measured against the component: what is left between the two is the price of the sandbox.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use confluence_cloud::client::{Headers, Platform, Request, Response, TransportError};
use confluence_cloud::config::Config;
use confluence_cloud::note::Note;
use confluence_cloud::sink::{Batch, Sink, SinkError};
use confluence_cloud::stream::{Mode, Stream};
use confluence_cloud::timestamp::Timestamp;
use connector_runtime::egress::Egress;
use connector_runtime::transport::Transport;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use wasmtime_wasi_http::{Error, RequestOptions};

use crate::network;

/// What a run did.
pub(crate) struct Sent {
    pub(crate) requests: u64,
    pub(crate) rows: u64,
}

/// Reads every stream in full, and counts.
pub(crate) async fn sync(config: &str) -> Result<Sent> {
    let platform = Native::new(config)?;
    let sink = Counter::default();
    let streams: Vec<_> = Stream::ALL
        .into_iter()
        .map(|stream| (stream.name().to_owned(), Mode::Full))
        .collect();
    let config = Config::parse(config)?;
    let run = confluence_cloud::sync::sync(&platform, &sink, &config, &streams, None);
    Box::pin(run).await?;
    Ok(Sent {
        requests: platform.requests.get(),
        rows: sink.0.get(),
    })
}

struct Native {
    transport: Transport,
    base_url: String,
    authorization: HeaderValue,
    requests: Cell<u64>,
}

impl Native {
    fn new(config: &str) -> Result<Self> {
        let config: Value = serde_json::from_str(config)?;
        let text = |field| {
            config
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let base_url = text("base_url").to_owned();
        let egress = Egress::for_origin(&base_url, network());
        let egress = egress.context("the base_url is no address")?;
        let pair = format!("{}:{}", text("username"), text("api_token"));
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        Ok(Self {
            transport: Transport::new(egress),
            base_url,
            authorization: authorization.try_into()?,
            requests: Cell::new(0),
        })
    }

    async fn send_request(&self, request: &Request<'_>) -> Result<Response, Error> {
        let body = Full::new(Bytes::copy_from_slice(request.body.unwrap_or_default()));
        let method = if request.body.is_some() {
            http::Method::POST
        } else {
            http::Method::GET
        };
        let outgoing = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base_url, request.path_and_query))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, self.authorization.clone())
            .body(body.map_err(|never| match never {}).boxed_unsync())
            .map_err(|_| Error::HttpRequestUriInvalid)?;
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
        self.send_request(request)
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

    fn notify(&self, _: &Note<'_>) {}
}

#[derive(Default)]
struct Counter(Cell<u64>);

impl Sink for Counter {
    fn begin_snapshot(&self, _: &[Stream]) -> Result<(), SinkError> {
        Ok(())
    }

    fn emit(&self, batch: Batch) -> Result<(), SinkError> {
        self.0.set(self.0.get() + batch.rows.len() as u64);
        Ok(())
    }

    fn checkpoint(&self, _: &str) -> Result<(), SinkError> {
        Ok(())
    }

    fn end_snapshot(&self, _: Stream, _: &[String]) -> Result<(), SinkError> {
        Ok(())
    }
}
