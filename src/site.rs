//! What the account sees of the site: the spaces that were chosen, or any at all.

use crate::api::Endpoint;
use crate::api::space::SpaceRow;
use crate::error::{Error, Kind, Result};
use crate::http::Platform;
use crate::http::classify::Problem;
use crate::http::client::Client;
use crate::paging::Listing;
use crate::plan::space_steps;
use crate::sink::Sink;

/// The configured spaces, or nothing where the whole site is read.
///
/// # Errors
///
/// [`Kind::InvalidConfig`] where a key is unknown.
pub async fn chosen_spaces<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
) -> Result<Option<Vec<SpaceRow>>> {
    let keys = &client.config().spaces;
    if keys.is_empty() {
        return Ok(None);
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
        return Ok(Some(rows));
    }
    let message = format!(
        "spaces names what this account can't see or what doesn't exist: {}",
        unknown.join(", ")
    );
    Err(Error::new(Kind::InvalidConfig, message))
}

/// Whether the account sees any space; `probing` takes the service at its word.
///
/// # Errors
///
/// The problem with the listing.
pub async fn sees_a_space<P: Platform, S: Sink>(
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

/// The error of a token that sees nothing.
#[must_use]
pub fn no_space() -> Error {
    let message =
        "the account sees no space at all; give it the permission to view the spaces to read";
    Error::new(Kind::InvalidPermissions, message).at(Endpoint::Spaces)
}
