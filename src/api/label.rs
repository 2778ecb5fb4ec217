//! `GET /wiki/api/v2/pages/{id}/labels`: one label of a page.

use serde::Serialize;

use crate::error::Result;
use crate::fields::Fields;

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

impl LabelRow {
    /// Reads a label of the page `page_id`.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut label: Fields, page_id: &str) -> Result<Self> {
        Ok(Self {
            source_id: label.key("id")?,
            page_id: page_id.to_owned(),
            name: label.text("name")?,
            prefix: label.text("prefix")?,
        })
    }
}
