//! Response bodies that arrive, in chunks of one size.

use std::cell::Cell;

use crate::client::{MAX_BODY, TransportError};

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 64 * 1024;

/// A body that arrives. Its bytes count towards what all of them may hold until it is dropped.
///
/// Fixed-size chunks: buffers that grow by doubling fragment linear memory (measured: four times the bytes).
pub(super) struct Buffer<'a> {
    chunks: Vec<Vec<u8>>,
    pub(super) length: usize,
    all: &'a Cell<usize>,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(all: &'a Cell<usize>) -> Self {
        Self {
            chunks: Vec::new(),
            length: 0,
            all,
        }
    }

    pub(super) fn push(&mut self, chunk: Vec<u8>) -> Result<(), TransportError> {
        let all = self.all.get() + chunk.len();
        if all > MAX_BODY {
            return Err(TransportError::TooLarge);
        }
        self.all.set(all);
        self.length += chunk.len();
        if self.chunks.is_empty() {
            // Most bodies are one chunk.
            self.chunks.push(chunk);
            return Ok(());
        }
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            let mut last = match self.chunks.pop_if(|last| last.len() < last.capacity()) {
                Some(last) => last,
                None => Vec::with_capacity(CHUNK),
            };
            let room = last.capacity() - last.len();
            let (fits, left) = rest.split_at(room.min(rest.len()));
            last.extend_from_slice(fits);
            self.chunks.push(last);
            rest = left;
        }
        Ok(())
    }

    pub(super) fn take(mut self) -> Vec<u8> {
        match self.chunks.as_mut_slice() {
            [one] => std::mem::take(one),
            chunks => chunks.concat(),
        }
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.length);
    }
}
