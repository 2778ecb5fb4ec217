//! `GET /wiki/api/v2/pages/{id}/versions`: one version of a page.

use super::Endpoint;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// A row of the stream `page_versions`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct VersionRow {
    pub page_id: String,
    pub number: i64,
    pub message: Option<String>,
    pub author_id: Option<String>,
    pub minor_edit: Option<bool>,
    pub created_at: Option<String>,
}

impl ToJson for VersionRow {
    fn to_json(&self) -> String {
        Object::with("page_id", &self.page_id)
            .integer("number", Some(self.number))
            .text("message", self.message.as_deref())
            .text("author_id", self.author_id.as_deref())
            .boolean("minor_edit", self.minor_edit)
            .text("created_at", self.created_at.as_deref())
            .end()
    }
}

impl VersionRow {
    /// Reads a version of the page `page_id`. It has no id: its key is the page and its number.
    ///
    /// # Errors
    ///
    /// It has no number, or a field of another type.
    pub fn read(mut version: Fields<'_>, page_id: &str) -> Result<Self> {
        let number = version.integer("number")?;
        Ok(Self {
            page_id: page_id.to_owned(),
            number: number.ok_or_else(|| {
                Error::unexpected(Endpoint::Versions, "a version without a number")
            })?,
            message: version.text("message")?,
            author_id: version.id("authorId")?,
            minor_edit: version.boolean("minorEdit")?,
            created_at: version.text("createdAt")?,
        })
    }
}
