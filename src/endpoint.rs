//! The seven endpoints that the connector calls; there are no others.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::text;

/// An endpoint of Confluence Cloud.
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
    /// The number of views of a page.
    Views,
    /// The content state of a page.
    States,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// As HTTP spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl Endpoint {
    /// All of them, in the order in which `validate` calls them.
    pub const ALL: [Self; 7] = [
        Self::Spaces,
        Self::Pages,
        Self::Versions,
        Self::Labels,
        Self::Users,
        Self::Views,
        Self::States,
    ];

    /// The method of its requests.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Users => Method::Post,
            _ => Method::Get,
        }
    }

    /// The path below the base URL; `{id}` stands for the id of a page.
    #[must_use]
    pub fn path_template(self) -> &'static str {
        match self {
            Self::Spaces => "/wiki/api/v2/spaces",
            Self::Pages => "/wiki/api/v2/pages",
            Self::Versions => "/wiki/api/v2/pages/{id}/versions",
            Self::Labels => "/wiki/api/v2/pages/{id}/labels",
            Self::Users => "/wiki/api/v2/users-bulk",
            Self::Views => "/wiki/rest/api/analytics/content/{id}/views",
            Self::States => "/wiki/rest/api/content/{id}/state",
        }
    }

    /// The name that people and programs see: the path template, after the method where that is not GET.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "POST /wiki/api/v2/users-bulk",
            _ => self.path_template(),
        }
    }

    /// The path for the page `id`. Endpoints that do not belong to a page ignore it.
    #[must_use]
    pub fn path(self, id: &str) -> String {
        let template = self.path_template();
        let Some((before, after)) = text::split_once(template, "{id}") else {
            return template.to_owned();
        };
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        [before, &id, after].concat()
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
    pub fn is_per_page(self) -> bool {
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

/// The page that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRef<'a> {
    /// Its id.
    pub id: &'a str,
    /// The id of its space, if known: refusals are remembered by space.
    pub space_id: Option<&'a str>,
}
