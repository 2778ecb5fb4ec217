//! The listings of a run, one after the other.

use crate::endpoint::Endpoint;
use crate::state::StableHash;
use crate::stream::Stream;
use crate::sync::selection::Selection;
use crate::sync::spaces::Spaces;
use crate::sync::step::{Step, encode, space_steps};
use crate::timestamp::Timestamp;

/// The order in which pages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// All pages by id.
    Id,
    /// The newest first, down to the watermark.
    Modified,
}

/// The listings of a run, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The listings.
    pub(super) steps: Vec<Step>,
    /// Tells this plan from others.
    pub(super) hash: StableHash,
}

impl Plan {
    /// Plans a run. Pages are listed by modification only where no stream is read whole.
    #[must_use]
    pub(super) fn new(selection: &Selection, spaces: &Spaces, order: Order) -> Self {
        let mut steps = Vec::new();
        let reads_spaces = selection.has(Stream::Spaces) || selection.has(Stream::Users);
        if reads_spaces && spaces.listed().is_none() {
            steps.extend(space_steps(&[]));
        }
        let since = selection.since().filter(|_| order == Order::Modified);
        if selection.needs_pages() {
            steps.push(page_step(selection, spaces, since));
        }
        let hash = steps.iter().fold(selection.hash(), |hash, step| {
            let since = step.since.map_or(0, Timestamp::millis);
            hash.and_text(&step.query).and_text(&since.to_string())
        });
        Self { steps, hash }
    }

    /// Plans a pass over all pages by id.
    #[must_use]
    pub(super) fn of_pages(selection: &Selection, spaces: &Spaces) -> Vec<Step> {
        vec![page_step(selection, spaces, None)]
    }
}

fn page_step(selection: &Selection, spaces: &Spaces, since: Option<Timestamp>) -> Step {
    let statuses: &[&str] = if selection.needs_trashed() {
        &["current", "archived", "trashed"]
    } else {
        &["current", "archived"]
    };
    let sort = if since.is_some() {
        "-modified-date"
    } else {
        "id"
    };
    Step {
        endpoint: Endpoint::Pages,
        query: page_query(statuses, sort, spaces),
        since,
        expects_rows: true,
    }
}

/// The query that lists the pages with these statuses in the chosen spaces, or of the whole site where they are more
/// than one listing takes.
#[must_use]
pub(super) fn page_query(statuses: &[&str], sort: &str, spaces: &Spaces) -> String {
    let statuses = statuses.iter().map(|status| format!("status={status}"));
    let ids = spaces.in_query().iter();
    let ids = ids.map(|id| format!("space-id={}", encode(id)));
    let parameters: Vec<_> = statuses
        .chain(ids)
        .chain([format!("sort={sort}")])
        .collect();
    parameters.join("&")
}
