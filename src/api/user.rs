//! `POST /wiki/api/v2/users-bulk`: up to 250 users by account id.

use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// Account ids per request (`maxItems` of the OpenAPI).
pub const BATCH: usize = 250;

/// The body that asks for these accounts. Those that the service doesn't know are left out of its answer without
/// a word.
#[must_use]
pub fn lookup(account_ids: &[String]) -> Vec<u8> {
    let ids = account_ids.iter().map(String::as_str);
    let body = Object::default().texts("accountIds", ids).end();
    body.into_bytes()
}

/// A row of the stream `users`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

impl ToJson for UserRow {
    fn to_json(&self) -> String {
        Object::with("source_id", &self.source_id)
            .text("name", self.name.as_deref())
            .text("email", self.email.as_deref())
            .text("account_type", self.account_type.as_deref())
            .text("account_status", self.account_status.as_deref())
            .end()
    }
}

impl UserRow {
    /// Reads a user. An empty e-mail is one that the user's profile hides.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut user: Fields<'_>) -> Result<Self> {
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
