//! Which of the seven endpoints a path means, and which scopes open it.

const TOKEN_PATH: &str = "/oauth/token";

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// GET /wiki/api/v2/spaces
    Spaces,
    /// GET /wiki/api/v2/pages
    Pages,
    /// GET /wiki/api/v2/pages/{id}/versions
    Versions,
    /// GET /wiki/api/v2/pages/{id}/labels
    Labels,
    /// POST /wiki/api/v2/users-bulk
    Users,
    /// GET /wiki/rest/api/analytics/content/{id}/views
    Views,
    /// GET /wiki/rest/api/content/{id}/state
    States,
    /// POST /oauth/token, of the authorization server
    Token,
}

impl Endpoint {
    /// All of the service.
    pub const ALL: [Self; 7] = [
        Self::Spaces,
        Self::Pages,
        Self::Versions,
        Self::Labels,
        Self::Users,
        Self::Views,
        Self::States,
    ];

    /// The name used in faults and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spaces => "spaces",
            Self::Pages => "pages",
            Self::Versions => "versions",
            Self::Labels => "labels",
            Self::Users => "users",
            Self::Views => "views",
            Self::States => "states",
            Self::Token => "token",
        }
    }

    /// The endpoint of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Token])
            .find(|endpoint| endpoint.name() == name)
    }

    /// The scopes of which a scoped token needs one: the current one, then the granular alternative.
    #[must_use]
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Spaces => &["read:space:confluence"],
            Self::Pages | Self::Versions | Self::Labels => &["read:page:confluence"],
            Self::Users => &["read:user:confluence"],
            Self::Views => &[
                "read:confluence-content.summary",
                "read:analytics.content:confluence",
            ],
            Self::States => &[
                "read:confluence-content.summary",
                "read:content-details:confluence",
            ],
            Self::Token => &[],
        }
    }

    /// The path on the site, with the id of a page where the endpoint has one.
    #[must_use]
    pub fn path(self, id: &str) -> String {
        match self {
            Self::Spaces => "/wiki/api/v2/spaces".to_owned(),
            Self::Pages => "/wiki/api/v2/pages".to_owned(),
            Self::Versions => format!("/wiki/api/v2/pages/{id}/versions"),
            Self::Labels => format!("/wiki/api/v2/pages/{id}/labels"),
            Self::Users => "/wiki/api/v2/users-bulk".to_owned(),
            Self::Views => format!("/wiki/rest/api/analytics/content/{id}/views"),
            Self::States => format!("/wiki/rest/api/content/{id}/state"),
            Self::Token => TOKEN_PATH.to_owned(),
        }
    }

    /// Whether it is of the old API, whose errors look different.
    #[must_use]
    pub fn is_v1(self) -> bool {
        matches!(self, Self::Views | Self::States)
    }

    /// Whether its answers come in pages.
    #[must_use]
    pub fn is_listing(self) -> bool {
        matches!(
            self,
            Self::Spaces | Self::Pages | Self::Versions | Self::Labels
        )
    }

    /// Whether it tells about one page.
    #[must_use]
    pub fn is_about_a_page(self) -> bool {
        matches!(
            self,
            Self::Versions | Self::Labels | Self::Views | Self::States
        )
    }
}

/// Which entry a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryPoint<'a> {
    /// The site's own host.
    Site,
    /// The gateway, with the cloud id of the path.
    Gateway(&'a str),
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// One of them; the page's id is empty where the endpoint has none.
    Endpoint(Endpoint, &'a str),
    /// The cloud id, for anybody.
    TenantInfo,
    /// Anything else.
    Unknown,
}

/// Where a path leads.
pub(super) fn route(path: &str) -> (EntryPoint<'_>, Target<'_>) {
    match path.strip_prefix("/ex/confluence/") {
        Some(rest) => {
            let (cloud_id, inner) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (EntryPoint::Gateway(cloud_id), target(inner))
        }
        None if path == "/_edge/tenant_info" => (EntryPoint::Site, Target::TenantInfo),
        None if path == TOKEN_PATH => (EntryPoint::Site, Target::Endpoint(Endpoint::Token, "")),
        None => (EntryPoint::Site, target(path)),
    }
}

fn target(path: &str) -> Target<'_> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["wiki", "api", "v2", "spaces"] => Target::Endpoint(Endpoint::Spaces, ""),
        ["wiki", "api", "v2", "pages"] => Target::Endpoint(Endpoint::Pages, ""),
        ["wiki", "api", "v2", "pages", id, "versions"] => Target::Endpoint(Endpoint::Versions, id),
        ["wiki", "api", "v2", "pages", id, "labels"] => Target::Endpoint(Endpoint::Labels, id),
        ["wiki", "api", "v2", "users-bulk"] => Target::Endpoint(Endpoint::Users, ""),
        ["wiki", "rest", "api", "analytics", "content", id, "views"] => {
            Target::Endpoint(Endpoint::Views, id)
        }
        ["wiki", "rest", "api", "content", id, "state"] => Target::Endpoint(Endpoint::States, id),
        _ => Target::Unknown,
    }
}

#[cfg(test)]
mod tests;
