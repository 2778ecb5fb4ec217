//! What a run reads: which streams are wanted of which pages, and the listings that lead to them.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::error::{Error, Kind, Result};
use crate::state::{State, overlapped};
use crate::stream::{Mode, Stream};
use crate::timestamp::Timestamp;

/// Ids per listing of pages (`maxItems` of `space-id` in the OpenAPI).
const SPACE_IDS: usize = 100;
/// Keys per listing of spaces (`maxItems` of `keys` in the OpenAPI).
const SPACE_KEYS: usize = 250;

/// How much of a stream is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Every row.
    Whole,
    /// The rows of pages modified since, overlap included.
    Since(Timestamp),
}

/// The streams that a run delivers, each with its extent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted(Vec<(Stream, Extent)>);

impl Wanted {
    /// Makes sense of a selection: an incremental stream without a watermark is read whole.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidConfig`] with all that is wrong with the selection.
    pub fn new(selection: &[(String, Mode)], state: &State) -> Result<Self> {
        let mut wanted: Vec<(Stream, Extent)> = Vec::new();
        let mut problems = Vec::new();
        for (name, mode) in selection {
            let Some(stream) = Stream::named(name) else {
                let known = Stream::ALL.map(Stream::name).join(", ");
                problems.push(format!(
                    "there is no stream called {name}; there are {known}"
                ));
                continue;
            };
            if !stream.modes().contains(mode) {
                problems.push(format!("the stream {name} has no incremental mode"));
            }
            let extent = match state.watermark(stream) {
                Some(watermark) if *mode == Mode::Incremental => {
                    Extent::Since(overlapped(watermark))
                }
                _ => Extent::Whole,
            };
            if wanted.iter().any(|(known, _)| *known == stream) {
                problems.push(format!("the stream {name} is selected twice"));
            }
            wanted.push((stream, extent));
        }
        if selection.is_empty() {
            problems.push("no stream is selected".to_owned());
        }
        if problems.is_empty() {
            let position = |stream| wanted.iter().find(|(known, _)| *known == stream).copied();
            Ok(Self(Stream::ALL.into_iter().filter_map(position).collect()))
        } else {
            Err(Error::new(Kind::InvalidConfig, problems.join("; ")))
        }
    }

    /// The streams, in the order of the catalogue.
    pub fn streams(&self) -> impl Iterator<Item = Stream> {
        self.0.iter().map(|(stream, _)| *stream)
    }

    /// Whether the stream is wanted at all.
    #[must_use]
    pub fn has(&self, stream: Stream) -> bool {
        self.extent(stream).is_some()
    }

    /// Whether every row of the stream is wanted.
    #[must_use]
    pub fn whole(&self, stream: Stream) -> bool {
        self.extent(stream) == Some(Extent::Whole)
    }

    /// The streams that are wanted from some time on.
    pub fn partial(&self) -> impl Iterator<Item = Stream> {
        let partial = self.0.iter();
        let partial = partial.filter(|(_, extent)| matches!(extent, Extent::Since(_)));
        partial.map(|(stream, _)| *stream)
    }

    /// Whether the rows of the stream that belong to this page are wanted.
    #[must_use]
    pub fn of_page(&self, stream: Stream, page: &PageRow) -> bool {
        self.from(stream, page.modified)
    }

    /// Whether a row of this time is wanted; one that doesn't say is.
    #[must_use]
    pub fn from(&self, stream: Stream, time: Option<Timestamp>) -> bool {
        match self.extent(stream) {
            None => false,
            Some(Extent::Whole) => true,
            Some(Extent::Since(since)) => time.is_none_or(|time| time >= since),
        }
    }

    /// From when on pages matter, if every stream that hangs on pages is wanted from some time on.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let mut earliest = None;
        for (stream, extent) in &self.0 {
            match extent {
                Extent::Whole if *stream == Stream::Spaces => {}
                Extent::Whole => return None,
                Extent::Since(since) => {
                    earliest = Some(earliest.map_or(*since, |known: Timestamp| known.min(*since)));
                }
            }
        }
        earliest
    }

    /// How many requests the details of a page take, at least one.
    #[must_use]
    pub fn details_per_page(&self) -> usize {
        let versions = self.has(Stream::PageVersions) || self.has(Stream::Users);
        let others = [
            Stream::PageLabels,
            Stream::PageViews,
            Stream::PageContentStates,
        ];
        let others = others
            .into_iter()
            .filter(|stream| self.has(*stream))
            .count();
        (usize::from(versions) + others).max(1)
    }

    fn extent(&self, stream: Stream) -> Option<Extent> {
        let wanted = self.0.iter().find(|(wanted, _)| *wanted == stream);
        wanted.map(|(_, extent)| *extent)
    }

    /// Whether any stream is wanted that hangs on pages.
    #[must_use]
    pub fn needs_pages(&self) -> bool {
        self.streams().any(|stream| stream != Stream::Spaces)
    }
}

/// One listing of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// What is listed.
    pub endpoint: Endpoint,
    /// Filters and sort.
    pub query: String,
    /// For pages: listed by descending modification, down to this time.
    pub since: Option<Timestamp>,
}

/// The listings of a run, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The listings.
    pub steps: Vec<Step>,
    /// Tells this plan from others.
    pub fingerprint: i64,
}

impl Plan {
    /// Plans a run. `spaces` are the ids of the configured spaces, or none for the whole site; `distrust`
    /// lists all pages though only those modified lately are wanted.
    #[must_use]
    pub fn new(wanted: &Wanted, spaces: Option<&[String]>, distrust: bool) -> Self {
        let mut steps = Vec::new();
        let accounts = wanted.has(Stream::Users);
        if spaces.is_none() && (wanted.has(Stream::Spaces) || accounts) {
            steps.extend(space_steps(&[]));
        }
        if wanted.needs_pages() {
            let since = wanted.since().filter(|_| !distrust);
            let trashed = wanted.has(Stream::Pages) || accounts;
            let statuses = if trashed {
                &["current", "archived", "trashed"][..]
            } else {
                &["current", "archived"]
            };
            let sort = if since.is_some() {
                "-modified-date"
            } else {
                "id"
            };
            steps.extend(
                page_queries(statuses, sort, spaces)
                    .into_iter()
                    .map(|query| Step {
                        endpoint: Endpoint::Pages,
                        query,
                        since,
                    }),
            );
        }
        let mut hasher = DefaultHasher::new();
        (wanted, &steps).hash(&mut hasher);
        Self {
            steps,
            fingerprint: hasher.finish().cast_signed(),
        }
    }
}

/// The listings of spaces, all or those called `keys`. Which spaces come when `status` is left out is not
/// documented, so both are named.
#[must_use]
pub fn space_steps(keys: &[String]) -> Vec<Step> {
    let chunks: Vec<&[String]> = if keys.is_empty() {
        vec![&[]]
    } else {
        keys.chunks(SPACE_KEYS).collect()
    };
    let step = |status: &str, keys: &[String]| {
        let keys = keys.iter().map(|key| format!("keys={}", encode(key)));
        let parameters: Vec<_> = [format!("status={status}"), "sort=id".to_owned()]
            .into_iter()
            .chain(keys)
            .collect();
        Step {
            endpoint: Endpoint::Spaces,
            query: parameters.join("&"),
            since: None,
        }
    };
    chunks
        .iter()
        .flat_map(|keys| [step("current", keys), step("archived", keys)])
        .collect()
}

/// The queries that list pages of these statuses, in as many listings as the spaces need.
#[must_use]
pub fn page_queries(statuses: &[&str], sort: &str, spaces: Option<&[String]>) -> Vec<String> {
    let query = |ids: &[String]| {
        let statuses = statuses.iter().map(|status| format!("status={status}"));
        let ids = ids.iter().map(|id| format!("space-id={}", encode(id)));
        let parameters: Vec<_> = statuses
            .chain(ids)
            .chain([format!("sort={sort}")])
            .collect();
        parameters.join("&")
    };
    match spaces {
        None => vec![query(&[])],
        Some(ids) => ids.chunks(SPACE_IDS).map(query).collect(),
    }
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
