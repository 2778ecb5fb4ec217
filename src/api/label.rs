//! `GET /wiki/api/v2/pages/{id}/labels`: one label of a page.

use serde::{Deserialize, Serialize};

use super::id;

/// A label as the service sends it.
#[derive(Debug, Deserialize)]
pub struct Label {
    #[serde(deserialize_with = "id")]
    id: String,
    name: Option<String>,
    prefix: Option<String>,
}

/// A row of the stream `page_labels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct LabelRow {
    pub source_id: String,
    pub page_id: String,
    pub name: Option<String>,
    pub prefix: Option<String>,
}

impl Label {
    /// The row of the page `page_id`.
    #[must_use]
    pub fn into_row(self, page_id: &str) -> LabelRow {
        LabelRow {
            source_id: self.id,
            page_id: page_id.to_owned(),
            name: self.name,
            prefix: self.prefix,
        }
    }
}
