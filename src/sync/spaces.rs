//! What the account sees of the site: the spaces that were chosen, or any at all.

use std::collections::HashSet;

use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::error::{Error, Kind, Result};
use crate::http::Platform;
use crate::http::classify::Problem;
use crate::http::client::Client;
use crate::paging::Listing;
use crate::sink::Sink;
use crate::sync::plan::space_steps;

/// Ids that one listing of pages takes (`maxItems` of `space-id` in the OpenAPI).
const SPACE_IDS: usize = 100;

/// The spaces of a run.
#[derive(Debug, Default)]
pub struct Spaces {
    /// The chosen spaces, where not the whole site is read.
    chosen: Option<Vec<SpaceRow>>,
    /// Their ids, where one listing of pages takes them all. Several listings would lose or repeat a page that
    /// moves between them, so the whole site is listed beyond that.
    in_query: Vec<String>,
    /// Their ids, where listings of pages are filtered by row.
    by_row: Option<HashSet<String>>,
}

impl Spaces {
    fn choose(rows: Vec<SpaceRow>) -> Self {
        let ids = rows.iter().map(|row| row.source_id.clone());
        let (in_query, by_row) = if (1..=SPACE_IDS).contains(&rows.len()) {
            (ids.collect(), None)
        } else {
            (Vec::new(), Some(ids.collect()))
        };
        Self {
            in_query,
            by_row,
            chosen: Some(rows),
        }
    }

    /// The chosen spaces, or none where the run lists them all.
    #[must_use]
    pub fn listed(&self) -> Option<&[SpaceRow]> {
        self.chosen.as_deref()
    }

    /// The ids to filter listings of pages by; empty for no filter.
    #[must_use]
    pub fn in_query(&self) -> &[String] {
        &self.in_query
    }

    /// Whether a page of an unfiltered listing is in a chosen space.
    #[must_use]
    pub fn includes(&self, page: &PageRow) -> bool {
        let ids = self.by_row.as_ref();
        ids.is_none_or(|ids| page.space_id.as_ref().is_some_and(|id| ids.contains(id)))
    }

    /// Whether a page that was asked for by its id is in a chosen space.
    #[must_use]
    pub fn contain(&self, page: &PageRow) -> bool {
        let in_query = &self.in_query;
        let fits = in_query.is_empty()
            || page.space_id.as_ref().is_some_and(|id| in_query.contains(id));
        fits && self.includes(page)
    }
}

/// Finds the configured spaces.
///
/// # Errors
///
/// [`Kind::InvalidConfig`] where a key is unknown.
pub async fn chosen_spaces<P: Platform, S: Sink>(client: &Client<'_, P, S>) -> Result<Spaces> {
    let keys = &client.config().spaces;
    if keys.is_empty() {
        return Ok(Spaces::default());
    }
    let mut rows = Vec::new();
    for step in space_steps(keys) {
        let limit = client.config().page_size;
        let mut listing = Listing::new(Endpoint::Spaces, &step.query, limit, None);
        while let Some(page) = listing.next(client, SpaceRow::read).await? {
            rows.extend(page.rows);
        }
    }
    let unknown = keys
        .iter()
        .filter(|key| !rows.iter().any(|row| row.is_called(key)));
    let unknown: Vec<_> = unknown.map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(Spaces::choose(rows));
    }
    let message = format!(
        "spaces has keys that don't exist or that this account can't see: {}",
        unknown.join(", ")
    );
    Err(Error::new(Kind::InvalidConfig, message))
}

/// Whether the account sees any space; `probing` takes the service at its word.
///
/// # Errors
///
/// The problem with the listing.
pub async fn any_space_visible<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    probing: bool,
) -> Result<bool, Problem> {
    for step in space_steps(&[]) {
        let mut listing = Listing::new(Endpoint::Spaces, &step.query, 1, None);
        let found = listing.first_rows(client, probing, |_, _| Ok(())).await?;
        if !found.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The error of an account that sees nothing.
#[must_use]
pub fn no_space() -> Error {
    let message =
        "the account sees no space at all; give it the permission to view the spaces to read";
    Error::new(Kind::InvalidPermissions, message).at(Endpoint::Spaces)
}
