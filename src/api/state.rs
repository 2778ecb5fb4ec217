//! `GET /wiki/rest/api/content/{id}/state`: the content state of a page, such as "Ready for review".

use super::Endpoint;
use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// A row of the stream `page_content_states`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct StateRow {
    pub page_id: String,
    pub content_state_name: Option<String>,
    pub content_state_color: Option<String>,
    pub updated_at: Option<String>,
}

impl ToJson for StateRow {
    fn to_json(&self) -> String {
        Object::with("page_id", &self.page_id)
            .text("content_state_name", self.content_state_name.as_deref())
            .text("content_state_color", self.content_state_color.as_deref())
            .text("updated_at", self.updated_at.as_deref())
            .end()
    }
}

impl StateRow {
    /// The state in an answer. "Null or content state", says the OpenAPI; an empty body is the same as null.
    ///
    /// # Errors
    ///
    /// It is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Option<Fields<'_>>> {
        match body.trim_ascii() {
            b"" | b"null" => Ok(None),
            body => Fields::parse(Endpoint::States, body).map(Some),
        }
    }

    /// Reads the state of the page `page_id`. The service sends `{}` where none was ever set, and only
    /// `lastUpdated` where it was removed (measured 2026-09-18, markfluence
    /// `docs/confluence/page-status.md`). Such a page has a row too, so that a removed state goes.
    ///
    /// # Errors
    ///
    /// A field is of another type.
    pub fn read(state: Option<Fields<'_>>, page_id: &str) -> Result<Self> {
        let mut row = Self {
            page_id: page_id.to_owned(),
            content_state_name: None,
            content_state_color: None,
            updated_at: None,
        };
        if let Some(mut state) = state {
            let mut named = state.object("contentState")?;
            row.content_state_name = named.text("name")?;
            row.content_state_color = named.text("color")?;
            row.updated_at = state.text("lastUpdated")?;
        }
        Ok(row)
    }
}

impl StateRow {
    /// The row of a page whose state cannot be had.
    #[must_use]
    pub fn unavailable(page_id: &str) -> Self {
        Self {
            page_id: page_id.to_owned(),
            content_state_name: None,
            content_state_color: None,
            updated_at: None,
        }
    }
}
