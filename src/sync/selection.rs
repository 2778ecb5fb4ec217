//! Which streams are selected, and of which pages.

use crate::error::{Error, Kind, Result};
use crate::state::{StableHash, State, StreamSet, overlapped};
use crate::stream::{Mode, Stream};
use crate::timestamp::Timestamp;

/// The streams that hang on one page and cost requests of their own. `page_versions` stands for the requests that
/// `users` needs too.
pub(super) const DETAILS: [Stream; 4] = [
    Stream::PageVersions,
    Stream::PageLabels,
    Stream::PageViews,
    Stream::PageContentStates,
];

/// Which rows of a stream are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// Every row.
    All,
    /// The rows of pages modified since, overlap included.
    Since(Timestamp),
}

/// The streams that a run delivers, each with its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection(Vec<(Stream, Window)>);

impl Selection {
    /// Checks a selection: an incremental stream without a watermark is read whole.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidConfig`] with all that is wrong with the selection.
    pub(super) fn new(selected: &[(String, Mode)], state: &State) -> Result<Self> {
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
    pub(super) fn streams(&self) -> StreamSet {
        self.0.iter().map(|(stream, _)| *stream).collect()
    }

    /// Whether the stream is selected at all.
    #[must_use]
    pub(super) fn has(&self, stream: Stream) -> bool {
        self.window(stream).is_some()
    }

    /// The streams of which every row is selected.
    #[must_use]
    pub(super) fn whole(&self) -> StreamSet {
        self.with(|window| window == Window::All)
    }

    /// The streams of which the rows since some time are selected.
    #[must_use]
    pub(super) fn partial(&self) -> StreamSet {
        self.with(|window| window != Window::All)
    }

    /// The streams that a snapshot across runs refreshes: those that runs select by modification.
    #[must_use]
    pub(super) fn refreshed(&self) -> StreamSet {
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
    pub(super) fn at(&self, modified: Option<Timestamp>) -> StreamSet {
        self.with(|window| match window {
            Window::All => true,
            // A row that doesn't say when it was modified is delivered.
            Window::Since(since) => modified.is_none_or(|time| time >= since),
        })
    }

    /// The earliest time of modification that is selected, if no stream is read whole that hangs on pages.
    #[must_use]
    pub(super) fn since(&self) -> Option<Timestamp> {
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
    pub(super) fn needs_pages(&self) -> bool {
        self.0.iter().any(|(stream, _)| *stream != Stream::Spaces)
    }

    /// Whether rows of trashed pages are selected.
    #[must_use]
    pub(super) fn needs_trashed(&self) -> bool {
        self.has(Stream::Pages) || self.has(Stream::Users)
    }

    fn window(&self, stream: Stream) -> Option<Window> {
        let found = self.0.iter().find(|(known, _)| *known == stream);
        found.map(|(_, window)| *window)
    }

    /// Tells this selection from others.
    #[must_use]
    pub(super) fn hash(&self) -> StableHash {
        let add = |hash: StableHash, stream: Stream| {
            let named = hash.and_text(stream.name());
            match self.window(stream) {
                None => hash,
                Some(Window::All) => named.and_text("all"),
                Some(Window::Since(since)) => named.and_text(&since.millis().to_string()),
            }
        };
        Stream::ALL.into_iter().fold(StableHash::EMPTY, add)
    }
}

/// The requests for details that a page costs when these streams of it are delivered, as the streams whose rows come
/// from them.
#[must_use]
pub(super) fn details_of(streams: StreamSet) -> StreamSet {
    let mut details: StreamSet = DETAILS.into_iter().collect();
    if streams.contains(Stream::Users) {
        details = details.intersection(streams);
        details.insert(Stream::PageVersions);
        details
    } else {
        details.intersection(streams)
    }
}
