//! What is archived or in the trash: listed whole by an incremental run (250 rows a request, no details),
//! since whether putting a page away makes a version is not documented.

use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::digest::Digest;
use crate::error::Result;
use crate::http::Platform;
use crate::http::client::Client;
use crate::paging::Listing;
use crate::plan::page_queries;
use crate::sink::Sink;

/// Lists what is put away in these spaces, or on the whole site, and shows each row to `each`.
///
/// # Errors
///
/// Those of the listing and of `each`.
pub async fn list<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    spaces: Option<&[String]>,
    mut each: impl FnMut(&PageRow) -> Result<()>,
) -> Result<Digest> {
    let mut digest = Digest::default();
    for query in page_queries(&["archived", "trashed"], "id", spaces) {
        let limit = client.config().page_size;
        let mut listing = Listing::new(Endpoint::Pages, &query, limit, None);
        while let Some(bunch) = listing.next(client, PageRow::read).await? {
            for page in bunch.rows {
                digest.toggle(&page);
                each(&page)?;
            }
        }
    }
    Ok(digest)
}
