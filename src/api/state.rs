//! `GET /wiki/rest/api/content/{id}/state`: the content state of a page, such as "Ready for review".

use super::error_shape::{error_with_200, refuse_error_shape};
use super::{Decoded, unreadable};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{
    BodyError, FieldReader, List, Nested, Object, Target, Value, decode, object, read,
};

row! {
    /// A row of the stream `page_content_states`.
    StateRow {
        page_id: text_key = "Id of the page",
        content_state_name: text = "Name of the state; null where the page has none",
        content_state_color: text = "Colour, as #rrggbb",
        updated_at: timestamp = "When the state was last set or removed",
    }
}

object! {
    StateFields<'a> {
        content_state: Nested<ContentState<'a>> = "contentState",
        last_updated: Value<'a> = "lastUpdated",
        errors: List<Value<'a>> = "errors",
        status_code: Value<'a> = "statusCode",
    }
}

object! {
    ContentState<'a> {
        name: Value<'a> = "name",
        color: Value<'a> = "color",
    }
}

/// `ContentStateResponse`, and whether the answer may be another one.
#[derive(Debug, Clone, Default, PartialEq)]
struct StateWire<'a> {
    fields: StateFields<'a>,
    /// Whether it has a field of a state, whatever is in it.
    names_state: bool,
    /// Whether it has a field that a state has not.
    names_other: bool,
}

impl<'a> Object<'a> for StateWire<'a> {
    fn index(&mut self, name: &str) -> Option<usize> {
        let is_of_state = matches!(name, "contentState" | "lastUpdated");
        self.names_state |= is_of_state;
        self.names_other |= !is_of_state;
        self.fields.index(name)
    }

    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'a>> {
        self.fields.field(index)
    }
}

impl StateRow {
    /// The row of a page without a state. It is a row, so that a removed state disappears at the destination.
    #[must_use]
    pub fn none(page_id: &str) -> Self {
        Self {
            page_id: page_id.to_owned(),
            content_state_name: None,
            content_state_color: None,
            updated_at: None,
        }
    }

    /// Reads the state of the page `page_id`. The service sends `{}` where none was ever set, and only
    /// `lastUpdated` where it was removed (measured 2026-09-18, markfluence `docs/confluence/page-status.md`).
    ///
    /// # Errors
    ///
    /// It is neither a JSON object nor null, a state without a name, or an error in the clothes of an answer.
    pub fn read(body: &[u8], page_id: &str) -> Result<Decoded<Self>, BodyError> {
        decode(body, |json| {
            read(json).map(|wire| Self::from_wire(wire, page_id))
        })?
    }

    fn from_wire(wire: Nested<StateWire<'_>>, page_id: &str) -> Result<Decoded<Self>, BodyError> {
        let wire = match wire {
            Nested::Object(wire) => wire,
            Nested::Missing => StateWire::default(),
            Nested::Other => return Err(BodyError::Unexpected("JSON that is no object".into())),
        };
        // Where there is no state, the answer has nothing else either.
        if wire.names_other && !wire.names_state {
            return Err(error_with_200());
        }
        let wire = wire.fields;
        refuse_error_shape(&wire.status_code, &wire.errors)?;
        let mut fields = FieldReader::default();
        let mut value = Self::none(page_id);
        if wire.content_state != Nested::Missing {
            let state = wire.content_state.or_empty();
            let name = FieldReader::default().text("content_state_name", &state.name);
            // The one member that the OpenAPI requires: without it the state would look like none.
            value.content_state_name =
                Some(name.ok_or_else(|| {
                    BodyError::Unexpected("a content state without a name".into())
                })?);
            value.content_state_color = fields.text("content_state_color", &state.color);
        }
        value.updated_at = fields.timestamp("updated_at", &wire.last_updated);
        let unreadable = unreadable(Endpoint::States, &fields, || page_id.to_owned()).collect();
        Ok(Decoded { value, unreadable })
    }
}
