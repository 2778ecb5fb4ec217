//! `GET /wiki/api/v2/spaces`: one space.

use serde::{Deserialize, Serialize};

use super::{WebLinks, id, optional_id, or_default};

/// A space as the service sends it (`SpaceBulk`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "`type` is a keyword")]
pub struct Space {
    #[serde(deserialize_with = "id")]
    id: String,
    key: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    space_type: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    author_id: Option<String>,
    created_at: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    homepage_id: Option<String>,
    current_active_alias: Option<String>,
    #[serde(default, rename = "_links", deserialize_with = "or_default")]
    links: WebLinks,
}

/// A row of the stream `spaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct SpaceRow {
    pub source_id: String,
    pub external_key: Option<String>,
    pub name: Option<String>,
    pub space_type: Option<String>,
    pub status: Option<String>,
    pub author_id: Option<String>,
    pub source_url: Option<String>,
    pub created_at: Option<String>,
    pub homepage_id: Option<String>,
    #[serde(skip)]
    pub alias: Option<String>,
}

impl Space {
    /// The row, with an address below `base`.
    #[must_use]
    pub fn into_row(self, base: Option<&str>) -> SpaceRow {
        SpaceRow {
            source_url: self.links.source_url(base),
            source_id: self.id,
            external_key: self.key,
            name: self.name,
            space_type: self.space_type,
            status: self.status,
            author_id: self.author_id,
            created_at: self.created_at,
            homepage_id: self.homepage_id,
            alias: self.current_active_alias,
        }
    }
}

impl SpaceRow {
    /// Whether `key` names this space; keys are unique whatever their case.
    #[must_use]
    pub fn is_called(&self, key: &str) -> bool {
        [&self.external_key, &self.alias]
            .into_iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(key))
    }
}
