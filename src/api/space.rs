//! `GET /wiki/api/v2/spaces`: one space.

use super::source_url;
use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};

/// A row of the stream `spaces`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

impl ToJson for SpaceRow {
    fn to_json(&self) -> String {
        Object::with("source_id", &self.source_id)
            .text("external_key", self.external_key.as_deref())
            .text("name", self.name.as_deref())
            .text("space_type", self.space_type.as_deref())
            .text("status", self.status.as_deref())
            .text("author_id", self.author_id.as_deref())
            .text("source_url", self.source_url.as_deref())
            .text("created_at", self.created_at.as_deref())
            .text("homepage_id", self.homepage_id.as_deref())
            .end()
    }
}

impl SpaceRow {
    /// Reads a space (`SpaceBulk`), with an address below `base`.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut space: Fields<'_>, base: Option<&str>) -> Result<Self> {
        Ok(Self {
            source_id: space.key("id")?,
            external_key: space.text("key")?,
            name: space.text("name")?,
            space_type: space.text("type")?,
            status: space.text("status")?,
            author_id: space.id("authorId")?,
            source_url: source_url(&mut space, base)?,
            created_at: space.text("createdAt")?,
            homepage_id: space.id("homepageId")?,
            alias: space.text("currentActiveAlias")?,
        })
    }

    /// Whether `key` names this space; keys are unique whatever their case.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        [&self.external_key, &self.alias]
            .into_iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(key))
    }
}
