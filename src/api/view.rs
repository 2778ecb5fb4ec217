//! `GET /wiki/rest/api/analytics/content/{id}/views`: the number of views of a page.

use super::error_shape::Answer;
use super::{Decoded, unreadable};
use crate::endpoint::Endpoint;
use crate::row::row;
use crate::timestamp::Timestamp;
use crate::wire::{BodyError, FieldReader, Nested, Value, decode, object, read};

row! {
    /// A row of the stream `page_views`.
    ViewRow {
        page_id: text_key = "Id of the page",
        views_count: integer = "Views since the page was created; null where the count is not available, never 0",
        read_at: timestamp = "When the count was read",
    }
}

object! {
    ViewsWire<'a> {
        count: Value<'a> = "count",
        _id: Value<'a> = "id",
    }
}

impl ViewRow {
    /// The row of a page whose count is not available.
    #[must_use]
    pub fn unavailable(page_id: &str, read_at: Timestamp) -> Self {
        Self {
            page_id: page_id.to_owned(),
            views_count: None,
            read_at: read_at.to_rfc3339(),
        }
    }

    /// Reads the count of the page `page_id`.
    ///
    /// # Errors
    ///
    /// It is no JSON object, or an error in the clothes of an answer.
    pub fn read(
        body: &[u8],
        page_id: &str,
        read_at: Timestamp,
    ) -> Result<Decoded<Self>, BodyError> {
        decode(body, |json| {
            read(json).map(|wire| Self::from_wire(wire, page_id, read_at))
        })?
    }

    fn from_wire<'a>(
        wire: Nested<Answer<'a, ViewsWire<'a>>>,
        page_id: &str,
        read_at: Timestamp,
    ) -> Result<Decoded<Self>, BodyError> {
        let Nested::Object(answer) = wire else {
            return Err(BodyError::Unexpected("JSON that is no object".into()));
        };
        let wire = answer.into_fields()?;
        let mut fields = FieldReader::default();
        let mut views_count = fields.integer("views_count", &wire.count);
        if wire.count.is_missing() || views_count.is_some_and(|count| count < 0) {
            // An answer that says nothing: the count is not 0, and not refused either.
            fields.unreadable.push("views_count");
            views_count = None;
        }
        let value = Self {
            views_count,
            ..Self::unavailable(page_id, read_at)
        };
        let unreadable = unreadable(Endpoint::Views, &fields, || page_id.to_owned()).collect();
        Ok(Decoded { value, unreadable })
    }
}
