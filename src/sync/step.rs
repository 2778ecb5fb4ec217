//! One listing of a run.

use crate::endpoint::Endpoint;
use crate::timestamp::Timestamp;

/// Keys per listing of spaces (`maxItems` of `keys` in the OpenAPI).
const SPACE_KEYS: usize = 250;

/// One listing of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What is listed.
    pub(super) endpoint: Endpoint,
    /// Filters and sort.
    pub(super) query: String,
    /// For pages: listed by descending modification, down to this time.
    pub(super) since: Option<Timestamp>,
    /// Whether a site without any such rows is odd.
    pub(super) expects_rows: bool,
}

/// The listings of spaces, all or those with these keys. Which spaces come when `status` is left out is not
/// documented, so both are named.
#[must_use]
pub(super) fn space_steps(keys: &[String]) -> Vec<Step> {
    let chunks: Vec<&[String]> = if keys.is_empty() {
        vec![&[]]
    } else {
        keys.chunks(SPACE_KEYS).collect()
    };
    let has_keys = !keys.is_empty();
    let step = |status: &str, keys: &[String]| {
        let keys = keys.iter().map(|key| format!("keys={}", encode(key)));
        let parameters: Vec<_> = [format!("status={status}"), "sort=id".to_owned()]
            .into_iter()
            .chain(keys)
            .collect();
        Step {
            endpoint: Endpoint::Spaces,
            query: parameters.join("&"),
            since: None,
            // Keys may be those of archived spaces alone, and one that is not found is an error of its own.
            expects_rows: status == "current" && !has_keys,
        }
    };
    chunks
        .iter()
        .flat_map(|keys| [step("current", keys), step("archived", keys)])
        .collect()
}

/// Percent-encodes a value of a query.
#[must_use]
pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
