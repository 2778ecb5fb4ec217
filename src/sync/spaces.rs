//! What the account sees of the site: the spaces that were chosen, or any at all.

use std::collections::HashSet;

use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::client::{Client, Platform};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::listing::Listing;
use crate::note::{Level, Note};
use crate::sync::step::space_steps;
use crate::sync::whole_listing::{Flaws, read_spaces};

/// Ids that one listing of pages takes (`maxItems` of `space-id` in the OpenAPI).
const SPACE_IDS: usize = 100;

/// The spaces of a run.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    /// The chosen spaces, where not the whole site is read.
    chosen: Option<Vec<SpaceRow>>,
    /// Their ids, where one listing of pages takes them all. Several listings would lose or repeat a page that
    /// moves between them, so the whole site is listed beyond that.
    in_query: Vec<String>,
    /// Their ids, where listings of pages are filtered by row.
    by_row: Option<HashSet<String>>,
    /// Spaces of the listing that cannot be told from others: what is in them is not known.
    pub(crate) flaws: Flaws,
}

impl Spaces {
    fn choose(rows: Vec<SpaceRow>, flaws: Flaws) -> Self {
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
            flaws,
        }
    }

    /// Whether a space could not be told from others, so that not all that is chosen is known.
    #[must_use]
    pub(crate) fn are_doubtful(&self) -> bool {
        self.flaws.unusable > 0
    }

    /// The chosen spaces, or none where the run lists them all.
    #[must_use]
    pub(crate) fn listed(&self) -> Option<&[SpaceRow]> {
        self.chosen.as_deref()
    }

    /// The ids to filter listings of pages by; empty for no filter.
    #[must_use]
    pub(crate) fn in_query(&self) -> &[String] {
        &self.in_query
    }

    /// Whether a page of an unfiltered listing is in a chosen space. One that does not say where it is counts: it would
    /// be lost otherwise.
    #[must_use]
    pub(crate) fn includes(&self, page: &PageRow) -> bool {
        let ids = self.by_row.as_ref();
        let space_id = page.space_id.as_ref();
        ids.zip(space_id).is_none_or(|(ids, id)| ids.contains(id))
    }

    /// Whether a page that was asked for by its id is in a chosen space.
    #[must_use]
    pub(crate) fn contain(&self, page: &PageRow) -> bool {
        let in_query = &self.in_query;
        let fits = in_query.is_empty()
            || page
                .space_id
                .as_ref()
                .is_none_or(|id| in_query.contains(id));
        fits && self.includes(page)
    }
}

/// Finds the chosen spaces: the configured ones, or all without the excluded ones.
///
/// # Errors
///
/// [`Kind::InvalidConfig`] where a key is unknown.
pub(crate) async fn chosen_spaces<P: Platform>(client: &Client<'_, P>) -> Result<Spaces> {
    let config = client.config();
    let excludes = !config.exclude_spaces.is_empty() || !config.include_personal_spaces;
    if config.spaces.is_empty() && !excludes {
        return Ok(Spaces::default());
    }
    let (mut rows, flaws) = read_spaces(client, &space_steps(&config.spaces)).await?;
    let unknown = unknown_keys("spaces", &config.spaces, &rows);
    if flaws.unusable > 0 && unknown.is_some() {
        let why = "a space without a readable id, which may be a chosen one";
        return Err(Error::unexpected(Endpoint::Spaces, why));
    }
    if let Some(message) = unknown {
        return Err(Error::new(Kind::InvalidConfig, message));
    }
    if config.spaces.is_empty()
        && let Some(message) = unknown_keys("exclude_spaces", &config.exclude_spaces, &rows)
    {
        client.notify(&Note::Log {
            level: Level::Warn,
            message: &message,
        });
    }
    rows.retain(|row| is_chosen(row, config));
    if rows.is_empty() && flaws.unusable == 0 {
        let message = "no space is left to read: exclude_spaces and include_personal_spaces exclude all of them";
        return Err(Error::new(Kind::InvalidConfig, message));
    }
    Ok(Spaces::choose(rows, flaws))
}

/// What is to be said where some of these keys are not those of spaces.
fn unknown_keys(field: &str, keys: &[String], rows: &[SpaceRow]) -> Option<String> {
    let unknown = keys
        .iter()
        .filter(|key| !rows.iter().any(|row| row.has_key(key)));
    let unknown: Vec<_> = unknown.map(String::as_str).collect();
    (!unknown.is_empty()).then(|| {
        let unknown = unknown.join(", ");
        format!("{field} has keys that don't exist or that this account can't see: {unknown}")
    })
}

fn is_chosen(space: &SpaceRow, config: &Config) -> bool {
    let mut excluded = config.exclude_spaces.iter();
    let is_personal = space.space_type.as_deref() == Some("personal");
    !excluded.any(|key| space.has_key(key)) && (config.include_personal_spaces || !is_personal)
}

/// Whether the account sees any space.
///
/// # Errors
///
/// Those of the listing.
pub(crate) async fn any_space_visible<P: Platform>(client: &Client<'_, P>) -> Result<bool> {
    for step in space_steps(&[]) {
        let mut listing = Listing::<SpaceRow>::probe(&step.query);
        while let Some(page) = listing.next(client).await? {
            if !page.rows.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The error of an account that sees nothing.
#[must_use]
pub(crate) fn no_space() -> Error {
    let message =
        "the account sees no space at all; give it the permission to view the spaces to read";
    Error::new(Kind::InvalidPermissions, message).at(Endpoint::Spaces)
}
