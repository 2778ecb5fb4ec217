//! Bytes inside JSON that serde_json would not write: numbers beyond f64, broken Unicode, deep values.

use serde_json::Value;

/// Stands before and after the number of a raw value; a private character, which no corpus holds.
const MARK: char = '\u{e000}';

/// Values that are written into a body byte by byte.
#[derive(Default)]
pub(super) struct RawValues(Vec<(String, Vec<u8>)>);

impl RawValues {
    fn mark(&mut self, quoted: bool, bytes: impl Into<Vec<u8>>) -> String {
        let mark = format!("{MARK}{}{MARK}", self.0.len());
        let found = if quoted {
            format!("\"{mark}\"")
        } else {
            mark.clone()
        };
        self.0.push((found, bytes.into()));
        mark
    }

    /// A value that is written as these bytes.
    pub(super) fn value(&mut self, bytes: impl Into<Vec<u8>>) -> Value {
        Value::String(self.mark(true, bytes))
    }

    /// Appends bytes to a text as they are, escapes included.
    pub(super) fn append(&mut self, text: &mut String, bytes: &[u8]) {
        let mark = self.mark(false, bytes);
        text.push_str(&mark);
    }

    /// The body with all raw bytes in their places.
    pub(super) fn written_into(&self, body: &Value) -> Vec<u8> {
        let text = body.to_string();
        let mut written = Vec::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, number, after)) = next_mark(rest) {
            let Some((found, bytes)) = self.0.get(number) else {
                break;
            };
            if found.starts_with('"') {
                written.extend_from_slice(before.strip_suffix('"').unwrap_or(before).as_bytes());
                rest = after.strip_prefix('"').unwrap_or(after);
            } else {
                written.extend_from_slice(before.as_bytes());
                rest = after;
            }
            written.extend_from_slice(bytes);
        }
        written.extend_from_slice(rest.as_bytes());
        written
    }
}

/// The text before the next mark, the mark's number, and the text behind it.
fn next_mark(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once(MARK)?;
    let (number, after) = rest.split_once(MARK)?;
    Some((before, number.parse().ok()?, after))
}
