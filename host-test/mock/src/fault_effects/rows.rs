//! Odd values in rows: other spellings of numbers, times and texts, fields that are missing, and fields that nobody reads.

mod raw;
mod values;

use serde_json::{Value, json};

use self::raw::RawValues;
use self::values::{break_texts, respell_numbers, respell_times};
use crate::endpoint::{Endpoint, Target};
use crate::fault::{Fault, TypeCorruption};
use crate::faults::FaultKind;
use crate::reply::Reply;

/// The size of a padded response in bytes when a fault does not say.
const PADDED_BYTES: u64 = 11 << 20;
/// How deep an unread field is.
const DEPTH: usize = 200;
/// How many contributors a page has.
const CONTRIBUTORS: usize = 850;

/// The rows of a listing, or the one object that a v1 endpoint answers with.
pub(super) fn rows_mut(body: &mut Value) -> Vec<&mut Value> {
    if body.get("results").is_some_and(Value::is_array) {
        let rows = body.get_mut("results").and_then(Value::as_array_mut);
        return rows
            .map(|rows| rows.iter_mut().collect())
            .unwrap_or_default();
    }
    vec![body]
}

/// What a fault does to the body of a response.
pub(super) fn altered(reply: Reply, fault: &Fault, target: Target<'_>) -> Reply {
    if !changes_rows(fault.kind) {
        return reply;
    }
    if fault.kind == FaultKind::ByteOrderMark {
        let body = [b"\xef\xbb\xbf", reply.body.as_ref()].concat();
        return Reply {
            body: body.into(),
            ..reply
        };
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    let mut raw = RawValues::default();
    match fault.kind {
        FaultKind::WrongTypes => corrupt(&mut body, fault.shape),
        FaultKind::UnrequestedUser => add_user(&mut body),
        _ => {
            let selected = selected_row(fault);
            let size = reply.body.len();
            let mut rows = rows_mut(&mut body);
            let padding = padding(fault, size, rows.len());
            for (index, row) in rows.iter_mut().enumerate() {
                if selected.is_none_or(|selected| selected == index) {
                    alter_row(row, fault, target, padding, &mut raw);
                }
            }
        }
    }
    Reply {
        body: raw.written_into(&body).into(),
        ..reply
    }
}

fn changes_rows(kind: FaultKind) -> bool {
    use FaultKind as Kind;
    matches!(
        kind,
        Kind::OddNumbers
            | Kind::OddTimes
            | Kind::OddTexts
            | Kind::ByteOrderMark
            | Kind::UnreadField
            | Kind::SetField
            | Kind::DropField
            | Kind::StateWithoutName
            | Kind::RowWithoutKey
            | Kind::UnrequestedUser
            | Kind::WrongTypes
    )
}

/// The only row that a fault is about; all rows when it does not say, but of missing keys the first.
fn selected_row(fault: &Fault) -> Option<usize> {
    match fault.kind {
        FaultKind::RowWithoutKey => Some(fault.row.unwrap_or(0)),
        _ => fault.row,
    }
}

/// The bytes to add to each row so that the response has the size that a fault wants.
fn padding(fault: &Fault, size: usize, rows: usize) -> usize {
    let wanted = usize::try_from(fault.bytes.unwrap_or(PADDED_BYTES)).unwrap_or(usize::MAX);
    wanted.saturating_sub(size) / rows.max(1)
}

fn alter_row(
    row: &mut Value,
    fault: &Fault,
    target: Target<'_>,
    padding: usize,
    raw: &mut RawValues,
) {
    match fault.kind {
        FaultKind::OddNumbers => respell_numbers(row, fault.form, raw),
        FaultKind::OddTimes => respell_times(row, fault.form),
        FaultKind::OddTexts => break_texts(row, fault.form, raw),
        FaultKind::UnreadField => add_unread_field(row, fault.form, padding, raw),
        FaultKind::SetField => {
            let value = raw.value(fault.value.clone().unwrap_or_else(|| "null".to_owned()));
            set_field(row, &fault.field, Some(value));
        }
        FaultKind::DropField => set_field(row, &fault.field, None),
        FaultKind::StateWithoutName => set_field(row, "contentState.name", None),
        FaultKind::RowWithoutKey => set_field(row, key_field(target), None),
        _ => {}
    }
}

/// The field that tells the rows of an endpoint apart.
fn key_field(target: Target<'_>) -> &'static str {
    match target {
        Target::Endpoint(Endpoint::Versions, _) => "number",
        Target::Endpoint(Endpoint::Users, _) => "accountId",
        _ => "id",
    }
}

/// Sets or removes the field at a path of names with dots between them.
fn set_field(row: &mut Value, path: &str, value: Option<Value>) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut names = parents.split('.').filter(|name| !name.is_empty());
    let parent = names.try_fold(row, |parent, name| parent.get_mut(name));
    let Some(fields) = parent.and_then(Value::as_object_mut) else {
        return;
    };
    match value {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.remove(name)),
    }
}

fn add_unread_field(row: &mut Value, form: &str, padding: usize, raw: &mut RawValues) {
    let value = match form {
        "deep" => raw.value(format!(
            "{}{}",
            r#"{"a":["#.repeat(DEPTH / 2),
            "]}".repeat(DEPTH / 2)
        )),
        "number" => raw.value("1e400"),
        "contributors" => (0..CONTRIBUTORS)
            .map(|index| json!(format!("712020:00000000-0000-4000-8000-{index:012x}")))
            .collect(),
        "surrogate" => raw.value(br#""\ud83d \ude00 \udc00""#),
        "invalid-utf8" => raw.value(b"\"\xff\xfe\xc3\""),
        _ => Value::String("x".repeat(padding)),
    };
    let name = match form {
        "contributors" => "contributorIds",
        _ => "sourceTemplateEntityProperties",
    };
    set_field(row, name, Some(value));
}

fn add_user(body: &mut Value) {
    let user = json!({"accountId": "712020:ffffffff-0000-4000-8000-00000000beef", "displayName": "Nobody asked for", "publicName": "Nobody asked for", "email": "", "accountType": "atlassian", "accountStatus": "active"});
    if let Some(rows) = body.get_mut("results").and_then(Value::as_array_mut) {
        rows.insert(0, user);
    }
}

fn corrupt(body: &mut Value, shape: TypeCorruption) {
    match (shape, body.get_mut("results")) {
        (TypeCorruption::Number, Some(rows)) => corrupt_types(rows),
        (TypeCorruption::Number, None) => corrupt_types(body),
        (TypeCorruption::Object, Some(rows)) => *rows = json!({"0": {}}),
        (TypeCorruption::Object, None) => *body = json!([{}]),
    }
}

/// Turns every text into a number and every number into a text.
fn corrupt_types(value: &mut Value) {
    match value {
        Value::String(_) => *value = json!(7),
        Value::Number(_) => *value = json!("seven"),
        Value::Array(items) => items.iter_mut().for_each(corrupt_types),
        Value::Object(fields) => fields.values_mut().for_each(corrupt_types),
        Value::Null | Value::Bool(_) => {}
    }
}
