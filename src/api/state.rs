//! `GET /wiki/rest/api/content/{id}/state`: the content state of a page, such as "Ready for review".

use serde::{Deserialize, Serialize};

/// The state as the service sends it: `{}` where none was ever set, only `lastUpdated` where it was removed
/// (measured 2026-09-18, markfluence `docs/confluence/page-status.md`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentState {
    content_state: Option<NamedState>,
    last_updated: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedState {
    name: Option<String>,
    color: Option<String>,
}

/// A row of the stream `page_content_states`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl ContentState {
    /// The row of the page `page_id`. A page without a state has a row too, so that a removed state goes.
    #[must_use]
    pub fn into_row(self, page_id: &str) -> StateRow {
        let (name, color) = self
            .content_state
            .map_or((None, None), |state| (state.name, state.color));
        StateRow {
            page_id: page_id.to_owned(),
            content_state_name: name,
            content_state_color: color,
            updated_at: self.last_updated,
        }
    }
}
