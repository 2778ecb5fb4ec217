//! The seven endpoints: their paths and scopes, what they answer, and the rows that become of it.
//!
//! Nothing in Atlassian's response schemas is required (`OpenAPI` of v2, June 2026), so every field is optional
//! here and unknown ones are ignored. What can't be missing without a loss is asked for in one place: the
//! `results` of a listing, and the ids that make a key.

pub mod label;
pub mod page;
pub mod space;
pub mod state;
pub mod user;
pub mod version;
pub mod view;

use std::fmt;

use serde::{Deserialize, Deserializer};

/// An endpoint that the connector calls; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// The list of spaces.
    Spaces,
    /// The list of pages.
    Pages,
    /// The versions of a page.
    Versions,
    /// The labels of a page.
    Labels,
    /// Up to 250 users by account id. A POST that only reads.
    Users,
    /// How often a page was viewed.
    Views,
    /// The content state of a page.
    States,
}

impl Endpoint {
    /// All of them, in the order in which `validate` asks.
    pub const ALL: [Self; 7] = [
        Self::Spaces,
        Self::Pages,
        Self::Versions,
        Self::Labels,
        Self::Users,
        Self::Views,
        Self::States,
    ];

    /// The path below the base URL, with the method where that is not GET.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spaces => "/wiki/api/v2/spaces",
            Self::Pages => "/wiki/api/v2/pages",
            Self::Versions => "/wiki/api/v2/pages/{id}/versions",
            Self::Labels => "/wiki/api/v2/pages/{id}/labels",
            Self::Users => "POST /wiki/api/v2/users-bulk",
            Self::Views => "/wiki/rest/api/analytics/content/{id}/views",
            Self::States => "/wiki/rest/api/content/{id}/state",
        }
    }

    /// The path for the page `id`; without effect on the endpoints that are not a page's.
    #[must_use]
    pub fn path(self, id: &str) -> String {
        self.as_str()
            .trim_start_matches("POST ")
            .replace("{id}", id)
    }

    /// The scope that a scoped token needs (`x-atlassian-oauth2-scopes`, state "Current").
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Spaces => "read:space:confluence",
            Self::Pages | Self::Versions | Self::Labels => "read:page:confluence",
            Self::Users => "read:user:confluence",
            Self::Views | Self::States => "read:confluence-content.summary",
        }
    }

    /// Whether it belongs to one page, so that a 404 may mean that page.
    #[must_use]
    pub fn is_of_a_page(self) -> bool {
        matches!(
            self,
            Self::Versions | Self::Labels | Self::Views | Self::States
        )
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
pub struct Listed<T> {
    /// The rows; may be empty though more follow.
    pub results: Vec<T>,
    /// Where the site is and what comes next.
    #[serde(default, rename = "_links", deserialize_with = "or_default")]
    pub links: ListLinks,
}

/// The links of a listing.
#[derive(Debug, Default, Deserialize)]
pub struct ListLinks {
    /// The next page, absolute from the site's root, without the gateway's prefix.
    pub next: Option<String>,
    /// The site's own address with `/wiki`, also on the gateway.
    pub base: Option<String>,
}

/// The links of a space or a page.
#[derive(Debug, Default, Deserialize)]
pub struct WebLinks {
    /// Relative to [`ListLinks::base`].
    pub webui: Option<String>,
}

impl WebLinks {
    /// The address for a browser, where the answer holds both halves of it.
    #[must_use]
    pub fn source_url(&self, base: Option<&str>) -> Option<String> {
        Some(format!("{}{}", base?, self.webui.as_deref()?))
    }
}

/// `null` where an object is expected stands for an empty one.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An id: a string in v2, a number in v1, up to int64 in both.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AnyId {
    Text(String),
    Number(i64),
}

impl From<AnyId> for String {
    fn from(id: AnyId) -> Self {
        match id {
            AnyId::Text(text) => text,
            AnyId::Number(number) => number.to_string(),
        }
    }
}

/// An id that a key is made of: without it the row can't be told from others.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::from(AnyId::deserialize(deserializer)?);
    if id.is_empty() {
        return Err(serde::de::Error::custom("an empty id"));
    }
    Ok(id)
}

/// An id that may be missing, null or empty.
pub(crate) fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let id = Option::<AnyId>::deserialize(deserializer)?.map(String::from);
    Ok(id.filter(|id| !id.is_empty()))
}
