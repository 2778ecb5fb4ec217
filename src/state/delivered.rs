//! What a finished run leaves behind so that the next one need not deliver it again.

use super::{overlapped, required};
use crate::api::page::PageRow;
use crate::digest::{Digest, hash};
use crate::error::Result;
use crate::fields::Fields;
use crate::json::{Object, ToJson};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// How many of the newest rows are remembered at most, some 40 bytes each, in a state
/// of up to 64 KiB that holds them twice while a run is under way.
const MAX_NEWEST: usize = 300;

/// What need not be delivered again: rows within the overlap would come with every run, and so would all that
/// is put away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The streams for which they were delivered.
    streams: Vec<String>,
    newest: Vec<Newest>,
    /// What was archived or in the trash.
    pub put_away: Digest,
}

/// One of the newest pages, written as `<hash>@<milliseconds>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Newest {
    /// Of the row, its id among it.
    hash: i64,
    modified: Timestamp,
}

impl Newest {
    fn to_text(self) -> String {
        format!("{}@{}", self.hash, self.modified.millis())
    }

    fn parse(text: &str) -> Option<Self> {
        let (hash, modified) = text.split_once('@')?;
        Some(Self {
            hash: hash.parse().ok()?,
            modified: Timestamp::from_millis(modified.parse().ok()?),
        })
    }
}

impl Delivered {
    /// Nothing yet.
    #[must_use]
    pub fn to(wanted: impl Iterator<Item = Stream>) -> Self {
        Self {
            streams: wanted.map(|stream| stream.name().to_owned()).collect(),
            ..Self::default()
        }
    }

    /// What of it holds for these streams: all, or nothing where one of them was not read.
    #[must_use]
    pub fn held(&self, mut wanted: impl Iterator<Item = Stream>) -> Self {
        if wanted.all(|stream| self.streams.iter().any(|name| name == stream.name())) {
            self.clone()
        } else {
            Self::default()
        }
    }

    /// Whether exactly this row is among the newest.
    #[must_use]
    pub fn has(&self, page: &PageRow) -> bool {
        if self.newest.is_empty() {
            return false;
        }
        let hash = hash(page);
        self.newest.iter().any(|delivered| delivered.hash == hash)
    }

    /// Remembers a row, and forgets those that the next run won't look at.
    pub fn remember(&mut self, page: &PageRow, newest: Option<Timestamp>) {
        let (Some(modified), Some(newest)) = (page.modified, newest) else {
            return;
        };
        let horizon = overlapped(newest);
        if modified < horizon {
            return;
        }
        self.newest.retain(|known| known.modified >= horizon);
        self.newest.push(Newest {
            hash: hash(page),
            modified,
        });
        if self.newest.len() > MAX_NEWEST {
            let places = self.newest.iter().enumerate();
            let oldest = places.min_by_key(|(_, known)| known.modified);
            if let Some(oldest) = oldest.map(|(place, _)| place) {
                self.newest.swap_remove(oldest);
            }
        }
    }
}

impl Delivered {
    pub(super) fn of_fields(mut fields: Fields<'_>) -> Result<Self> {
        let newest = fields.texts("newest")?.into_iter();
        let page = |text: String| required(Newest::parse(&text));
        Ok(Self {
            streams: fields.texts("streams")?,
            newest: newest.map(page).collect::<Result<_>>()?,
            put_away: required(Digest::parse(&required(fields.text("put_away")?)?))?,
        })
    }
}

impl ToJson for Delivered {
    fn to_json(&self) -> String {
        let newest: Vec<_> = self.newest.iter().copied().map(Newest::to_text).collect();
        Object::default()
            .texts("streams", self.streams.iter().map(String::as_str))
            .texts("newest", newest.iter().map(String::as_str))
            .raw("put_away", &format!("\"{}\"", self.put_away.as_str()))
            .end()
    }
}
