//! A set of streams, written as a list of their names.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::stream::Stream;

/// A set of streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamSet(u8);

impl StreamSet {
    /// No stream.
    pub const EMPTY: Self = Self(0);
    /// Every stream.
    pub const ALL: Self = Self((1 << Stream::ALL.len()) - 1);

    /// Whether the stream is in the set.
    #[must_use]
    pub fn contains(self, stream: Stream) -> bool {
        self.0 & bit(stream) != 0
    }

    /// Adds a stream.
    pub fn insert(&mut self, stream: Stream) {
        self.0 |= bit(stream);
    }

    /// Removes a stream.
    pub fn remove(&mut self, stream: Stream) {
        self.0 &= !bit(stream);
    }

    /// Whether there is no stream in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The number of streams.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The streams in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The streams in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The streams of this set that are not in `other`.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The streams, in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Stream> {
        Stream::ALL
            .into_iter()
            .filter(move |stream| self.contains(*stream))
    }
}

fn bit(stream: Stream) -> u8 {
    1 << stream as u8
}

impl FromIterator<Stream> for StreamSet {
    fn from_iter<I: IntoIterator<Item = Stream>>(streams: I) -> Self {
        let mut set = Self::EMPTY;
        streams.into_iter().for_each(|stream| set.insert(stream));
        set
    }
}

impl Serialize for StreamSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Stream::name))
    }
}

impl<'de> Deserialize<'de> for StreamSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let stream =
            |name: &String| Stream::named(name).ok_or_else(|| de::Error::custom("no stream"));
        names.iter().map(stream).collect()
    }
}
