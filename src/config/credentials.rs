//! What the requests are signed with: the token, and the account that it belongs to.

use super::reader::FieldReader;
use super::token::Token;
use crate::secret::Credentials;

pub(super) fn read_credentials(reader: &mut FieldReader<'_>, token: &Token) -> Option<Credentials> {
    let username = reader.text("username").unwrap_or_default();
    let scheme = reader.text("authentication");
    match scheme.as_deref().unwrap_or("basic") {
        "bearer" => match token {
            Token::Given(token) => Some(Credentials::bearer(token)),
            Token::HeldByHost | Token::OauthClient | Token::Unusable => None,
        },
        "basic" => {
            if !matches!(token, Token::OauthClient) {
                check_username(reader, &username);
            }
            match token {
                Token::Given(token) => Some(Credentials::basic(&username, token)),
                Token::HeldByHost | Token::OauthClient | Token::Unusable => None,
            }
        }
        _ => {
            reader.problem("authentication", r#"must be "basic" or "bearer""#);
            None
        }
    }
}

fn check_username(reader: &mut FieldReader<'_>, username: &str) {
    if username.is_empty() {
        let what = "is missing: the e-mail address of the account that the token belongs to";
        reader.problem("username", what);
    } else if username.contains(':') || username.chars().any(is_invisible) {
        reader.problem("username", "must be an e-mail address");
    }
}

/// Copied from a web page, an address may hold what nobody sees.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
