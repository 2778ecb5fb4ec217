//! The seven endpoints: their paths and scopes, what they answer, and the rows that become of it.

pub mod label;
pub mod page;
pub mod space;
pub mod state;
pub mod user;
pub mod version;
pub mod view;

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::Result;
use crate::fields::Fields;

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
        let path = self.as_str();
        let path = path.strip_prefix("POST ").unwrap_or(path);
        let Some((before, rest)) = path.split_once('{') else {
            return path.to_owned();
        };
        let after = rest.strip_prefix("id}").unwrap_or_default();
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
        format!("{before}{id}{after}")
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

/// The address of a space or a page for a browser: the site's own address with `/wiki`, which comes with each
/// listing, and `_links.webui`, which is relative to it.
fn source_url(fields: &mut Fields<'_>, base: Option<&str>) -> Result<Option<String>> {
    let webui = fields.object("_links")?.text("webui")?;
    Ok(base
        .zip(webui)
        .map(|(base, webui)| format!("{base}{webui}")))
}
