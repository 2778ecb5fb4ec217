//! What the body of an error says, in whichever of the service's shapes.

use crate::config::Config;
use crate::text;
use crate::wire::{List, Nested, Value, decode, object, read};

/// Characters of a quotation.
const LONGEST_QUOTE: usize = 120;

/// The text of an error, and the shape that it came in.
#[derive(Debug)]
pub(super) struct ErrorBody {
    shape: Shape,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// v2: `{"errors":[{"title":…,"detail":…}]}`.
    Errors,
    /// v1 and the gateway: `{"message":…}` with `statusCode` or `code`; others with `error`, `errorMessages`.
    Message,
    /// JSON of no known shape.
    OtherJson,
    /// A page for a browser.
    Html,
    /// Plain text or nothing.
    Text,
}

object! {
    ErrorWire<'a> {
        errors: List<Nested<ErrorItem<'a>>> = "errors",
        message: Value<'a> = "message",
        error: Value<'a> = "error",
        // Of the allow-list of IP addresses.
        error_messages: List<Value<'a>> = "errorMessages",
    }
}

object! {
    ErrorItem<'a> {
        title: Value<'a> = "title",
        detail: Value<'a> = "detail",
    }
}

impl ErrorBody {
    /// Reads a body; what the server echoed of the credentials is left out.
    pub(super) fn read(config: &Config, body: &[u8]) -> Self {
        let json = decode(body, |json| read(json).map(Self::from_wire));
        let mut error = json.unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(body);
            let is_markup = text
                .trim_start_matches('\u{feff}')
                .trim_start()
                .starts_with('<');
            Self::new(if is_markup { Shape::Html } else { Shape::Text }, text)
        });
        error.text = config.redact(&error.text);
        error
    }

    fn new(shape: Shape, text: impl Into<String>) -> Self {
        Self {
            shape,
            text: text.into(),
        }
    }

    fn from_wire(wire: Nested<ErrorWire<'_>>) -> Self {
        let wire = wire.or_empty();
        if let List::Items(messages) = wire.error_messages
            && let Some(first) = messages.into_iter().next()
        {
            return Self::new(Shape::Message, first.into_text().unwrap_or_default());
        }
        if let List::Items(items) = wire.errors
            && let Some(Nested::Object(first)) = items.into_iter().next()
            && let Some(title) = first.title.into_text()
        {
            let detail = first.detail.into_text().filter(|detail| !detail.is_empty());
            let detail = detail
                .map(|detail| format!(": {detail}"))
                .unwrap_or_default();
            return Self::new(Shape::Errors, format!("{title}{detail}"));
        }
        match wire.message.into_text().or_else(|| wire.error.into_text()) {
            Some(message) => Self::new(Shape::Message, message),
            None => Self::new(Shape::OtherJson, ""),
        }
    }

    /// Whether it holds these words, which are given in lower case, in any case.
    pub(super) fn says(&self, words: &str) -> bool {
        let text = self.text.to_ascii_lowercase();
        text::holds(&text, words)
    }

    pub(super) fn is_html(&self) -> bool {
        self.shape == Shape::Html
    }

    pub(super) fn is_json(&self) -> bool {
        !matches!(self.shape, Shape::Html | Shape::Text)
    }

    /// Whether it is v2's error about one thing.
    pub(super) fn is_v2_about_one(&self) -> bool {
        self.shape == Shape::Errors && self.identifies_resource()
    }

    /// Whether it is about one thing. v2's answer to wrong credentials is a 404 that names nothing.
    pub(super) fn identifies_resource(&self) -> bool {
        match self.shape {
            Shape::Errors => self.text != "Not Found",
            Shape::Message => true,
            Shape::OtherJson | Shape::Html | Shape::Text => false,
        }
    }

    /// A short, printable quotation to put behind a message. HTML says nothing to a person.
    pub(super) fn quote(&self) -> String {
        let text = if self.is_html() {
            "HTML"
        } else {
            self.text.trim()
        };
        if text.is_empty() {
            return String::new();
        }
        let printable = text.chars().filter(|c| !c.is_control());
        let printable: String = printable.take(LONGEST_QUOTE).collect();
        format!(" (\"{printable}\")")
    }
}
