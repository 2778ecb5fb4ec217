//! The archived and trashed pages: an incremental run lists them all (250 rows a request, no details), since whether
//! archiving or trashing a page makes a version is not documented.

use crate::api::page::PageRow;
use crate::client::{Client, Platform};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::state::Digest;
use crate::sync::context::hash_of;
use crate::sync::plan::page_query;
use crate::sync::reader::ListingReader;
use crate::sync::spaces::Spaces;
use crate::sync::step::Step;
use crate::sync::whole_listing::{Flaws, read_pages};

/// Lists the archived and trashed pages of the chosen spaces, and passes each row to `each`.
///
/// # Errors
///
/// Those of the listing and of `each`.
pub(super) async fn list<P: Platform>(
    client: &Client<'_, P>,
    spaces: &Spaces,
    each: &mut dyn FnMut(&PageRow) -> Result<()>,
) -> Result<(Digest, Flaws)> {
    let mut digest = Digest::default();
    let steps = [Step {
        endpoint: Endpoint::Pages,
        query: page_query(&["archived", "trashed"], "id", spaces),
        since: None,
        expects_rows: false,
    }];
    let reader = ListingReader::whole(client, spaces, &steps);
    let flaws = read_pages(reader, &mut |page| {
        digest.toggle(&page.source_id, hash_of(&page)?);
        each(&page)
    })
    .await?;
    Ok((digest, flaws))
}
