//! `GET /wiki/api/v2/pages/{id}/versions`: one version of a page.

use serde::{Deserialize, Serialize};

use super::optional_id;

/// A version as the service sends it. It has no id: its key is the page and its number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    number: i64,
    message: Option<String>,
    minor_edit: Option<bool>,
    created_at: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    author_id: Option<String>,
}

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

impl Version {
    /// The row of the page `page_id`.
    #[must_use]
    pub fn into_row(self, page_id: &str) -> VersionRow {
        VersionRow {
            page_id: page_id.to_owned(),
            number: self.number,
            message: self.message,
            author_id: self.author_id,
            minor_edit: self.minor_edit,
            created_at: self.created_at,
        }
    }
}
