//! The `Authorization` header of requests that the host signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Map, Value};

use crate::contract::FailureKind;
use crate::description::{Authentication, Description};
use crate::failure::Failure;

/// The field of a configuration that names the way to authenticate, where a connector has it.
const CHOICE: &str = "authentication";

type Fields = Map<String, Value>;

/// The header of the way that the configuration names, else of the first way whose fields are configured.
///
/// # Errors
///
/// A field is missing, or cannot be sent: `invalid_config`, naming it.
pub(super) fn authorize(
    description: &Description,
    fields: &Fields,
) -> Result<Option<HeaderValue>, Failure> {
    let ways = candidates(&description.authentication, fields);
    let configured = ways
        .iter()
        .filter(|way| ***way != Authentication::None)
        .find(|way| way.fields().all(|field| text(fields, field).is_some()));
    let Some(way) = configured else {
        if ways.is_empty() || ways.contains(&&Authentication::None) {
            return Ok(None);
        }
        return Err(missing(&ways, fields));
    };
    header(way, fields).map(Some)
}

/// The ways that the configuration leaves: one that it names comes before what else is configured.
fn candidates<'a>(ways: &'a [Authentication], fields: &Fields) -> Vec<&'a Authentication> {
    let chosen = fields.get(CHOICE).and_then(Value::as_str);
    let named = ways.iter().filter(|way| Some(way.name()) == chosen);
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        ways.iter().collect()
    } else {
        named
    }
}

fn header(way: &Authentication, fields: &Fields) -> Result<HeaderValue, Failure> {
    let value = |field| text(fields, field).unwrap_or_default();
    let header = match way {
        Authentication::None => String::new(),
        Authentication::Basic { username, secret } => {
            let pair = format!("{}:{}", value(username), value(secret));
            format!("Basic {}", STANDARD.encode(pair))
        }
        Authentication::Bearer { secret } => format!("Bearer {}", value(secret)),
    };
    let mut header = HeaderValue::from_str(&header).map_err(|_| {
        let secret = way.secret_field().unwrap_or_default();
        let message =
            format!("{secret} holds a character that cannot be sent in a header; paste it anew");
        Failure::new(FailureKind::InvalidConfig, message)
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The text of a field, if it is filled in.
pub(super) fn text<'a>(fields: &'a Fields, field: &str) -> Option<&'a str> {
    let text = fields.get(field)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// Names the fields that are missing for the way that is nearest.
fn missing(ways: &[&Authentication], fields: &Fields) -> Failure {
    let absent = |way: &&Authentication| {
        let absent = way.fields().filter(|field| text(fields, field).is_none());
        absent.map(str::to_owned).collect::<Vec<_>>()
    };
    let nearest = ways.iter().map(absent).min_by_key(Vec::len);
    let message = format!(
        "{} is missing: this host signs the requests and needs it",
        nearest.unwrap_or_default().join(", ")
    );
    Failure::new(FailureKind::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn basic() -> Authentication {
        Authentication::Basic {
            username: "user".to_owned(),
            secret: "key".to_owned(),
        }
    }

    fn bearer() -> Authentication {
        Authentication::Bearer {
            secret: "key".to_owned(),
        }
    }

    /// The header, or the message of the failure.
    fn signed(ways: &[Authentication], config: Value) -> Result<Option<String>, String> {
        let description = Description {
            authentication: ways.to_vec(),
            ..Description::default()
        };
        let Value::Object(fields) = config else {
            return Err("not an object".to_owned());
        };
        let header = authorize(&description, &fields).map_err(|failure| failure.message)?;
        Ok(header.map(|header| header.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_way_that_is_named_wins_and_else_the_first_that_is_configured() {
        let both = [basic(), bearer()];
        let (pair, token) = ("Basic dTprZXktMQ==", "Bearer key-1");
        for (config, header, why) in [
            (json!({"user": "u", "key": "key-1"}), pair, "the first"),
            (json!({"key": "key-1"}), token, "the first that is complete"),
            (
                json!({"authentication": "bearer", "user": "u", "key": "key-1"}),
                token,
                "named, though a user is set",
            ),
            (
                json!({"authentication": "basic", "user": " u ", "key": " key-1 "}),
                pair,
                "named, and blanks are cut off",
            ),
            (
                json!({"authentication": "mutual", "user": "u", "key": "key-1"}),
                pair,
                "named is none of the connector's",
            ),
        ] {
            assert_eq!(signed(&both, config), Ok(Some(header.to_owned())), "{why}");
        }
    }

    #[test]
    fn what_is_missing_is_named_for_the_way_that_is_meant() {
        let both = [basic(), bearer()];
        for (config, said) in [
            (json!({"user": "u"}), "key is missing"),
            (
                json!({"authentication": "bearer", "user": "u"}),
                "key is missing",
            ),
            (
                json!({"authentication": "basic", "key": "key-1"}),
                "user is missing",
            ),
            (
                json!({"authentication": "basic", "key": " "}),
                "user, key is missing",
            ),
            (json!({"key": "a\nb"}), "key holds a character"),
        ] {
            let message = signed(&both, config).unwrap_err();
            assert!(message.starts_with(said), "{message}");
        }
    }

    #[test]
    fn a_connector_without_authentication_is_not_signed_for() {
        let optional = [Authentication::None, bearer()];
        assert_eq!(signed(&[], json!({"key": "key-1"})), Ok(None));
        assert_eq!(signed(&optional, json!({})), Ok(None));
        let unsigned = json!({"authentication": "none", "key": "key-1"});
        assert_eq!(signed(&optional, unsigned), Ok(None));
        let token = Ok(Some("Bearer key-1".to_owned()));
        assert_eq!(signed(&optional, json!({"key": "key-1"})), token);
    }
}
