//! The secret, or who has it: `api_token` and `oauth`.

use super::reader::FieldReader;
use crate::wire::{Fields, Json, Value};

/// The secret, or who has it.
pub(super) enum Token {
    Given(String),
    /// The host signs the requests.
    HeldByHost,
    /// The host exchanges an OAuth client for tokens, and signs: no account is named.
    OauthClient,
    Unusable,
}

impl Token {
    /// Whether it begins as Atlassian's tokens do, as far as that is known.
    pub(super) fn looks_right(&self) -> bool {
        match self {
            Self::Given(token) => token.starts_with("ATATT3x"),
            Self::HeldByHost | Self::OauthClient | Self::Unusable => true,
        }
    }
}

pub(super) fn read_token(reader: &mut FieldReader<'_>) -> Token {
    let client = read_oauth(reader);
    match reader.take("api_token") {
        Some(Json::Scalar(Value::Text(text))) => return check_token(reader, text.trim_ascii()),
        Some(Json::Object(fields)) if is_held_by_host(&fields) => return Token::HeldByHost,
        None => match client {
            Some(client) => return client,
            None => reader.problem(
                "api_token",
                "is missing: create an API token in your Atlassian account, and write it here or where the host looks for it \
                 (as host-test does: --token-file, CONFLUENCE_API_TOKEN); or let the host sign the requests",
            ),
        },
        Some(_) => reader.problem(
            "api_token",
            r#"must be a text, or {"held_by_host": true} if the host signs the requests"#,
        ),
    }
    Token::Unusable
}

fn is_held_by_host(fields: &Fields<'_>) -> bool {
    fields.0.len() == 1 && fields.get("held_by_host") == Some(&Json::Scalar(Value::Boolean(true)))
}

/// A token goes into a header: visible ASCII characters alone. Zero-width characters come with copying from web pages.
fn check_token(reader: &mut FieldReader<'_>, token: &str) -> Token {
    if token.is_empty() {
        reader.problem("api_token", "is empty");
        return Token::Unusable;
    }
    let odd = |character: char| !character.is_ascii_graphic();
    match token
        .chars()
        .enumerate()
        .find(|&(_, character)| odd(character))
    {
        None => Token::Given(token.to_owned()),
        Some((index, character)) => {
            let what = format!(
                "has a character that no token has (U+{:04X} at place {}): copy the token again",
                u32::from(character),
                index + 1
            );
            reader.problem("api_token", &what);
            Token::Unusable
        }
    }
}

/// Reports a client that is none: what it lacks is for the host to say.
fn read_oauth(reader: &mut FieldReader<'_>) -> Option<Token> {
    let client = reader.take("oauth")?;
    if !matches!(client, Json::Object(_)) {
        let what = "must be an object with client_id and client_secret";
        reader.problem("oauth", what);
    }
    Some(Token::OauthClient)
}
