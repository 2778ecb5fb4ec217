//! The query parameters that each endpoint takes, checked as the `OpenAPI` files say.
//!
//! A parameter that they do not list is refused, too: the service might ignore it, but a client that
//! sends it is wrong.

use super::endpoint::Endpoint;
use super::reply::{Refusal, bad_parameter, v1_error};
use super::request::{decode, pairs};

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
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

const BODY_FORMATS: Check = Check::OneOf(&["storage", "atlas_doc_format"]);

/// The parameters that an endpoint takes.
type Rules = &'static [(&'static str, Check)];

const SPACES: Rules = &[
    ("ids", Check::Ids(250)),
    ("keys", Check::Texts(250)),
    (
        "type",
        Check::OneOf(&[
            "global",
            "collaboration",
            "knowledge_base",
            "personal",
            "system",
            "onboarding",
            "xflow_sample_space",
        ]),
    ),
    ("status", Check::OneOf(&["current", "archived"])),
    ("labels", Check::Texts(usize::MAX)),
    ("favorited-by", Check::Text),
    ("not-favorited-by", Check::Text),
    (
        "sort",
        Check::OneOf(&["id", "-id", "key", "-key", "name", "-name"]),
    ),
    ("description-format", Check::OneOf(&["plain", "view"])),
    ("include-icon", Check::Flag),
    ("cursor", Check::Text),
    ("limit", Check::Limit),
];

const PAGES: Rules = &[
    ("id", Check::Ids(250)),
    ("space-id", Check::Ids(100)),
    (
        "sort",
        Check::OneOf(&[
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
        Check::SomeOf(&["current", "archived", "deleted", "trashed"]),
    ),
    ("title", Check::Text),
    ("body-format", BODY_FORMATS),
    ("subtype", Check::OneOf(&["live", "page"])),
    ("cursor", Check::Text),
    ("limit", Check::Limit),
];

const VERSIONS: Rules = &[
    ("body-format", BODY_FORMATS),
    ("sort", Check::OneOf(&["modified-date", "-modified-date"])),
    ("cursor", Check::Text),
    ("limit", Check::Limit),
];

const LABELS: Rules = &[
    ("prefix", Check::OneOf(&["my", "team", "global", "system"])),
    (
        "sort",
        Check::OneOf(&[
            "created-date",
            "-created-date",
            "id",
            "-id",
            "name",
            "-name",
        ]),
    ),
    ("cursor", Check::Text),
    ("limit", Check::Limit),
];

const USERS: Rules = &[];

const VIEWS: Rules = &[("fromDate", Check::Time)];

const STATES: Rules = &[("status", Check::OneOf(&["current", "draft", "archived"]))];

/// The rules of one endpoint.
fn rules(endpoint: Endpoint) -> Rules {
    match endpoint {
        Endpoint::Spaces => SPACES,
        Endpoint::Pages => PAGES,
        Endpoint::Versions => VERSIONS,
        Endpoint::Labels => LABELS,
        Endpoint::Users => USERS,
        Endpoint::Views => VIEWS,
        Endpoint::States => STATES,
    }
}

impl Check {
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn many(name: &str, count: usize) -> String {
        (1..=count)
            .map(|id| format!("{name}={id}"))
            .collect::<Vec<_>>()
            .join("&")
    }

    fn commas(name: &str, count: usize) -> String {
        format!(
            "{name}={}",
            (1..=count)
                .map(|id| id.to_string())
                .collect::<Vec<_>>()
                .join(",")
        )
    }

    #[test]
    fn parameters_are_taken_as_the_specification_says() {
        use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
        for (endpoint, query, fine) in [
            (Spaces, "limit=1", true),
            (Spaces, "limit=250", true),
            (Spaces, "limit=0", false),
            (Spaces, "limit=251", false),
            (Spaces, "limit=ten", false),
            (Spaces, "limit=5&limit=6", false),
            (Spaces, "status=archived", true),
            (Spaces, "status=trashed", false),
            (Spaces, "status=current&status=archived", false),
            (Spaces, "status=current,archived", false),
            (Spaces, "sort=-key", true),
            (Spaces, "sort=title", false),
            (
                Spaces,
                "type=personal&include-icon=true&description-format=plain",
                true,
            ),
            (Spaces, "include-icon=yes", false),
            (Spaces, &many("keys", 250), true),
            (Spaces, &many("keys", 251), false),
            (Spaces, &commas("ids", 250), true),
            (Spaces, &commas("ids", 251), false),
            (Pages, &many("space-id", 100), true),
            (Pages, &many("space-id", 101), false),
            (Pages, &commas("space-id", 101), false),
            (
                Pages,
                &format!("{}&{}", many("id", 200), commas("id", 51)),
                false,
            ),
            (Pages, "space-id=x", false),
            (Pages, "space-id=1,,2", false),
            (Pages, "status=current&status=archived,trashed", true),
            (Pages, "status=draft", false),
            (Pages, "sort=-modified-date&title=a%20b&subtype=live", true),
            (Pages, "sort=modified", false),
            (Pages, "lastModifiedAfter=2026-01-01", false),
            (Pages, "expand=version", false),
            (Pages, "cursor=", false),
            (
                Versions,
                "sort=modified-date&limit=250&body-format=storage",
                true,
            ),
            (Versions, "sort=id", false),
            (Versions, "body-format=view", false),
            (Labels, "prefix=global&sort=-name", true),
            (Labels, "prefix=own", false),
            (Users, "", true),
            (Users, "limit=5", false),
            (Views, "fromDate=2021-03-21T00:00:00.000Z", true),
            (Views, "fromDate=2021-03-21", true),
            (Views, "fromDate=yesterday", false),
            (States, "status=archived", true),
            (States, "status=trashed", false),
            (States, "limit=1", false),
        ] {
            let read = Parameters::read(endpoint, query);
            assert_eq!(read.is_ok(), fine, "{} {query}", endpoint.name());
            assert!(read.err().is_none_or(|reply| reply.status == 400));
        }
    }

    #[test]
    fn lists_and_defaults_are_read() {
        let read =
            Parameters::read(Endpoint::Pages, "space-id=1%2C2&space-id=3&title=a+b").unwrap();
        assert!(read.many("space-id").eq(["1", "2", "3"]));
        assert_eq!((read.one("title"), read.limit()), (Some("a b"), 25));
    }
}
