//! The members of a component's summary that a caller relies on: they have their type, whatever the component says.

use connector_runtime::failure::Summary;
use serde_json::Value;

/// Members that the host knows itself.
const OF_HOST: [&str; 9] = [
    "checkpoints",
    "gone",
    "memory_bytes",
    "refused_closes",
    "requests",
    "rows",
    "seconds",
    "snapshots",
    "swept",
];

/// The summary without what the host knows itself, and without members of another type than the contract's.
pub(super) fn reliable(summary: &Summary) -> Summary {
    let members = summary.iter();
    let reliable = members.filter(|(name, value)| {
        !OF_HOST.contains(&name.as_str()) && has_type_of_contract(name, value)
    });
    reliable
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Names of members whose type is another one than the contract's.
pub(super) fn of_wrong_type(summary: &Summary) -> Vec<&str> {
    let members = summary.iter();
    members
        .filter(|(name, value)| !has_type_of_contract(name, value))
        .map(|(name, _)| name.as_str())
        .collect()
}

fn has_type_of_contract(name: &str, value: &Value) -> bool {
    match name {
        "requests" | "waited_ms" | "unreadable_values" => value.is_u64(),
        "rows" | "swept" => is_map_of(value, Value::is_u64),
        "refused_by_space" => is_map_of(value, |rows| is_map_of(rows, Value::is_u64)),
        "set_aside" => is_list_of(value, Value::is_object),
        "skipped" => is_list_of(value, Value::is_string),
        "freshness" => value.is_object() || value.is_null(),
        _ => true,
    }
}

fn is_list_of(value: &Value, is_item: impl FnMut(&Value) -> bool) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().all(is_item))
}

fn is_map_of(value: &Value, is_item: impl FnMut(&Value) -> bool) -> bool {
    let items = value.as_object();
    items.is_some_and(|items| items.values().all(is_item))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_another_type_are_left_out() {
        for (name, value, is_kept) in [
            ("waited_ms", json!(5), true),
            ("waited_ms", json!("5"), false),
            ("unreadable_values", json!(-1), false),
            ("set_aside", json!([{ "page_id": "1" }]), true),
            ("set_aside", json!(["1"]), false),
            ("set_aside", json!({}), false),
            ("skipped", json!(["1"]), true),
            ("skipped", json!([1]), false),
            ("refused_by_space", json!({ "A": { "pages": 1 } }), true),
            ("refused_by_space", json!({ "A": 1 }), false),
            ("freshness", json!(null), true),
            ("freshness", json!({ "kept_days": 1 }), true),
            ("freshness", json!("fresh"), false),
            ("rows", json!({ "pages": 1 }), false),
            ("another", json!([1, "x"]), true),
        ] {
            let summary = Summary::from_iter([(name.to_owned(), value)]);
            let kept = !reliable(&summary).is_empty();
            assert_eq!(kept, is_kept, "{summary:?}");
            let is_wrong = !is_kept && name != "rows";
            assert_eq!(!of_wrong_type(&summary).is_empty(), is_wrong, "{summary:?}");
        }
    }
}
