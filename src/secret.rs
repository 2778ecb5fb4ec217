//! Credentials that no message, log or debug output can show.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text;

/// Bytes of the shortest token that is searched for, as the host does: no service issues one so short, and a word such
/// as "wrong" would be cut out of the very message that says what is wrong.
const SHORTEST: usize = 6;

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
        let text = text::replace(text, pair, "…");
        if self.token.len() < SHORTEST {
            return text;
        }
        text::replace(&text, &self.token, "…")
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
        let credentials = Credentials::basic("a@b.c", "tokens");
        assert_eq!(credentials.expose(), "Basic YUBiLmM6dG9rZW5z");
        assert_eq!(format!("{credentials:?}"), "Credentials(…)");
        assert_eq!(credentials.redact("a tokens, YUBiLmM6dG9rZW5z"), "a …, …");
    }

    #[test]
    fn a_word_that_no_service_issues_is_not_cut_out_of_a_message() {
        let credentials = Credentials::basic("a@b.c", "wrong");
        let message = "the token is wrong: YUBiLmM6d3Jvbmc=";
        assert_eq!(credentials.redact(message), "the token is wrong: …");
    }
}
