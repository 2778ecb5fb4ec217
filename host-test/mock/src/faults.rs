//! Faults to order: their names, and how one is written on a command line.

use std::str::FromStr;

use super::endpoint::Endpoint;

macro_rules! faults {
    ($($kind:ident $name:literal $about:literal)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind { $(#[doc = $about] $kind,)* }

        /// The name of every fault and what it does, in one line.
        pub const FAULTS: &[(&str, &str)] = &[$(($name, $about),)*];

        impl FaultKind {
            /// All kinds, in the order of [`FAULTS`].
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name on a command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

faults! {
    WrongToken "wrong-token" "the token is wrong"
    TokenDies "token-dies" "the token stops working after so many requests (after=N, else 10)"
    PublicSite "public-site" "the token is wrong and the site is public: partial data instead of an error"
    MissingScope "missing-scope" "the token lacks a scope (scope=NAME, else whatever is needed); at the gateway"
    ScopedOnSite "scoped-on-site" "a scoped token is sent to the site instead of the gateway"
    IpAllowList "ip-allow-list" "the caller's address is not on the site's list"
    NoSpaces "no-spaces" "the token sees no space"
    ViewsRefused "views-refused" "403 for views: not in the plan"
    ViewsMissing "views-missing" "404 for views"
    RateLimit "rate-limit" "429 with Retry-After (seconds=N, else 1)"
    RateLimitDate "rate-limit-date" "429 with Retry-After as a date (seconds=N from now, else 1)"
    RateLimitReset "rate-limit-reset" "429 with X-RateLimit-ResetSignal only, in whole minutes (seconds=N from now, else 60, rounded down)"
    RateLimitBare "rate-limit-bare" "429 that does not say how long to wait"
    RateLimitLong "rate-limit-long" "429 with Retry-After: 1847"
    NearLimit "near-limit" "a good answer with X-RateLimit-NearLimit: true"
    RequestTimeout "408" "408"
    ServerError "500" "500"
    BadGateway "502" "502"
    Unavailable "503" "503 (with Retry-After when seconds=N is given)"
    GatewayTimeout "504" "504"
    TooLargeLimit "too-large-limit" "504 for listings while their limit is above limit=N, else 50"
    FalseNotFound "false-404" "404 with the bare title although nothing is wrong"
    FalseForbidden "false-403" "403 from the edge although nothing is wrong"
    PageGone "page-gone" "404 that names the page, for its details"
    PageGoneBare "page-gone-bare" "404 with the bare title, for a page's details"
    HtmlOk "html-200" "200 with a login page"
    HtmlNotFound "html-404" "404 with a page for people"
    EmptyOk "empty-200" "200 without a body"
    TruncatedJson "truncated-json" "the body ends in the middle, the message does not"
    WrongTypes "wrong-types" "numbers where text belongs (shape=number), or rows as an object (shape=object)"
    HugeBody "huge-body" "a body of 200 MiB"
    Drip "drip" "a byte every 200 ms, without end"
    Stall "stall" "the headers and then nothing"
    Hang "hang" "no answer at all"
    ResetBefore "reset-before" "the connection is reset before the answer"
    ResetWithin "reset-within" "the connection is reset within the body"
    Redirect "redirect" "302 to another host (to=URL)"
    ForeignNext "foreign-next" "next links lead to another host (to=ORIGIN)"
    CursorCircle "cursor-circle" "next links lead in a circle"
    EmptyPages "empty-pages" "nothing but empty pages, each with a new cursor"
    EmptyPage "empty-page" "one empty page in the middle of each listing"
    ShortPages "short-pages" "pages with a third of the rows asked for"
    NoNextButLink "no-next-but-link" "the next link is in the Link header only"
    CursorExpires "cursor-expires" "400 for a valid cursor"
    Unsorted "unsorted" "sort=-modified-date is ignored"
    GatewayUnauthorized "gateway-401" "401 in JSON that is not about a scope"
}

/// How rows are spoilt by [`FaultKind::WrongTypes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypeCorruption {
    /// Numbers stand where text belongs.
    #[default]
    Number,
    /// An object stands where the rows belong.
    Object,
}

/// One fault, which requests it active, and how hard. Written `NAME[:key=value[,key=value…]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it active; without end when not given.
    pub count: Option<u64>,
    /// How many requests that it could hit it lets pass first.
    pub after: u64,
    /// Only requests to this endpoint.
    pub endpoint: Option<Endpoint>,
    /// Only requests about this page.
    pub page: Option<String>,
    /// How long to wait, for the faults that say so.
    pub seconds: Option<u64>,
    /// The scope that is missing.
    pub scope: Option<String>,
    /// The largest limit that is not too large.
    pub limit: usize,
    /// Where links and redirects lead.
    pub to: Option<String>,
    /// How rows are spoilt.
    pub shape: TypeCorruption,
}

/// A fault that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// No fault has this name.
    #[error("no fault is named {0:?}; there are {names}", names = names())]
    Name(String),
    /// The fault has no such key.
    #[error("the fault {0} has no key {1:?}")]
    Key(&'static str, String),
    /// The value is not one that the key can have.
    #[error("{1:?} is no value for the key {0}")]
    Value(String, String),
}

fn names() -> String {
    FAULTS
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

impl Fault {
    /// A fault that active every request it can.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        let after = if kind == FaultKind::TokenDies { 10 } else { 0 };
        Self {
            kind,
            after,
            count: None,
            endpoint: None,
            page: None,
            seconds: None,
            scope: None,
            limit: 50,
            to: None,
            shape: TypeCorruption::Number,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidFault> {
        let bad = || InvalidFault::Value(key.to_owned(), value.to_owned());
        if !matches!(key, "count" | "after" | "endpoint" | "page")
            && !self.kind.own_keys().contains(&key)
        {
            return Err(InvalidFault::Key(self.kind.name(), key.to_owned()));
        }
        match key {
            "count" => self.count = Some(value.parse().map_err(|_| bad())?),
            "after" => self.after = value.parse().map_err(|_| bad())?,
            "endpoint" => self.endpoint = Some(Endpoint::named(value).ok_or_else(bad)?),
            "page" => self.page = Some(value.to_owned()),
            "seconds" => self.seconds = Some(value.parse().map_err(|_| bad())?),
            "limit" => self.limit = value.parse().map_err(|_| bad())?,
            "scope" => self.scope = Some(value.to_owned()),
            "shape" if value == "object" => self.shape = TypeCorruption::Object,
            "shape" if value == "number" => self.shape = TypeCorruption::Number,
            "shape" => return Err(bad()),
            _ => self.to = Some(value.to_owned()),
        }
        Ok(())
    }
}

impl FaultKind {
    /// Whether the fault makes up the whole answer.
    pub(super) fn is_whole_answer(self) -> bool {
        matches!(
            self,
            Self::IpAllowList
                | Self::ViewsRefused
                | Self::ViewsMissing
                | Self::RateLimit
                | Self::RateLimitDate
                | Self::RateLimitReset
                | Self::RateLimitBare
                | Self::RateLimitLong
                | Self::RequestTimeout
                | Self::ServerError
                | Self::BadGateway
                | Self::Unavailable
                | Self::GatewayTimeout
                | Self::TooLargeLimit
                | Self::FalseNotFound
                | Self::FalseForbidden
                | Self::PageGone
                | Self::PageGoneBare
                | Self::HtmlOk
                | Self::HtmlNotFound
                | Self::EmptyOk
                | Self::Redirect
                | Self::GatewayUnauthorized
        )
    }

    /// The keys that only some faults have.
    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::RateLimit | Self::RateLimitDate | Self::RateLimitReset | Self::Unavailable => {
                &["seconds"]
            }
            Self::MissingScope => &["scope"],
            Self::TooLargeLimit => &["limit"],
            Self::Redirect | Self::ForeignNext => &["to"],
            Self::WrongTypes => &["shape"],
            _ => &[],
        }
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let kind = FaultKind::ALL
            .iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| InvalidFault::Name(name.to_owned()))?;
        let mut fault = Self::new(*kind);
        for part in rest.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            fault.set(key, value)?;
        }
        Ok(fault)
    }
}

#[cfg(test)]
mod tests;
