//! `GET /wiki/rest/api/analytics/content/{id}/views`: how often a page was viewed.

use serde::Serialize;

use crate::error::Result;
use crate::fields::Fields;

/// A row of the stream `page_views`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct ViewRow {
    pub page_id: String,
    pub views_count: Option<i64>,
}

impl ViewRow {
    /// Reads the count of the page `page_id`; without an answer it is null, never 0.
    ///
    /// # Errors
    ///
    /// A field is of another type.
    pub fn read(views: Option<Fields>, page_id: &str) -> Result<Self> {
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
