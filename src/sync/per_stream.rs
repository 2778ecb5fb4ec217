//! One value for each stream.

use serde::{Serialize, Serializer};

use crate::stream::Stream;

/// One value for each stream. An array: a map would be code of its own for each kind of value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PerStream<T>([T; Stream::ALL.len()]);

impl<T> PerStream<T> {
    /// The value of this stream.
    #[expect(clippy::indexing_slicing, reason = "there is one for each stream")]
    pub(super) fn of(&self, stream: Stream) -> &T {
        &self.0[stream as usize]
    }

    /// The value of this stream, to change it.
    #[expect(clippy::indexing_slicing, reason = "there is one for each stream")]
    pub(super) fn of_mut(&mut self, stream: Stream) -> &mut T {
        &mut self.0[stream as usize]
    }
}

/// A count for some of the streams, written as an object with their names.
pub(super) type Counts = PerStream<Option<u64>>;

impl Counts {
    /// Counts one more.
    pub(super) fn increment(&mut self, stream: Stream) {
        *self.of_mut(stream).get_or_insert(0) += 1;
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = Stream::ALL.into_iter().zip(self.0);
        serializer.collect_map(counts.filter_map(|(stream, count)| Some((stream.name(), count?))))
    }
}
