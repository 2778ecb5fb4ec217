//! What a run reads: which streams are selected of which pages, and the listings that lead to them.

use crate::endpoint::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::state::{StableHash, State, StreamSet, overlapped};
use crate::stream::{Mode, Stream};
use crate::sync::spaces::Spaces;
use crate::timestamp::Timestamp;

/// Keys per listing of spaces (`maxItems` of `keys` in the OpenAPI).
const SPACE_KEYS: usize = 250;

/// The streams that hang on one page and cost requests of their own. `page_versions` stands for the requests that
/// `users` needs too.
pub const DETAILS: [Stream; 4] = [
    Stream::PageVersions,
    Stream::PageLabels,
    Stream::PageViews,
    Stream::PageContentStates,
];

/// Which rows of a stream are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Every row.
    All,
    /// The rows of pages modified since, overlap included.
    Since(Timestamp),
}

/// The streams that a run delivers, each with its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Vec<(Stream, Window)>);

impl Selection {
    /// Checks a selection: an incremental stream without a watermark is read whole.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidConfig`] with all that is wrong with the selection.
    pub fn new(selected: &[(String, Mode)], state: &State) -> Result<Self> {
        let mut selection: Vec<(Stream, Window)> = Vec::new();
        let mut problems = Vec::new();
        for (name, mode) in selected {
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
            let window = match state.watermark(stream) {
                Some(watermark) if *mode == Mode::Incremental => {
                    Window::Since(overlapped(watermark))
                }
                _ => Window::All,
            };
            if selection.iter().any(|(known, _)| *known == stream) {
                problems.push(format!("the stream {name} is selected twice"));
            }
            selection.push((stream, window));
        }
        if selected.is_empty() {
            problems.push("no stream is selected".to_owned());
        }
        if problems.is_empty() {
            Ok(Self(selection))
        } else {
            Err(Error::new(Kind::InvalidConfig, problems.join("; ")))
        }
    }

    /// The streams.
    #[must_use]
    pub fn streams(&self) -> StreamSet {
        self.0.iter().map(|(stream, _)| *stream).collect()
    }

    /// Whether the stream is selected at all.
    #[must_use]
    pub fn has(&self, stream: Stream) -> bool {
        self.window(stream).is_some()
    }

    /// The streams of which every row is selected.
    #[must_use]
    pub fn whole(&self) -> StreamSet {
        self.with(|window| window == Window::All)
    }

    /// The streams of which the rows since some time are selected.
    #[must_use]
    pub fn partial(&self) -> StreamSet {
        self.with(|window| window != Window::All)
    }

    /// The streams that a snapshot across runs refreshes: those that runs select by modification.
    #[must_use]
    pub fn refreshed(&self) -> StreamSet {
        let mut streams = self.partial();
        streams.remove(Stream::Spaces);
        streams
    }

    fn with(&self, matches: impl Fn(Window) -> bool) -> StreamSet {
        let streams = self.0.iter().filter(|(_, window)| matches(*window));
        streams.map(|(stream, _)| *stream).collect()
    }

    /// The streams whose rows of a page that was modified then are selected.
    #[must_use]
    pub fn at(&self, modified: Option<Timestamp>) -> StreamSet {
        self.with(|window| match window {
            Window::All => true,
            // A row that doesn't say when it was modified is delivered.
            Window::Since(since) => modified.is_none_or(|time| time >= since),
        })
    }

    /// The earliest time of modification that is selected, if no stream is read whole that hangs on pages.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let windows = self
            .0
            .iter()
            .filter(|(stream, _)| *stream != Stream::Spaces);
        let since = windows.map(|(_, window)| match window {
            Window::All => None,
            Window::Since(since) => Some(*since),
        });
        since.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Whether any stream is selected that hangs on pages.
    #[must_use]
    pub fn needs_pages(&self) -> bool {
        self.0.iter().any(|(stream, _)| *stream != Stream::Spaces)
    }

    /// Whether rows of trashed pages are selected.
    fn needs_trashed(&self) -> bool {
        self.has(Stream::Pages) || self.has(Stream::Users)
    }

    fn window(&self, stream: Stream) -> Option<Window> {
        let found = self.0.iter().find(|(known, _)| *known == stream);
        found.map(|(_, window)| *window)
    }

    fn hash(&self) -> StableHash {
        let mut streams = self.0.clone();
        streams.sort_unstable_by_key(|(stream, _)| *stream);
        let add = |hash: StableHash, (stream, window): (Stream, Window)| {
            let hash = hash.and_text(stream.name());
            match window {
                Window::All => hash.and_text("all"),
                Window::Since(since) => hash.and_text(&since.millis().to_string()),
            }
        };
        streams.into_iter().fold(StableHash::EMPTY, add)
    }
}

/// The requests for details that a page costs when these streams of it are delivered, as the streams whose rows come
/// from them.
#[must_use]
pub fn details_of(streams: StreamSet) -> StreamSet {
    let mut details: StreamSet = DETAILS.into_iter().collect();
    if streams.contains(Stream::Users) {
        details = details.intersection(streams);
        details.insert(Stream::PageVersions);
        details
    } else {
        details.intersection(streams)
    }
}

/// One listing of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is listed.
    pub endpoint: Endpoint,
    /// Filters and sort.
    pub query: String,
    /// For pages: listed by descending modification, down to this time.
    pub since: Option<Timestamp>,
}

/// The order in which pages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All pages by id.
    Id,
    /// The newest first, down to the watermark.
    Modified,
}

/// The listings of a run, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The listings.
    pub steps: Vec<Step>,
    /// Tells this plan from others.
    pub hash: StableHash,
}

impl Plan {
    /// Plans a run. Pages are listed by modification only where no stream is read whole.
    #[must_use]
    pub fn new(selection: &Selection, spaces: &Spaces, order: Order) -> Self {
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
    pub fn of_pages(selection: &Selection, spaces: &Spaces) -> Vec<Step> {
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
    }
}

/// The listings of spaces, all or those with these keys. Which spaces come when `status` is left out is not
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

/// The query that lists the pages with these statuses in the chosen spaces, or of the whole site where they are more
/// than one listing takes.
#[must_use]
pub fn page_query(statuses: &[&str], sort: &str, spaces: &Spaces) -> String {
    let statuses = statuses.iter().map(|status| format!("status={status}"));
    let ids = spaces.in_query().iter();
    let ids = ids.map(|id| format!("space-id={}", encode(id)));
    let parameters: Vec<_> = statuses
        .chain(ids)
        .chain([format!("sort={sort}")])
        .collect();
    parameters.join("&")
}

/// Percent-encodes a value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
