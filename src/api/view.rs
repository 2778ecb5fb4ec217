//! `GET /wiki/rest/api/analytics/content/{id}/views`: how often a page was viewed.

use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// A row of the stream `page_views`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct ViewRow {
    pub page_id: String,
    pub views_count: Option<i64>,
}

impl ToJson for ViewRow {
    fn to_json(&self) -> String {
        Object::with("page_id", &self.page_id)
            .integer("views_count", self.views_count)
            .end()
    }
}

impl ViewRow {
    /// Reads the count of the page `page_id`; without an answer it is null, never 0.
    ///
    /// # Errors
    ///
    /// A field is of another type.
    pub fn read(views: Option<Fields<'_>>, page_id: &str) -> Result<Self> {
        let views_count = match views {
            Some(mut views) => views.integer("count")?,
            None => None,
        };
        Ok(Self {
            page_id: page_id.to_owned(),
            views_count,
        })
    }
}

impl ViewRow {
    /// The row of a page whose count cannot be had.
    #[must_use]
    pub fn unavailable(page_id: &str) -> Self {
        Self {
            page_id: page_id.to_owned(),
            views_count: None,
        }
    }
}
