//! Foreign text for a terminal, a log or a line of stderr.
//!
//! A guest or a server chooses this text. Control characters would let it move the cursor, forge lines or
//! set the terminal's title; bidirectional and invisible characters would let it show something else than
//! what it says.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The text with every character that a terminal does not simply show replaced by its escape, `\n` or
/// `\u{202e}`. A text without any is returned as it is.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            _ if is_deceptive(character) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// JSON with such characters escaped as JSON does it: a reader finds the same values in it, and a terminal shows it.
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if json.is_ascii() && !json.contains('\u{7f}') || !json.contains(is_deceptive) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if !is_deceptive(character) {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

/// Printable text, cut off after `bytes`.
#[must_use]
pub fn printable_within(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return printable(text).into_owned();
    }
    let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end));
    let cut = text.get(..end.unwrap_or_default()).unwrap_or_default();
    format!("{}…", printable(cut))
}

/// Replaces all texts of a JSON object, its names too.
pub(crate) fn map_texts(
    object: Map<String, Value>,
    replace: &dyn Fn(String) -> String,
) -> Map<String, Value> {
    object
        .into_iter()
        .map(|(name, value)| (replace(name), map_value(value, replace)))
        .collect()
}

fn map_value(value: Value, replace: &dyn Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(replace(text)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| map_value(item, replace));
            Value::Array(items.collect())
        }
        Value::Object(object) => Value::Object(map_texts(object, replace)),
        other => other,
    }
}

/// C0, DEL and C1; line and paragraph separators; marks, embeddings and isolates of direction; zero width,
/// soft hyphen, invisible operators, tags, variation selectors, interlinear annotations.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        for (text, shown, why) in [
            (
                "Überblick – 概要 🙂",
                "Überblick – 概要 🙂",
                "plain text stays",
            ),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}", "C0"),
            ("\u{9b}2J", "\\u{9b}2J", "C1"),
            ("a\r\n\tb\u{7f}", "a\\r\\n\\tb\\u{7f}", "lines"),
            ("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c", "other lines"),
            (
                "\u{202e}gpj.exe\u{2066}",
                "\\u{202e}gpj.exe\\u{2066}",
                "bidi",
            ),
            (
                "pay\u{200b}pal\u{feff}",
                "pay\\u{200b}pal\\u{feff}",
                "zero width",
            ),
            ("\u{e0041}", "\\u{e0041}", "tags"),
        ] {
            assert_eq!(printable(text), shown, "{why}");
        }
    }

    #[test]
    fn json_keeps_its_values() {
        for text in [
            "a\u{9b}2J\u{7f}",
            "\u{202e}gpj",
            "é 🙂",
            "\u{e0041}\n\"\\",
            "plain",
        ] {
            let json = Value::from(text).to_string();
            let shown = printable_json(&json);
            assert!(!shown.contains(is_deceptive), "{shown}");
            assert_eq!(
                serde_json::from_str::<Value>(&shown).ok(),
                Some(text.into())
            );
        }
        assert_eq!(
            printable_json("\"\u{e0041}\u{2028}\""),
            r#""\udb40\udc41\u2028""#
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(printable_within("ééé", 3), "é…");
        assert_eq!(printable_within("ééé", 6), "ééé");
    }
}
