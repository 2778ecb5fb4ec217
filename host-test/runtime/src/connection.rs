//! One tenant's configuration, the connections it may make, and the secret that the guest need not see.

use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Map, Value};

use crate::egress::Egress;
use crate::transport::Transport;

/// A configuration and a client for it, which the calls of this tenant share.
#[derive(Clone)]
pub struct Connection {
    config: String,
    transport: Arc<Transport>,
    secrets: Secrets,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection whose guest signs its requests itself.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let fields = parse(config);
        Self {
            config: config.to_owned(),
            transport: Arc::new(Transport::new(egress(&fields), None)),
            secrets: Secrets::of(&fields),
        }
    }

    /// A connection whose requests the host signs: the token is taken out of what the guest is given, so
    /// that it is nowhere in the guest's memory.
    #[must_use]
    pub fn signing(config: &str) -> Self {
        let mut fields = parse(config);
        let secrets = Secrets::of(&fields);
        let signature = fields.remove("api_token").and_then(|_| secrets.header());
        Self {
            config: Value::Object(fields.clone()).to_string(),
            transport: Arc::new(Transport::new(egress(&fields), signature)),
            secrets,
        }
    }

    /// A connection that leads nowhere, for calls that ask nobody.
    #[must_use]
    pub fn nowhere() -> Self {
        static NOWHERE: LazyLock<Connection> = LazyLock::new(|| Connection::new("{}"));
        NOWHERE.clone()
    }

    /// What the guest is given.
    pub(crate) fn config(&self) -> &String {
        &self.config
    }

    /// What must not be shown, whoever says it.
    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    pub(crate) fn transport(&self) -> Arc<Transport> {
        Arc::clone(&self.transport)
    }
}

/// A token, and the pair of user and token as it goes over the wire: a service may send either of them back.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    token: String,
    pair: String,
}

impl Secrets {
    fn of(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.unwrap_or_default().trim().to_owned()
        };
        let (username, token) = (text("username"), text("api_token"));
        if token.is_empty() {
            return Self::default();
        }
        let pair = STANDARD.encode(format!("{username}:{token}"));
        Self { token, pair }
    }

    /// The `Authorization` header for Basic authentication, hidden from logs.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Basic {}", self.pair)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text without them.
    pub(crate) fn hide(&self, text: &mut String) {
        for secret in [&self.token, &self.pair] {
            if !secret.is_empty() && text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), "…");
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

/// A configuration that can't be read is the guest's to complain about: it gets no way out.
fn parse(config: &str) -> Map<String, Value> {
    serde_json::from_str(config).unwrap_or_default()
}

fn egress(fields: &Map<String, Value>) -> Egress {
    let base_url = fields
        .get("base_url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Egress::for_base_url(base_url.trim()).unwrap_or_else(Egress::nothing)
}
