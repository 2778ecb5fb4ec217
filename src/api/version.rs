//! `GET /wiki/api/v2/pages/{id}/versions`: one version of a page.

use serde::Serialize;

use super::Endpoint;
use crate::error::{Error, Result};
use crate::fields::Fields;

/// A row of the stream `page_versions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl VersionRow {
    /// Reads a version of the page `page_id`. It has no id: its key is the page and its number.
    ///
    /// # Errors
    ///
    /// It has no number, or a field of another type.
    pub fn read(mut version: Fields, page_id: &str) -> Result<Self> {
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
