//! `GET /wiki/api/v2/spaces`: one space.

use super::links::{Links, source_url};
use super::{Context, ListedRow};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{FieldReader, Nested, Value, object};

row! {
    /// A row of the stream `spaces`.
    SpaceRow {
        source_id: text_key = "Id of the space",
        external_key: text = "Key of the space, as in its address",
        name: text = "Name",
        space_type: text = "global, personal, collaboration, knowledge_base and others",
        status: text = "current or archived",
        author_id: text = "Account id of its creator",
        source_url: text = "Address for a browser",
        created_at: timestamp = "When it was created",
        homepage_id: text = "Id of its home page",
    }
    not written {
        /// Another key that its address may have.
        alias: Option<String>,
    }
}

object! {
    /// `SpaceBulk`.
    pub SpaceWire<'a> {
        id: Value<'a> = "id",
        key: Value<'a> = "key",
        name: Value<'a> = "name",
        space_type: Value<'a> = "type",
        status: Value<'a> = "status",
        author_id: Value<'a> = "authorId",
        created_at: Value<'a> = "createdAt",
        homepage_id: Value<'a> = "homepageId",
        current_active_alias: Value<'a> = "currentActiveAlias",
        links: Nested<Links<'a>> = "_links",
    }
}

impl ListedRow for SpaceRow {
    const ENDPOINT: Endpoint = Endpoint::Spaces;
    type Wire<'a> = SpaceWire<'a>;

    fn from_wire(
        wire: &SpaceWire<'_>,
        context: Context<'_>,
        fields: &mut FieldReader,
    ) -> Option<Self> {
        Some(Self {
            source_id: fields.key_id("source_id", &wire.id)?,
            external_key: fields.text("external_key", &wire.key),
            name: fields.text("name", &wire.name),
            space_type: fields.text("space_type", &wire.space_type),
            status: fields.text("status", &wire.status),
            author_id: fields.id("author_id", &wire.author_id),
            source_url: source_url(&wire.links, context.base, fields),
            created_at: fields.timestamp("created_at", &wire.created_at),
            homepage_id: fields.id("homepage_id", &wire.homepage_id),
            alias: wire.current_active_alias.text().map(str::to_owned),
        })
    }

    fn key(&self) -> String {
        self.source_id.clone()
    }
}

impl SpaceRow {
    /// Whether `key` names this space; keys are unique whatever their case.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        [&self.external_key, &self.alias]
            .into_iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(key))
    }

    /// Whether it is somebody's personal space.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        let key = self.external_key.as_deref().unwrap_or_default();
        self.space_type.as_deref() == Some("personal") || key.starts_with('~')
    }
}
