//! `GET /wiki/rest/api/content/{id}/state`: the content state of a page, such as "Ready for review".

use super::error_shape::Answer;
use super::{Decoded, unreadable};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::wire::{BodyError, FieldReader, Nested, Value, decode, object, read};

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
    /// `ContentStateResponse`.
    StateWire<'a> {
        content_state: Nested<ContentState<'a>> = "contentState",
        last_updated: Value<'a> = "lastUpdated",
    }
}

object! {
    ContentState<'a> {
        name: Value<'a> = "name",
        color: Value<'a> = "color",
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

    fn from_wire<'a>(
        wire: Nested<Answer<'a, StateWire<'a>>>,
        page_id: &str,
    ) -> Result<Decoded<Self>, BodyError> {
        let wire = match wire {
            Nested::Object(answer) => answer.into_fields()?,
            Nested::Missing => StateWire::default(),
            Nested::Other => return Err(BodyError::Unexpected("JSON that is no object".into())),
        };
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
