//! Credentials that no message, log or debug output can show.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text;

/// A token and the header that is made of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    token: String,
    header: String,
}

impl Credentials {
    /// For Basic authentication (RFC 7617).
    #[must_use]
    pub fn basic(username: &str, token: &str) -> Self {
        let pair = STANDARD.encode(format!("{username}:{token}"));
        Self {
            token: token.to_owned(),
            header: format!("Basic {pair}"),
        }
    }

    /// For a bearer token (RFC 6750).
    #[must_use]
    pub fn bearer(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            header: format!("Bearer {token}"),
        }
    }

    /// The value of the `Authorization` header, for the wire alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.header
    }

    /// `text` without the secret, should the other side have sent it back.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let pair = self.header.strip_prefix("Basic ").unwrap_or(&self.header);
        text::replace(&text::replace(text, &self.token, "…"), pair, "…")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_basic_on_the_wire_and_hidden_elsewhere() {
        let credentials = Credentials::basic("a@b.c", "token");
        assert_eq!(credentials.expose(), "Basic YUBiLmM6dG9rZW4=");
        assert_eq!(format!("{credentials:?}"), "Credentials(…)");
        assert_eq!(credentials.redact("a token, YUBiLmM6dG9rZW4="), "a …, …");
    }
}
