//! `POST /wiki/api/v2/users-bulk`: up to 250 users by account id.

use serde::{Deserialize, Serialize};

use super::id;

/// Account ids per request (`maxItems` of the `OpenAPI`).
pub const BATCH: usize = 250;

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lookup<'a> {
    /// The accounts. Those that the service doesn't know are left out of its answer without a word.
    pub account_ids: &'a [String],
}

/// A user as the service sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[serde(deserialize_with = "id")]
    account_id: String,
    display_name: Option<String>,
    public_name: Option<String>,
    email: Option<String>,
    account_type: Option<String>,
    account_status: Option<String>,
}

/// A row of the stream `users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct UserRow {
    pub source_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub account_type: Option<String>,
    pub account_status: Option<String>,
}

impl User {
    /// The row. An empty e-mail is one that the user's profile hides.
    #[must_use]
    pub fn into_row(self) -> UserRow {
        let shown = |text: &String| !text.is_empty();
        UserRow {
            source_id: self.account_id,
            name: self.display_name.filter(shown).or(self.public_name),
            email: self.email.filter(shown),
            account_type: self.account_type,
            account_status: self.account_status,
        }
    }
}
