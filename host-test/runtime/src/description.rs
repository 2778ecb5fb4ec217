//! What a host has to know of a connector: what `describe` says, parsed and checked once, at registration.

use serde_json::{Map, Value};

use crate::contract::types;
use crate::gate::parse_object;
use crate::printable::printable_within;
use crate::request_pattern::RequestPattern;
use crate::stream::ContractViolation;
use crate::url_template::{BaseUrl, BaseUrlTemplate};

/// Bytes of the configuration's schema at most.
const MAX_SCHEMA: usize = 256 << 10;
/// Templates, patterns and ways to authenticate at most.
const MAX_ITEMS: usize = 200;
/// Bytes of a name or a version; what is longer is cut off.
const MAX_TEXT: usize = 200;

/// A connector, as it describes itself.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// For a person.
    pub name: String,
    /// For a person.
    pub version: String,
    /// JSON Schema (draft-07) of the configuration.
    pub config_schema: Value,
    /// The fields of the configuration that are secret: `"writeOnly": true`.
    pub secret_fields: Vec<String>,
    /// The field of the configuration that holds the base URL.
    pub base_url_field: String,
    /// Where the base URL may lead.
    pub base_urls: Vec<BaseUrlTemplate>,
    /// All requests that the connector will ever send.
    pub requests: Vec<RequestPattern>,
    /// How it authenticates, in the order of preference.
    pub authentication: Vec<Authentication>,
    /// The field of the configuration that holds the credentials of an OAuth client, for the host alone.
    pub oauth_client: Option<String>,
    /// What else it says.
    pub details: Map<String, Value>,
}

/// How a connector authenticates; the texts name fields of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// HTTP Basic.
    Basic {
        /// Holds the user.
        username: String,
        /// Holds the secret.
        secret: String,
    },
    /// A bearer token.
    Bearer {
        /// Holds the token.
        secret: String,
    },
}

impl Authentication {
    /// As the contract, and a configuration that chooses, names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic { .. } => "basic",
            Self::Bearer { .. } => "bearer",
        }
    }

    /// The field that holds the secret.
    #[must_use]
    pub fn secret_field(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Basic { secret, .. } | Self::Bearer { secret } => Some(secret),
        }
    }

    /// The fields that have to be configured for it.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        let username = match self {
            Self::Basic { username, .. } => Some(username.as_str()),
            _ => None,
        };
        username.into_iter().chain(self.secret_field())
    }
}

impl Description {
    /// What of a configured base URL names a site: the origin, and no more of its path than a template has. None if the
    /// connector sends nothing there.
    #[must_use]
    pub fn site(&self, base_url: &str) -> Option<String> {
        let base = BaseUrl::parse(base_url, &self.base_urls)?;
        Some(base.to_string())
    }

    /// Parses and checks what a connector says of itself.
    pub(crate) fn parse(described: types::Description) -> Result<Self, ContractViolation> {
        let violation = |what: &str| ContractViolation(what.to_owned());
        if described.config_schema.len() > MAX_SCHEMA {
            return Err(violation("config-schema takes more than 256 KiB"));
        }
        let items = [
            described.base_urls.len(),
            described.requests.len(),
            described.authentication.len(),
        ];
        if items.into_iter().any(|count| count > MAX_ITEMS) {
            return Err(violation("describe lists more than 200 items"));
        }
        let config_schema: Value = serde_json::from_str(&described.config_schema)
            .map_err(|_| violation("config-schema is not JSON"))?;
        let properties = config_schema.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or_else(|| violation("config-schema has no properties"))?;
        let authentication: Vec<Authentication> = described
            .authentication
            .into_iter()
            .map(Into::into)
            .collect();
        let named = authentication.iter().flat_map(Authentication::fields);
        let details = details(described.details.as_deref());
        let oauth_client = details.get("oauth_client").and_then(Value::as_str);
        let oauth_client = oauth_client.map(str::to_owned);
        let named = named.chain([described.base_url_field.as_str()]);
        let named = named.chain(oauth_client.as_deref());
        if !named.into_iter().all(|name| properties.contains_key(name)) {
            let message =
                "describe names a field of the configuration that config-schema does not have";
            return Err(violation(message));
        }
        let mut secret_fields = secret_fields(properties, &authentication);
        secret_fields.extend(oauth_client.clone());
        secret_fields.sort();
        secret_fields.dedup();
        Ok(Self {
            name: printable_within(&described.name, MAX_TEXT),
            version: printable_within(&described.version, MAX_TEXT),
            secret_fields,
            base_url_field: described.base_url_field,
            base_urls: parse_all(&described.base_urls, |text| BaseUrlTemplate::parse(text))?,
            requests: parse_all(&described.requests, |pattern| {
                RequestPattern::parse(&pattern.method, &pattern.path)
            })?,
            authentication,
            oauth_client,
            details,
            config_schema,
        })
    }
}

/// Secret is what the schema says, and what authentication uses as a secret, whatever the schema says.
fn secret_fields(
    properties: &Map<String, Value>,
    authentication: &[Authentication],
) -> Vec<String> {
    let declared = properties
        .iter()
        .filter(|(_, property)| holds_secret(property))
        .map(|(name, _)| name.as_str());
    let used = authentication
        .iter()
        .filter_map(Authentication::secret_field);
    declared.chain(used).map(str::to_owned).collect()
}

/// Whether a property is `writeOnly`, or any property of it.
pub(crate) fn holds_secret(property: &Value) -> bool {
    match property {
        Value::Object(object) => is_write_only(property) || object.values().any(holds_secret),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

/// Whether a property as a whole is secret.
pub(crate) fn is_write_only(property: &Value) -> bool {
    property.get("writeOnly") == Some(&Value::Bool(true))
}

fn parse_all<T, P>(
    items: &[T],
    parse: impl Fn(&T) -> Result<P, ContractViolation>,
) -> Result<Vec<P>, ContractViolation> {
    items.iter().map(parse).collect()
}

fn details(json: Option<&str>) -> Map<String, Value> {
    json.and_then(parse_object).unwrap_or_default()
}

impl From<types::Authentication> for Authentication {
    fn from(authentication: types::Authentication) -> Self {
        match authentication {
            types::Authentication::None => Self::None,
            types::Authentication::Basic(types::Basic { username, secret }) => {
                Self::Basic { username, secret }
            }
            types::Authentication::Bearer(secret) => Self::Bearer { secret },
        }
    }
}
