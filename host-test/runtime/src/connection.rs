//! One tenant's configuration, the requests it may send, and the secret that the guest need not see.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::address::NetworkPolicy;
use crate::cpu_scheduler::{ConnectionTasks, EpochTicker};
use crate::description::{Authentication, Description};
use crate::egress::Egress;
use crate::failure::Failure;
use crate::request_permits::{RequestPermit, RequestPermits};
use crate::secrets::Secrets;
use crate::tenant::Tenant;
use crate::transport::{Authorization, ClientCredentials, Credentials, NetworkFault, Transport};

mod authorize;
mod oauth_client;

use authorize::authorize;

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
    /// How many of its requests may be in flight, if the operator decides that. More of them wait; the limits of a call
    /// refuse them.
    pub request_permits: Option<RequestPermits>,
}

/// A configuration and a client for it, which the calls of this tenant share.
#[derive(Clone)]
pub struct TenantConnection {
    config: Arc<String>,
    transport: Arc<Transport>,
    secrets: Secrets,
    tenant: Tenant,
    request_permits: Option<RequestPermits>,
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
    /// The credentials of an OAuth client cannot be used: `invalid_config`, naming what is wrong with them.
    pub(crate) fn new(
        description: &Description,
        ticker: &EpochTicker,
        config: &str,
        options: ConnectionOptions,
    ) -> Result<Self, Failure> {
        let mut fields: Map<String, Value> = serde_json::from_str(config).unwrap_or_default();
        let secrets = Secrets::of(description, &fields);
        let tenant = options.tenant.clone().unwrap_or_default();
        let tasks = ticker.connection_tasks(&tenant);
        let credentials = credentials(description, &fields, &options, &secrets, &tasks)?;
        let (config, credentials) = match credentials {
            SignedBy::Guest => (config.to_owned(), None),
            SignedBy::Host(credentials) => {
                hold_secrets(description, &mut fields);
                (Value::Object(fields.clone()).to_string(), credentials)
            }
        };
        let configured_url = fields.get(&description.base_url_field);
        let configured_url = configured_url.and_then(Value::as_str).unwrap_or_default();
        let egress = Egress::for_connector(description, configured_url, options.network);
        let authorization = credentials.map(|credentials| Authorization {
            credentials,
            secrets: secrets.clone(),
        });
        Ok(Self {
            config: Arc::new(config),
            transport: Arc::new(Transport::of_tenant(egress, authorization, tasks)),
            secrets,
            tenant,
            request_permits: options.request_permits,
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

    /// Waits until one more request may be sent, if the operator permits only some at once.
    pub(crate) async fn permit_request(&self) -> Option<RequestPermit> {
        match &self.request_permits {
            Some(permits) => Some(permits.acquire().await),
            None => None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// A call begins.
    pub(crate) fn forget_fault(&self) {
        self.transport.forget_fault();
    }

    /// What is wrong between this host and the service, in words for a person.
    pub(crate) fn fault(&self) -> Option<NetworkFault> {
        self.transport.fault()
    }

    pub(crate) fn transport(&self) -> Arc<Transport> {
        Arc::clone(&self.transport)
    }
}

/// Who signs, and with what.
enum SignedBy {
    Guest,
    /// With nothing where the connector has no authentication.
    Host(Option<Credentials>),
}

/// An OAuth client is for the host alone; else the operator decides, or a configuration that says who holds the secret.
fn credentials(
    description: &Description,
    fields: &Map<String, Value>,
    options: &ConnectionOptions,
    secrets: &Secrets,
    tasks: &ConnectionTasks,
) -> Result<SignedBy, Failure> {
    if let Some(client) = oauth_client::configured(description, fields, &options.network)? {
        let transport = Transport::of_tenant(client.egress.clone(), None, tasks.clone());
        let credentials = ClientCredentials::new(client, transport, secrets.clone());
        let credentials = Credentials::Client(Box::new(credentials));
        return Ok(SignedBy::Host(Some(credentials)));
    }
    let ways = description.authentication.iter();
    let mut held = ways.filter_map(Authentication::secret_field);
    let is_held = held.any(|field| is_held_by_host(fields.get(field)));
    if options.signing == Signing::Guest && !is_held {
        return Ok(SignedBy::Guest);
    }
    let header = authorize(description, fields)?;
    Ok(SignedBy::Host(header.map(Credentials::Header)))
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
