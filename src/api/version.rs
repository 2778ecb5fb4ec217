//! `GET /wiki/api/v2/pages/{id}/versions`: one version of a page.

use super::{Context, ListedRow};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{FieldReader, Value, object};

row! {
    /// A row of the stream `page_versions`.
    VersionRow {
        page_id: text_key = "Id of the page",
        number: integer_key = "Position among the versions: deleting one renumbers the later ones",
        message: text = "Its author's comment",
        author_id: text = "Account id of its author",
        minor_edit: boolean = "Whether its author called it minor",
        created_at: timestamp = "When it was made",
    }
}

object! {
    /// `PageVersion`. It has no id: its key is the page and its number.
    pub VersionWire<'a> {
        number: Value<'a> = "number",
        message: Value<'a> = "message",
        author_id: Value<'a> = "authorId",
        minor_edit: Value<'a> = "minorEdit",
        created_at: Value<'a> = "createdAt",
    }
}

impl ListedRow for VersionRow {
    const ENDPOINT: Endpoint = Endpoint::Versions;
    type Wire<'a> = VersionWire<'a>;

    fn from_wire(
        wire: &VersionWire<'_>,
        context: Context<'_>,
        fields: &mut FieldReader,
    ) -> Option<Self> {
        Some(Self {
            page_id: context.page_id.to_owned(),
            number: fields.integer("number", &wire.number)?,
            message: fields.text("message", &wire.message),
            author_id: fields.id("author_id", &wire.author_id),
            minor_edit: fields.boolean("minor_edit", &wire.minor_edit),
            created_at: fields.timestamp("created_at", &wire.created_at),
        })
    }

    fn key(&self) -> String {
        format!("{}, version {}", self.page_id, self.number)
    }
}
