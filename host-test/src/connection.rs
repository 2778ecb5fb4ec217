//! One tenant's configuration, the connections it may make, and the secret that the guest need not see.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::egress::Egress;
use crate::transport::Transport;

/// A configuration and a client for it, which the calls of this tenant share.
#[derive(Debug, Clone)]
pub struct Connection {
    config: String,
    transport: Transport,
}

impl Connection {
    /// A connection whose guest signs its requests itself.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let transport = Transport::new(egress(&parse(config)), None);
        Self {
            config: config.to_owned(),
            transport,
        }
    }

    /// A connection whose requests the host signs: the token is taken out of what the guest is given, so
    /// that it is nowhere in the guest's memory.
    #[must_use]
    pub fn signing(config: &str) -> Self {
        let mut fields = parse(config);
        let token = fields.remove("api_token");
        let text = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let signature = crate::engine::basic(&text(fields.get("username")), &text(token.as_ref()));
        let transport = Transport::new(egress(&fields), signature.filter(|_| token.is_some()));
        Self {
            config: Value::Object(fields).to_string(),
            transport,
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

    pub(crate) fn transport(&self) -> Transport {
        self.transport.clone()
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
