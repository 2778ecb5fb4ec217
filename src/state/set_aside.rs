//! Pages whose details could not be read: their other streams are delivered, and the next run asks again.

use serde::{Deserialize, Serialize};

use super::stream_set::StreamSet;

/// Pages that can be set aside at once. Beyond that, the service is taken to be unavailable.
pub const MAX_SET_ASIDE: usize = 200;
/// Characters of a reason that are kept.
const MAX_REASON: usize = 40;

/// A page that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSetAside {
    /// The page.
    pub page_id: String,
    /// The streams that lack its rows.
    pub streams: StreamSet,
    /// Why, in a few words.
    pub reason: String,
}

/// The pages set aside, by this run and by earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SetAside(Vec<PageSetAside>);

impl SetAside {
    /// The pages.
    #[must_use]
    pub fn pages(&self) -> &[PageSetAside] {
        &self.0
    }

    /// Whether no page is set aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The streams that lack the rows of this page.
    #[must_use]
    pub fn missing(&self, page_id: &str) -> StreamSet {
        let page = self.0.iter().find(|page| page.page_id == page_id);
        page.map_or(StreamSet::EMPTY, |page| page.streams)
    }

    /// Whether another page can be set aside, or this one is already.
    #[must_use]
    pub fn has_room_for(&self, page_id: &str) -> bool {
        self.0.len() < MAX_SET_ASIDE || !self.missing(page_id).is_empty()
    }

    /// Sets a page aside for these streams.
    pub fn add(&mut self, page_id: &str, streams: StreamSet, reason: &str) {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        match self.0.iter_mut().find(|page| page.page_id == page_id) {
            Some(page) => {
                page.streams = page.streams.union(streams);
                page.reason = reason;
            }
            None => self.0.push(PageSetAside {
                page_id: page_id.to_owned(),
                streams,
                reason,
            }),
        }
    }

    /// Puts a page behind the others: where few can be tried again, it is the others' turn next time.
    pub fn postpone(&mut self, page_id: &str) {
        let place = self.0.iter().position(|page| page.page_id == page_id);
        if let Some(place) = place {
            let page = self.0.remove(place);
            self.0.push(page);
        }
    }

    /// These streams of the page are complete, or of no interest any more.
    pub fn remove(&mut self, page_id: &str, streams: StreamSet) {
        for page in self.0.iter_mut().filter(|page| page.page_id == page_id) {
            page.streams = page.streams.difference(streams);
        }
        self.0.retain(|page| !page.streams.is_empty());
    }

    /// The pages that lack rows of one of these streams.
    pub fn lacking(&self, streams: StreamSet) -> impl Iterator<Item = &PageSetAside> {
        let lacks = move |page: &&PageSetAside| !page.streams.intersection(streams).is_empty();
        self.0.iter().filter(lacks)
    }
}
