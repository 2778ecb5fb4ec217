//! What the endpoints answer, and the rows that become of it: a file for each endpoint.

mod error_shape;
pub mod label;
mod links;
pub mod page;
pub mod space;
pub mod state;
pub mod user;
pub mod version;
pub mod view;

use std::borrow::Cow;

use self::error_shape::refuse_error_shape;
pub use self::links::NextLink;
use self::links::{Links, next_and_base};
use crate::endpoint::Endpoint;
use crate::wire::{
    BodyError, FieldReader, List, Nested, Object, Target, Value, decode, object, read,
};

/// A value that became null because it has no meaning for its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableValue {
    /// Where it came from.
    pub endpoint: Endpoint,
    /// The column.
    pub column: &'static str,
    /// The key of its row, as a person would name it.
    pub key: String,
}

/// What was read, and which values in it became null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// What was read.
    pub value: T,
    /// The values without meaning.
    pub unreadable: Vec<UnreadableValue>,
}

/// The rows of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<R> {
    /// Those that can be told from others.
    pub rows: Vec<R>,
    /// How many have no readable key.
    pub unusable: usize,
    /// The values without meaning.
    pub unreadable: Vec<UnreadableValue>,
    /// How the listing goes on, as the body says.
    pub next: NextLink,
}

/// A row of a response with `results`.
pub trait ListedRow: Sized {
    /// Where the rows come from.
    const ENDPOINT: Endpoint;
    /// What comes over the wire.
    type Wire<'a>: Object<'a> + Default;

    /// Makes a row of it; none if its key cannot be read.
    fn from_wire(
        wire: &Self::Wire<'_>,
        context: Context<'_>,
        fields: &mut FieldReader,
    ) -> Option<Self>;

    /// Its key, as a person would name it.
    fn key(&self) -> String;
}

/// What a row does not say itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The page that was asked about.
    pub page_id: &'a str,
    /// The site's address with `/wiki`, which comes with each listing: in its body, or in a header.
    pub base: Option<&'a str>,
}

/// A response with `results`.
#[derive(Default)]
struct Envelope<'a, T> {
    results: List<Nested<T>>,
    rest: EnvelopeFields<'a>,
}

object! {
    /// What a response with `results` has beside them.
    EnvelopeFields<'a> {
        links: Nested<Links<'a>> = "_links",
        errors: List<Value<'a>> = "errors",
        status_code: Value<'a> = "statusCode",
    }
}

impl<'a, T: Object<'a> + Default> Object<'a> for Envelope<'a, T> {
    fn index(&mut self, name: &str) -> Option<usize> {
        match name {
            "results" => Some(0),
            _ => self.rest.index(name).map(|index| index + 1),
        }
    }

    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'a>> {
        match index.checked_sub(1) {
            None => Some(&mut self.results),
            Some(index) => self.rest.field(index),
        }
    }
}

/// Reads the rows of a response.
///
/// # Errors
///
/// It is no JSON, has no list of results, or is an error in the clothes of an answer.
pub fn read_rows<R: ListedRow>(body: &[u8], context: Context<'_>) -> Result<Rows<R>, BodyError> {
    decode(body, |json| {
        read(json).map(|envelope| rows_of(envelope, context))
    })?
}

fn rows_of<'a, R: ListedRow>(
    envelope: Nested<Envelope<'a, R::Wire<'a>>>,
    context: Context<'_>,
) -> Result<Rows<R>, BodyError> {
    let Envelope { results, rest } = envelope.or_empty();
    let (next, base) = links_of(rest)?;
    let List::Items(items) = results else {
        return Err(BodyError::Unexpected(
            "JSON without a list of results".into(),
        ));
    };
    let context = Context {
        base: base.as_deref().or(context.base),
        ..context
    };
    let mut read = Rows {
        rows: Vec::with_capacity(items.len()),
        unusable: 0,
        unreadable: Vec::new(),
        next,
    };
    for item in &items {
        read.add(item, context);
    }
    Ok(read)
}

/// How a listing goes on, and the site's address.
fn links_of(envelope: EnvelopeFields<'_>) -> Result<(NextLink, Option<Cow<'_, str>>), BodyError> {
    refuse_error_shape(&envelope.status_code, &envelope.errors)?;
    Ok(next_and_base(envelope.links))
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            unusable: 0,
            unreadable: Vec::new(),
            next: NextLink::None,
        }
    }
}

impl<R: ListedRow> Rows<R> {
    fn add(&mut self, item: &Nested<R::Wire<'_>>, context: Context<'_>) {
        let mut fields = FieldReader::default();
        let row = match item {
            Nested::Object(wire) => R::from_wire(wire, context, &mut fields),
            Nested::Missing | Nested::Other => None,
        };
        match row {
            Some(row) => {
                let key = || row.key();
                self.unreadable
                    .extend(unreadable(R::ENDPOINT, &fields, key));
                self.rows.push(row);
            }
            None => self.unusable += 1,
        }
    }
}

/// The values of one row that became null.
fn unreadable(
    endpoint: Endpoint,
    fields: &FieldReader,
    key: impl Fn() -> String,
) -> impl Iterator<Item = UnreadableValue> {
    fields
        .unreadable
        .iter()
        .map(move |&column| UnreadableValue {
            endpoint,
            column,
            key: key(),
        })
}

#[cfg(test)]
mod tests;
