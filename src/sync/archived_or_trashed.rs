//! The archived and trashed pages: an incremental run lists them all (250 rows a request, no details), since whether
//! archiving or trashing a page makes a version is not documented.

use crate::api::page::PageRow;
use crate::client::{Client, Platform};
use crate::error::Result;
use crate::listing::Listing;
use crate::state::Digest;
use crate::sync::context::hash_of;
use crate::sync::plan::page_query;
use crate::sync::spaces::Spaces;

/// Lists the archived and trashed pages of the chosen spaces, and passes each row to `each`.
///
/// # Errors
///
/// Those of the listing and of `each`.
pub(super) async fn list<P: Platform>(
    client: &Client<'_, P>,
    spaces: &Spaces,
    mut each: impl FnMut(&PageRow) -> Result<()>,
) -> Result<Digest> {
    let mut digest = Digest::default();
    let query = page_query(&["archived", "trashed"], "id", spaces);
    let mut listing = Listing::<PageRow>::new(&query, client.config().page_size, None);
    while let Some(page) = listing.next(client).await? {
        for page in page.rows.iter().filter(|page| spaces.includes(page)) {
            digest.toggle(&page.source_id, hash_of(page)?);
            each(page)?;
        }
    }
    Ok(digest)
}
