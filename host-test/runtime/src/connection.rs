//! One tenant's configuration, the requests it may send, and the secret that the guest need not see.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

mod authorize;

use authorize::authorize;

/// The field of a configuration that holds the credentials of an OAuth client, where a connector has it. They are for
/// the host alone.
const OAUTH_CLIENT: &str = "oauth";

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
    /// Requests that its calls have sent.
    requests: Arc<AtomicU64>,
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
    /// The configuration has the credentials of an OAuth client, which this host cannot use: `invalid_config`.
    pub(crate) fn new(
        description: &Description,
        ticker: &EpochTicker,
        config: &str,
        options: ConnectionOptions,
    ) -> Result<Self, Failure> {
        let mut fields: Map<String, Value> = serde_json::from_str(config).unwrap_or_default();
        refuse_oauth_client(&fields)?;
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
            requests: Arc::default(),
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

    /// How many requests its calls have sent so far.
    #[must_use]
    pub fn sent_requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
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

/// The guest must not see these credentials, and nothing here exchanges them for a token.
fn refuse_oauth_client(fields: &Map<String, Value>) -> Result<(), Failure> {
    if fields.get(OAUTH_CLIENT).is_none_or(Value::is_null) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::InvalidConfig,
        format!(
            "{OAUTH_CLIENT}: this host cannot exchange the credentials of an OAuth client for a token; remove the \
             field and configure a token"
        ),
    ))
}

fn is_held_by_host(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("held_by_host")) == Some(&Value::Bool(true))
}

/// Takes every secret out of what the guest is given.
fn hold_secrets(description: &Description, fields: &mut Map<String, Value>) {
    for field in &description.secret_fields {
        if let Some(value) = fields.get_mut(field) {
            *value = json!({ "held_by_host": true });
        }
    }
}
