//! `GET /wiki/api/v2/pages`: one page, without its body.

use super::source_url;
use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};
use crate::timestamp::Timestamp;

/// A row of the stream `pages`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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
    /// When the last version was made, where the service says so in words that can be read: not a column either.
    #[serde(skip)]
    pub modified: Option<Timestamp>,
}

impl ToJson for PageRow {
    fn to_json(&self) -> String {
        Object::with("source_id", &self.source_id)
            .text("title", self.title.as_deref())
            .integer("position", self.position)
            .text("status", self.status.as_deref())
            .text("space_id", self.space_id.as_deref())
            .text("parent_id", self.parent_id.as_deref())
            .text("parent_type", self.parent_type.as_deref())
            .text("subtype", self.subtype.as_deref())
            .text("author_id", self.author_id.as_deref())
            .text("owner_id", self.owner_id.as_deref())
            .text("last_owner_id", self.last_owner_id.as_deref())
            .text("source_url", self.source_url.as_deref())
            .text("created_at", self.created_at.as_deref())
            .text("updated_at", self.updated_at.as_deref())
            .integer("version_number", self.version_number)
            .end()
    }
}

impl PageRow {
    /// Reads a page (`PageBulk`), with an address below `base`.
    ///
    /// # Errors
    ///
    /// It has no id, or a field of another type.
    pub fn read(mut page: Fields<'_>, base: Option<&str>) -> Result<Self> {
        let mut version = page.object("version")?;
        let updated_at = version.text("createdAt")?;
        Ok(Self {
            source_id: page.key("id")?,
            title: page.text("title")?,
            position: page.integer("position")?,
            status: page.text("status")?,
            space_id: page.id("spaceId")?,
            parent_id: page.id("parentId")?,
            parent_type: page.text("parentType")?,
            subtype: page.text("subtype")?,
            author_id: page.id("authorId")?,
            owner_id: page.id("ownerId")?,
            last_owner_id: page.id("lastOwnerId")?,
            source_url: source_url(&mut page, base)?,
            created_at: page.text("createdAt")?,
            modified: updated_at.as_deref().and_then(Timestamp::parse),
            updated_at,
            version_number: version.integer("number")?,
            last_author_id: version.id("authorId")?,
        })
    }

    /// Whether it was put away: archived, or in the trash.
    #[must_use]
    pub fn is_archived_or_trashed(&self) -> bool {
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
