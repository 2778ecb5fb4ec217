//! `GET /wiki/api/v2/pages`: one page, without its body.

use super::links::{Links, source_url};
use super::{Context, ListedRow};
use crate::endpoint::{Endpoint, PageRef};
use crate::row::row;
use crate::timestamp::Timestamp;
use crate::wire::{FieldReader, Nested, Value, object};

row! {
    /// A row of the stream `pages`.
    PageRow {
        source_id: text_key = "Id of the page",
        title: text = "Title",
        position: integer = "Position among its siblings",
        status: text = "current, archived or trashed",
        space_id: text = "Id of its space",
        parent_id: text = "Id of its parent, which need not be a page",
        parent_type: text = "page, folder, whiteboard, database or embed",
        subtype: text = "live for a live doc",
        author_id: text = "Account id of its creator",
        owner_id: text = "Account id of its owner",
        last_owner_id: text = "Account id of its previous owner",
        source_url: text = "Address for a browser",
        created_at: timestamp = "When it was created, as a draft perhaps",
        updated_at: timestamp = "When its last version was made",
        version_number: integer = "Number of its last version",
    }
    not written {
        /// Account id of the author of the last version.
        last_author_id: Option<String>,
        /// `updated_at` as an instant.
        modified: Option<Timestamp>,
    }
}

object! {
    /// `PageBulk`.
    pub PageWire<'a> {
        id: Value<'a> = "id",
        title: Value<'a> = "title",
        position: Value<'a> = "position",
        status: Value<'a> = "status",
        space_id: Value<'a> = "spaceId",
        parent_id: Value<'a> = "parentId",
        parent_type: Value<'a> = "parentType",
        subtype: Value<'a> = "subtype",
        author_id: Value<'a> = "authorId",
        owner_id: Value<'a> = "ownerId",
        last_owner_id: Value<'a> = "lastOwnerId",
        created_at: Value<'a> = "createdAt",
        version: Nested<LastVersion<'a>> = "version",
        links: Nested<Links<'a>> = "_links",
    }
}

object! {
    /// `PageBulk.version`.
    LastVersion<'a> {
        created_at: Value<'a> = "createdAt",
        number: Value<'a> = "number",
        author_id: Value<'a> = "authorId",
    }
}

/// Stands for a last version that is missing.
const NO_VERSION: LastVersion<'_> = LastVersion {
    created_at: Value::Missing,
    number: Value::Missing,
    author_id: Value::Missing,
};

impl ListedRow for PageRow {
    const ENDPOINT: Endpoint = Endpoint::Pages;
    type Wire<'a> = PageWire<'a>;

    fn from_wire(
        wire: &PageWire<'_>,
        context: Context<'_>,
        fields: &mut FieldReader,
    ) -> Option<Self> {
        let source_id = fields.key_id("source_id", &wire.id)?;
        if wire.version == Nested::Other {
            fields.unreadable.extend(["updated_at", "version_number"]);
        }
        let version = wire.version.object().unwrap_or(&NO_VERSION);
        let updated_at = fields.timestamp("updated_at", &version.created_at);
        Some(Self {
            source_id,
            title: fields.text("title", &wire.title),
            position: fields.integer("position", &wire.position),
            status: fields.text("status", &wire.status),
            space_id: fields.id("space_id", &wire.space_id),
            parent_id: fields.id("parent_id", &wire.parent_id),
            parent_type: fields.text("parent_type", &wire.parent_type),
            subtype: fields.text("subtype", &wire.subtype),
            author_id: fields.id("author_id", &wire.author_id),
            owner_id: fields.id("owner_id", &wire.owner_id),
            last_owner_id: fields.id("last_owner_id", &wire.last_owner_id),
            source_url: source_url(&wire.links, context.base, fields),
            created_at: fields.timestamp("created_at", &wire.created_at),
            modified: updated_at.as_deref().and_then(Timestamp::parse),
            updated_at,
            version_number: fields.integer("version_number", &version.number),
            last_author_id: fields.id("last_author_id", &version.author_id),
        })
    }

    fn key(&self) -> String {
        self.source_id.clone()
    }
}

impl PageRow {
    /// What a request about this page names.
    #[must_use]
    pub fn reference(&self) -> PageRef<'_> {
        PageRef {
            id: &self.source_id,
            space_id: self.space_id.as_deref(),
        }
    }

    /// Whether it is archived or in the trash.
    #[must_use]
    pub fn is_archived_or_trashed(&self) -> bool {
        matches!(self.status.as_deref(), Some("archived" | "trashed"))
    }

    /// Whether its details are read: those of current and archived pages are.
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
