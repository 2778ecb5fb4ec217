//! `POST /wiki/api/v2/users-bulk`: up to 250 users by account id.

use serde::Serialize;

use super::{Context, ListedRow};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{FieldReader, Value, object};

/// Account ids per request (`maxItems` of the OpenAPI).
pub const MAX_ACCOUNT_IDS: usize = 250;

/// The body of a look-up. Unknown accounts are missing from its answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lookup<'a> {
    account_ids: &'a [String],
}

/// The body that asks for these accounts.
#[must_use]
pub fn lookup_body(account_ids: &[String]) -> Vec<u8> {
    // Texts always serialize.
    serde_json::to_vec(&Lookup { account_ids }).unwrap_or_default()
}

row! {
    /// A row of the stream `users`.
    UserRow {
        source_id: text_key = "Account id",
        name: text = "Display name, or the public one",
        email: text = "E-mail address; null where the profile hides it",
        account_type: text = "atlassian, app or customer",
        account_status: text = "active, inactive or closed",
    }
}

object! {
    /// `User`.
    pub UserWire<'a> {
        account_id: Value<'a> = "accountId",
        display_name: Value<'a> = "displayName",
        public_name: Value<'a> = "publicName",
        email: Value<'a> = "email",
        account_type: Value<'a> = "accountType",
        account_status: Value<'a> = "accountStatus",
    }
}

impl ListedRow for UserRow {
    const ENDPOINT: Endpoint = Endpoint::Users;
    type Wire<'a> = UserWire<'a>;

    /// An empty name or e-mail is one that the user's profile hides.
    fn from_wire(wire: &UserWire<'_>, _: Context<'_>, fields: &mut FieldReader) -> Option<Self> {
        let shown = |text: &String| !text.is_empty();
        let source_id = fields.account_key("source_id", &wire.account_id)?;
        let mut names = FieldReader::default();
        let name = names.text("name", &wire.display_name).filter(shown);
        let name = name.or_else(|| names.text("name", &wire.public_name).filter(shown));
        if name.is_none() {
            // Once, where neither of the two can be read.
            fields.unreadable.extend(names.unreadable.first());
        }
        Some(Self {
            source_id,
            name,
            email: fields.text("email", &wire.email).filter(shown),
            account_type: fields.text("account_type", &wire.account_type),
            account_status: fields.text("account_status", &wire.account_status),
        })
    }

    fn key(&self) -> String {
        self.source_id.clone()
    }
}
