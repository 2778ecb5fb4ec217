//! The query parameters that each endpoint takes, checked as the `OpenAPI` files say.
//!
//! A parameter that they do not list is refused, too: the service might ignore it, but a client that
//! sends it is wrong.

use super::endpoint::Endpoint;
use super::error_responses::{bad_parameter, v1_error};
use super::reply::Refusal;
use super::request::{decode, pairs};

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParameterType {
    /// At most so many ids, repeated or separated by commas.
    Ids(usize),
    /// At most so many texts, repeated or separated by commas.
    Texts(usize),
    /// Any of these, repeated or separated by commas.
    SomeOf(&'static [&'static str]),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any text, once.
    Text,
    /// `true` or `false`.
    Flag,
    /// 1 to 250.
    Limit,
    /// RFC 3339, or only a date.
    Time,
}

/// The most rows of one page of a listing.
const LARGEST_LIMIT: usize = 250;
/// The rows of one page when no limit is sent.
const DEFAULT_LIMIT: usize = 25;

const BODY_FORMATS: ParameterType = ParameterType::OneOf(&["storage", "atlas_doc_format"]);

/// The parameters that an endpoint takes.
type ParameterRules = &'static [(&'static str, ParameterType)];

const SPACES: ParameterRules = &[
    ("ids", ParameterType::Ids(250)),
    ("keys", ParameterType::Texts(250)),
    (
        "type",
        ParameterType::OneOf(&[
            "global",
            "collaboration",
            "knowledge_base",
            "personal",
            "system",
            "onboarding",
            "xflow_sample_space",
        ]),
    ),
    ("status", ParameterType::OneOf(&["current", "archived"])),
    ("labels", ParameterType::Texts(usize::MAX)),
    ("favorited-by", ParameterType::Text),
    ("not-favorited-by", ParameterType::Text),
    (
        "sort",
        ParameterType::OneOf(&["id", "-id", "key", "-key", "name", "-name"]),
    ),
    (
        "description-format",
        ParameterType::OneOf(&["plain", "view"]),
    ),
    ("include-icon", ParameterType::Flag),
    ("cursor", ParameterType::Text),
    ("limit", ParameterType::Limit),
];

const PAGES: ParameterRules = &[
    ("id", ParameterType::Ids(250)),
    ("space-id", ParameterType::Ids(100)),
    (
        "sort",
        ParameterType::OneOf(&[
            "id",
            "-id",
            "created-date",
            "-created-date",
            "modified-date",
            "-modified-date",
            "title",
            "-title",
        ]),
    ),
    (
        "status",
        ParameterType::SomeOf(&["current", "archived", "deleted", "trashed"]),
    ),
    ("title", ParameterType::Text),
    ("body-format", BODY_FORMATS),
    ("subtype", ParameterType::OneOf(&["live", "page"])),
    ("cursor", ParameterType::Text),
    ("limit", ParameterType::Limit),
];

const VERSIONS: ParameterRules = &[
    ("body-format", BODY_FORMATS),
    (
        "sort",
        ParameterType::OneOf(&["modified-date", "-modified-date"]),
    ),
    ("cursor", ParameterType::Text),
    ("limit", ParameterType::Limit),
];

const LABELS: ParameterRules = &[
    (
        "prefix",
        ParameterType::OneOf(&["my", "team", "global", "system"]),
    ),
    (
        "sort",
        ParameterType::OneOf(&[
            "created-date",
            "-created-date",
            "id",
            "-id",
            "name",
            "-name",
        ]),
    ),
    ("cursor", ParameterType::Text),
    ("limit", ParameterType::Limit),
];

const USERS: ParameterRules = &[];

const VIEWS: ParameterRules = &[("fromDate", ParameterType::Time)];

const STATES: ParameterRules = &[(
    "status",
    ParameterType::OneOf(&["current", "draft", "archived"]),
)];

/// The rules of one endpoint.
fn rules(endpoint: Endpoint) -> ParameterRules {
    match endpoint {
        Endpoint::Spaces => SPACES,
        Endpoint::Pages => PAGES,
        Endpoint::Versions => VERSIONS,
        Endpoint::Labels => LABELS,
        Endpoint::Users | Endpoint::Token => USERS,
        Endpoint::Views => VIEWS,
        Endpoint::States => STATES,
    }
}

impl ParameterType {
    /// The most values, and whether commas separate them.
    fn most(self) -> (usize, bool) {
        match self {
            Self::Ids(most) | Self::Texts(most) => (most, true),
            Self::SomeOf(_) => (usize::MAX, true),
            _ => (1, false),
        }
    }

    fn accepts(self, value: &str) -> bool {
        match self {
            Self::Ids(_) => value.parse::<i64>().is_ok(),
            Self::Texts(_) | Self::Text => !value.is_empty(),
            Self::SomeOf(values) | Self::OneOf(values) => values.contains(&value),
            Self::Flag => matches!(value, "true" | "false"),
            Self::Limit => value
                .parse()
                .is_ok_and(|limit| (1..=LARGEST_LIMIT).contains(&limit)),
            Self::Time => {
                value.parse::<jiff::Timestamp>().is_ok()
                    || value.parse::<jiff::civil::Date>().is_ok()
            }
        }
    }

    /// How an error names what would have been right.
    fn expected(self) -> String {
        match self {
            Self::Ids(most) => format!("List of at most {most} long"),
            Self::Texts(most) => format!("List of at most {most} String"),
            Self::SomeOf(values) | Self::OneOf(values) => format!("one of {values:?}"),
            Self::Text => "String".to_owned(),
            Self::Flag => "boolean".to_owned(),
            Self::Limit => format!("int between 1 and {LARGEST_LIMIT}"),
            Self::Time => "date".to_owned(),
        }
    }
}

/// Checked parameters, decoded, lists taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Reads an endpoint's query, or says what is wrong with it in the endpoint's own way.
    pub(super) fn read(endpoint: Endpoint, query: &str) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for (name, value) in pairs(query) {
            let Some(&(known, check)) = rules(endpoint).iter().find(|(known, _)| *known == name)
            else {
                return Err(refuse(endpoint, name, "no such parameter"));
            };
            let value = decode(name, value).unwrap_or_default();
            let (most, list) = check.most();
            let values: Vec<&str> = if list {
                value.split(',').collect()
            } else {
                vec![&value]
            };
            let too_many = read.many(known).count() + values.len() > most;
            if too_many || !values.iter().all(|value| check.accepts(value)) {
                return Err(refuse(endpoint, name, &check.expected()));
            }
            read.0
                .extend(values.iter().map(|&value| (known, value.to_owned())));
        }
        Ok(read)
    }

    /// The values of a parameter.
    pub(super) fn many(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that is sent once.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.many(name).next()
    }

    /// How many rows are asked for.
    pub(super) fn limit(&self) -> usize {
        self.one("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(DEFAULT_LIMIT)
    }
}

fn refuse(endpoint: Endpoint, name: &str, expected: &str) -> Refusal {
    if endpoint.is_v1() {
        let message = format!("{name} is not valid: expected {expected}");
        return Box::new(v1_error(http::StatusCode::BAD_REQUEST, &message));
    }
    let expected = if name == "cursor" { "Cursor" } else { expected };
    Box::new(bad_parameter(name, expected))
}

#[cfg(test)]
mod tests;
