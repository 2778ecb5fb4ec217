//! `GET /wiki/api/v2/pages/{id}/labels`: one label of a page.

use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// A row of the stream `page_labels`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

impl ToJson for LabelRow {
    fn to_json(&self) -> String {
        Object::with("source_id", &self.source_id)
            .text("page_id", Some(&self.page_id))
            .text("name", self.name.as_deref())
            .text("prefix", self.prefix.as_deref())
            .end()
    }
}

impl LabelRow {
    /// Reads a label of the page `page_id`.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut label: Fields<'_>, page_id: &str) -> Result<Self> {
        Ok(Self {
            source_id: label.key("id")?,
            page_id: page_id.to_owned(),
            name: label.text("name")?,
            prefix: label.text("prefix")?,
        })
    }
}
