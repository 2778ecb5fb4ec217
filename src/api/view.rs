//! `GET /wiki/rest/api/analytics/content/{id}/views`: how often a page was viewed.

use serde::{Deserialize, Serialize};

/// The count as the service sends it.
#[derive(Debug, Default, Deserialize)]
pub struct Views {
    count: Option<i64>,
}

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

impl Views {
    /// The row of the page `page_id`. A count that can't be had is null, never 0.
    #[must_use]
    pub fn into_row(self, page_id: &str) -> ViewRow {
        ViewRow {
            page_id: page_id.to_owned(),
            views_count: self.count,
        }
    }
}
