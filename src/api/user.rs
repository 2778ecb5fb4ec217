//! `POST /wiki/api/v2/users-bulk`: up to 250 users by account id.

use serde::Serialize;

use crate::error::Result;
use crate::fields::Fields;

/// Account ids per request (`maxItems` of the OpenAPI).
pub const BATCH: usize = 250;

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lookup<'a> {
    /// The accounts. Those that the service doesn't know are left out of its answer without a word.
    pub account_ids: &'a [String],
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

impl UserRow {
    /// Reads a user. An empty e-mail is one that the user's profile hides.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut user: Fields) -> Result<Self> {
        let shown = |text: &String| !text.is_empty();
        let public_name = user.text("publicName")?;
        Ok(Self {
            source_id: user.key("accountId")?,
            name: user.text("displayName")?.filter(shown).or(public_name),
            email: user.text("email")?.filter(shown),
            account_type: user.text("accountType")?,
            account_status: user.text("accountStatus")?,
        })
    }
}
