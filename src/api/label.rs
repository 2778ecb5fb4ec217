//! `GET /wiki/api/v2/pages/{id}/labels`: one label of a page.

use super::{Context, ListedRow};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{FieldReader, Value, object};

row! {
    /// A row of the stream `page_labels`.
    LabelRow {
        source_id: text_key = "Id of the label",
        page_id: text_key = "Id of the page",
        name: text = "Name",
        prefix: text = "global, my, team or system",
    }
}

object! {
    /// `Label`.
    pub LabelWire<'a> {
        id: Value<'a> = "id",
        name: Value<'a> = "name",
        prefix: Value<'a> = "prefix",
    }
}

impl ListedRow for LabelRow {
    const ENDPOINT: Endpoint = Endpoint::Labels;
    type Wire<'a> = LabelWire<'a>;

    fn from_wire(
        wire: &LabelWire<'_>,
        context: Context<'_>,
        fields: &mut FieldReader,
    ) -> Option<Self> {
        Some(Self {
            source_id: fields.key_id("source_id", &wire.id)?,
            page_id: context.page_id.to_owned(),
            name: fields.text("name", &wire.name),
            prefix: fields.text("prefix", &wire.prefix),
        })
    }

    fn key(&self) -> String {
        format!("{}, label {}", self.page_id, self.source_id)
    }
}
