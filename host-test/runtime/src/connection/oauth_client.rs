//! The OAuth client of a configuration (RFC 6749, 4.4), which the host exchanges for access tokens.

use http::{Method, Uri};
use serde_json::{Map, Value};

use super::authorize::text;
use crate::address::NetworkPolicy;
use crate::contract::FailureKind;
use crate::description::{Authentication, Description};
use crate::egress::Egress;
use crate::failure::Failure;
use crate::printable::printable_within;
use crate::transport::OauthClient;

/// What an object of this kind may hold.
const MEMBERS: [&str; 3] = ["client_id", "client_secret", "token_url"];

type Fields = Map<String, Value>;

/// The OAuth client, where the connector has a field for it and the configuration fills it in.
///
/// # Errors
///
/// It is incomplete, or its token URL leads to where this connection may not go: `invalid_config`.
pub(super) fn configured(
    description: &Description,
    fields: &Fields,
    network: &NetworkPolicy,
) -> Result<Option<OauthClient>, Failure> {
    let Some(field) = &description.oauth_client else {
        return Ok(None);
    };
    let Some(value) = fields.get(field).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let members = value.as_object().ok_or_else(|| {
        invalid(format!(
            "{field} must be an object with client_id and client_secret"
        ))
    })?;
    check(description, fields, field, members)?;
    let text = |member| text(members, member).unwrap_or_default();
    let default = format!("/properties/{field}/properties/token_url/default");
    let default = description.config_schema.pointer(&default);
    let default = default.and_then(Value::as_str).unwrap_or_default();
    let token_url = Some(text("token_url")).filter(|url| !url.is_empty());
    let (token_url, egress) = token_endpoint(field, token_url.unwrap_or(default), network)?;
    Ok(Some(OauthClient {
        field: field.clone(),
        id: text("client_id").to_owned(),
        secret: text("client_secret").to_owned(),
        token_url,
        egress,
    }))
}

/// Reports every problem at once.
fn check(
    description: &Description,
    fields: &Fields,
    field: &str,
    members: &Fields,
) -> Result<(), Failure> {
    let unknown = members
        .keys()
        .filter(|name| !MEMBERS.contains(&name.as_str()));
    let unknown = unknown.map(|name| {
        let name = printable_within(name, 40);
        format!("{field}.{name} is not a field of the configuration")
    });
    let missing = ["client_id", "client_secret"]
        .into_iter()
        .filter(|member| text(members, member).is_none());
    let missing = missing.map(|member| format!("{field}.{member} is missing"));
    let ways = description.authentication.iter();
    let tokens = ways.filter_map(Authentication::secret_field);
    let token = tokens
        .filter(|token| text(fields, token).is_some())
        .map(|token| format!("{token} and {field} are both configured; remove one of them"))
        .next();
    let problems: Vec<_> = missing.chain(unknown).chain(token).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(invalid(problems.join("; ")))
    }
}

/// Where the client is exchanged, and the policy that lets the host go there and nowhere else.
fn token_endpoint(
    field: &str,
    url: &str,
    network: &NetworkPolicy,
) -> Result<(Uri, Egress), Failure> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some());
    let egress = Egress::for_origin(url, network.clone());
    let (Some(uri), Some(egress)) = (uri, egress) else {
        return Err(invalid(format!(
            "{field}.token_url is not a URL such as https://auth.example.com/oauth/token"
        )));
    };
    egress
        .check(&Method::POST, &uri)
        .map_err(|denied| invalid(format!("{field}.token_url leads to {denied}")))?;
    Ok((uri, egress))
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::json;

    use super::*;

    fn configured_by(client: &Value) -> Result<Option<OauthClient>, String> {
        let url = json!({ "default": "https://auth.example.com/token" });
        let description = Description {
            config_schema: json!({ "properties": { "client": { "properties": { "token_url": url } } } }),
            authentication: vec![Authentication::Bearer {
                secret: "key".to_owned(),
            }],
            oauth_client: Some("client".to_owned()),
            ..Description::default()
        };
        let key = client.get("key").cloned().unwrap_or_default();
        let config = json!({ "client": client, "key": key });
        let network = NetworkPolicy::default().allow_loopback();
        let found = configured(&description, config.as_object().unwrap(), &network);
        found.map_err(|failure| failure.message)
    }

    #[test]
    fn a_client_is_complete_or_its_problems_are_named() {
        let pair = json!({ "client_id": " id ", "client_secret": "secret" });
        let with = |member: &str, value: &str| {
            let mut client = pair.clone();
            client[member] = value.into();
            client
        };
        let found = configured_by(&pair).unwrap().unwrap();
        assert_eq!((found.id.as_str(), found.secret.as_str()), ("id", "secret"));
        assert_eq!(found.token_url, "https://auth.example.com/token");
        let local = configured_by(&with("token_url", "http://127.0.0.1:7/token"));
        assert_eq!(local.unwrap().unwrap().token_url.port_u16(), Some(7));
        assert!(configured_by(&Value::Null).unwrap().is_none());
        for (client, said) in [
            (
                json!({}),
                "client.client_id is missing; client.client_secret is missing",
            ),
            (json!("id"), "client must be an object"),
            (
                json!({ "client_id": "id", "client_secret": {"held_by_host": true} }),
                "client.client_secret is missing",
            ),
            (with("audience", "x"), "client.audience is not a field"),
            (
                with("token_url", "auth.example.com"),
                "client.token_url is not a URL",
            ),
            (
                with("token_url", "https://me@auth.example.com/"),
                "client.token_url is not a URL",
            ),
            (
                with("token_url", "http://auth.example.com/"),
                "client.token_url leads to a request to auth.example.com without TLS",
            ),
            (
                with("token_url", "https://10.0.0.1/"),
                "client.token_url leads to the address 10.0.0.1",
            ),
        ] {
            let message = configured_by(&client).err().unwrap();
            assert!(message.starts_with(said), "{message}");
        }
    }

    #[test]
    fn a_token_beside_a_client_is_refused() {
        let both = json!({ "client_id": "id", "client_secret": "secret", "key": "token" });
        let message = configured_by(&both).err().unwrap();
        assert!(
            message.contains("key and client are both configured"),
            "{message}"
        );
    }
}
