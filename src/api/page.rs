//! `GET /wiki/api/v2/pages`: one page, without its body.

use serde::{Deserialize, Serialize};

use super::{WebLinks, id, optional_id, or_default};
use crate::timestamp::Timestamp;

/// A page as the service sends it (`PageBulk`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    #[serde(deserialize_with = "id")]
    id: String,
    status: Option<String>,
    title: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    space_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    parent_id: Option<String>,
    parent_type: Option<String>,
    position: Option<i64>,
    #[serde(default, deserialize_with = "optional_id")]
    author_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    owner_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    last_owner_id: Option<String>,
    subtype: Option<String>,
    created_at: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    version: LastVersion,
    #[serde(default, rename = "_links", deserialize_with = "or_default")]
    links: WebLinks,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastVersion {
    created_at: Option<String>,
    number: Option<i64>,
    #[serde(default, deserialize_with = "optional_id")]
    author_id: Option<String>,
}

/// A row of the stream `pages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the columns are described in the catalogue of streams"
)]
pub struct PageRow {
    pub source_id: String,
    pub title: Option<String>,
    pub position: Option<i64>,
    pub status: Option<String>,
    pub space_id: Option<String>,
    pub parent_id: Option<String>,
    pub parent_type: Option<String>,
    pub subtype: Option<String>,
    pub author_id: Option<String>,
    pub owner_id: Option<String>,
    pub last_owner_id: Option<String>,
    pub source_url: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
    pub version_number: Option<i64>,
    /// Who wrote the last version: not a column, but an account that was met.
    #[serde(skip)]
    pub last_author_id: Option<String>,
}

impl Page {
    /// The row, with an address below `base`.
    #[must_use]
    pub fn into_row(self, base: Option<&str>) -> PageRow {
        PageRow {
            source_url: self.links.source_url(base),
            source_id: self.id,
            title: self.title,
            position: self.position,
            status: self.status,
            space_id: self.space_id,
            parent_id: self.parent_id,
            parent_type: self.parent_type,
            subtype: self.subtype,
            author_id: self.author_id,
            owner_id: self.owner_id,
            last_owner_id: self.last_owner_id,
            created_at: self.created_at,
            updated_at: self.version.created_at,
            version_number: self.version.number,
            last_author_id: self.version.author_id,
        }
    }
}

impl PageRow {
    /// When the last version was made, where the service says so in words that can be read.
    #[must_use]
    pub fn modified(&self) -> Option<Timestamp> {
        Timestamp::parse(self.updated_at.as_deref()?)
    }

    /// Whether it was put away: archived, or in the trash.
    #[must_use]
    pub fn is_put_away(&self) -> bool {
        matches!(self.status.as_deref(), Some("archived" | "trashed"))
    }

    /// Whether its details are read: of current and archived pages.
    #[must_use]
    pub fn has_details(&self) -> bool {
        !matches!(self.status.as_deref(), Some("trashed" | "deleted"))
    }

    /// The accounts that it names.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        [
            &self.author_id,
            &self.owner_id,
            &self.last_owner_id,
            &self.last_author_id,
        ]
        .into_iter()
        .filter_map(|id| id.as_deref())
    }
}
