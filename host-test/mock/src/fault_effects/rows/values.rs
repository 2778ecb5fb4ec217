//! Other spellings of the values that a row has.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::raw::RawValues;

/// Calls a function with each field at any depth, and its name.
fn for_each_field(value: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                change(name, value);
                for_each_field(value, change);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| for_each_field(item, change)),
        _ => {}
    }
}

/// Writes numbers as decimals, with an exponent, or as texts.
pub(super) fn respell_numbers(row: &mut Value, form: &str, raw: &mut RawValues) {
    for_each_field(row, &mut |_, value| {
        if let Value::Number(number) = value {
            *value = match form {
                "text" => Value::String(number.to_string()),
                "exponent" => raw.value(exponent(&number.to_string())),
                _ => raw.value(format!("{number}.0")),
            };
        }
    });
}

/// A whole number with an exponent: 12 is 1.2e1, 1000 is 1e3.
fn exponent(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let fraction = rest.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{fraction}e{}", rest.len())
}

/// Writes times in another form.
pub(super) fn respell_times(row: &mut Value, form: &str) {
    for_each_field(row, &mut |name, value| {
        let is_time = matches!(name, "createdAt" | "lastUpdated");
        let time = value
            .as_str()
            .filter(|_| is_time)
            .map(str::parse::<Timestamp>);
        if let Some(Ok(time)) = time {
            *value = odd_time(time, form);
        }
    });
}

fn odd_time(time: Timestamp, form: &str) -> Value {
    match form {
        "epoch" => json!(time.as_millisecond()),
        "epoch-text" => json!(time.as_millisecond().to_string()),
        "offset" => json!(time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()),
        "no-milliseconds" => json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        "date" => json!(time.strftime("%Y-%m-%d").to_string()),
        "empty" => json!(""),
        _ => json!("garbage"),
    }
}

/// Appends what is no text to titles, names and messages.
pub(super) fn break_texts(row: &mut Value, form: &str, raw: &mut RawValues) {
    for_each_field(row, &mut |name, value| {
        let is_text = matches!(
            name,
            "title" | "name" | "displayName" | "publicName" | "message"
        );
        if let (true, Value::String(text)) = (is_text, value) {
            raw.append(
                text,
                match form {
                    "surrogate" => br"\ud83d",
                    "nul" => br"\u0000",
                    _ => b"\xff\xc3",
                },
            );
        }
    });
}
