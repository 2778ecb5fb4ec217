//! One tenant's configuration, the requests it may send, and the secret that the guest need not see.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Map, Value, json};

use crate::address::NetworkPolicy;
use crate::contract::FailureKind;
use crate::cpu_scheduler::EpochTicker;
use crate::description::{Authentication, Description};
use crate::egress::Egress;
use crate::failure::Failure;
use crate::secrets::Secrets;
use crate::tenant::Tenant;
use crate::transport::{Authorization, Transport};

/// Who signs requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signing {
    /// The guest: it is given the secret.
    #[default]
    Guest,
    /// The host: the secret is replaced by `{"held_by_host": true}` in what the guest is given, so that it is
    /// nowhere in the guest's memory.
    Host,
}

/// What the operator decides about a connection.
#[derive(Debug, Clone, Default)]
pub struct ConnectionOptions {
    /// Who signs.
    pub signing: Signing,
    /// What may be reached beyond the public internet.
    pub network: NetworkPolicy,
    /// Whose connection it is: all calls of a tenant share its limits. Each connection is a tenant of its own
    /// unless told otherwise.
    pub tenant: Option<Tenant>,
}

/// A configuration and a client for it, which the calls of this tenant share.
#[derive(Clone)]
pub struct TenantConnection {
    config: Arc<String>,
    transport: Arc<Transport>,
    secrets: Secrets,
    tenant: Tenant,
}

impl fmt::Debug for TenantConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TenantConnection")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl TenantConnection {
    /// A connection of this connector. A configuration that cannot be read is the guest's to complain about; it
    /// leads nowhere.
    ///
    /// # Errors
    ///
    /// The host shall sign and has no secret to sign with: `invalid_config`, naming the field.
    pub(crate) fn new(
        description: &Description,
        ticker: &EpochTicker,
        config: &str,
        options: ConnectionOptions,
    ) -> Result<Self, Failure> {
        let mut fields: Map<String, Value> = serde_json::from_str(config).unwrap_or_default();
        let secrets = Secrets::of(description, &fields);
        let configured_url = fields
            .get(&description.base_url_field)
            .and_then(Value::as_str);
        let configured_url = configured_url.unwrap_or_default();
        let egress = Egress::for_connector(description, configured_url, options.network);
        let held = description
            .authentication
            .iter()
            .filter_map(Authentication::secret_field);
        let mut held = held.filter(|field| is_held_by_host(fields.get(*field)));
        let signing = held.next().map_or(options.signing, |_| Signing::Host);
        let (config, authorization) = match signing {
            Signing::Guest => (config.to_owned(), None),
            Signing::Host => {
                let authorization = authorize(description, &fields)?;
                hold_secrets(description, &mut fields);
                (Value::Object(fields).to_string(), authorization)
            }
        };
        let authorization = authorization.map(|header| Authorization {
            header,
            secrets: secrets.clone(),
        });
        let tenant = options.tenant.unwrap_or_default();
        let tasks = ticker.connection_tasks(&tenant);
        Ok(Self {
            config: Arc::new(config),
            transport: Arc::new(Transport::of_tenant(egress, authorization, tasks)),
            secrets,
            tenant,
        })
    }

    /// What the guest is given.
    pub(crate) fn config(&self) -> &String {
        &self.config
    }

    /// What must not be shown, whoever says it.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What is wrong between this host and the service, in words for a person.
    pub(crate) fn fault(&self) -> Option<String> {
        self.transport.fault()
    }

    pub(crate) fn transport(&self) -> Arc<Transport> {
        Arc::clone(&self.transport)
    }
}

fn is_held_by_host(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("held_by_host")) == Some(&Value::Bool(true))
}

/// The `Authorization` header of the first way whose fields are configured.
fn authorize(
    description: &Description,
    fields: &Map<String, Value>,
) -> Result<Option<HeaderValue>, Failure> {
    let text = |field: &str| {
        let text = fields.get(field).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty())
    };
    let ways = &description.authentication;
    let configured = ways
        .iter()
        .filter(|way| **way != Authentication::None)
        .find(|way| way.fields().all(|field| text(field).is_some()));
    let value = match configured {
        Some(Authentication::Basic { username, secret }) => {
            let pair = [username, secret].map(|field| text(field).unwrap_or_default());
            format!("Basic {}", STANDARD.encode(pair.join(":")))
        }
        Some(Authentication::Bearer { secret }) => {
            format!("Bearer {}", text(secret).unwrap_or_default())
        }
        _ if ways.is_empty() || ways.contains(&Authentication::None) => return Ok(None),
        _ => return Err(missing(ways, &text)),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        let secret = configured
            .and_then(Authentication::secret_field)
            .unwrap_or_default();
        let message =
            format!("{secret} holds a character that cannot be sent in a header; paste it anew");
        Failure::new(FailureKind::InvalidConfig, message)
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Names the fields that are missing for the way that is nearest.
fn missing<'a>(ways: &[Authentication], text: &dyn Fn(&str) -> Option<&'a str>) -> Failure {
    let absent = |way: &Authentication| {
        let absent = way.fields().filter(|field| text(field).is_none());
        absent.map(str::to_owned).collect::<Vec<_>>()
    };
    let nearest = ways
        .iter()
        .map(absent)
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let message = format!(
        "{} is missing: this host signs the requests and needs it",
        nearest.join(", ")
    );
    Failure::new(FailureKind::InvalidConfig, message)
}

/// Takes every secret out of what the guest is given.
fn hold_secrets(description: &Description, fields: &mut Map<String, Value>) {
    for field in &description.secret_fields {
        if let Some(value) = fields.get_mut(field) {
            *value = json!({ "held_by_host": true });
        }
    }
}
