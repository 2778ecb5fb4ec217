//! Bridge: the listing of the branch client over the old one.
use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::client::request::RequestError;
use crate::client::{Client, Platform};
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::http::call::CallError;
use crate::{error, paging};

/// A value that means nothing.
#[derive(Debug, Clone)]
pub struct UnreadableValue {
    pub endpoint: Endpoint,
    pub column: &'static str,
    pub key: String,
}
/// A row without its key.
#[derive(Debug, Clone)]
pub struct UnusableRow {
    pub endpoint: Endpoint,
    pub why: String,
}

/// A row of a listing.
pub trait Listed: Sized {
    const ENDPOINT: Endpoint;
    fn decode(fields: Fields<'_>, base: Option<&str>) -> Result<Self>;
}
impl Listed for PageRow {
    const ENDPOINT: Endpoint = Endpoint::Pages;
    fn decode(fields: Fields<'_>, base: Option<&str>) -> Result<Self> {
        Self::read(fields, base)
    }
}
impl Listed for SpaceRow {
    const ENDPOINT: Endpoint = Endpoint::Spaces;
    fn decode(fields: Fields<'_>, base: Option<&str>) -> Result<Self> {
        Self::read(fields, base)
    }
}

/// A listing.
#[derive(Debug)]
pub struct Listing<R> {
    inner: paging::Listing,
    row: std::marker::PhantomData<R>,
}
/// A page of it.
#[derive(Debug)]
pub struct ListingPage<R> {
    pub rows: Vec<R>,
    pub next: Option<String>,
    pub unusable: Vec<UnusableRow>,
    pub unreadable: Vec<UnreadableValue>,
}

impl<R: Listed> Listing<R> {
    pub fn new(query: &str, limit: u32, cursor: Option<String>) -> Self {
        Self {
            inner: paging::Listing::new(R::ENDPOINT, query, limit, cursor),
            row: std::marker::PhantomData,
        }
    }
    pub async fn next<P: Platform>(
        &mut self,
        client: &Client<'_, P>,
    ) -> Result<Option<ListingPage<R>>, RequestError> {
        let page = self.inner.next(client, R::decode).await.map_err(bridge)?;
        Ok(page.map(|page| ListingPage {
            rows: page.rows,
            next: page.next,
            unusable: vec![],
            unreadable: vec![],
        }))
    }
}

pub(crate) fn bridge(error: CallError) -> RequestError {
    use error::Kind;
    match error {
        CallError::Gone => RequestError::PageGone,
        CallError::Refused => RequestError::Unavailable(Error::new(Kind::Unavailable, "refused")),
        CallError::StaleCursor(error) => RequestError::CursorRefused(error),
        CallError::Failed(error)
            if matches!(error.kind, Kind::Unavailable | Kind::UnexpectedResponse)
                || error.http_status == Some(403) && error.kind == Kind::InvalidPermissions =>
        {
            RequestError::Failed(error)
        }
        CallError::Failed(error) => RequestError::Fatal(error),
    }
}
