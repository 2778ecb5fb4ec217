//! Fewer checkpoints, for outputs whose readers pay for each one.
//!
//! The component leaves a checkpoint behind whenever it can, which is every second or so. As a message a state
//! is some kilobytes, more than the rows that came with it, and a target may write out all it has upon each.

use std::time::{Duration, Instant};

use anyhow::Result;

use connector_runtime::output::{Batch, Note, Output};

/// How much reading an interruption may cost.
pub const PAUSE: Duration = Duration::from_secs(10);

/// Hands on the first checkpoint, the last, and those in between that come a pause after another.
#[derive(Debug)]
pub struct Seldom<O> {
    inner: O,
    pause: Duration,
    last: Option<Instant>,
    finished: bool,
}

impl<O: Output> Seldom<O> {
    /// Spares `inner` most checkpoints.
    pub fn new(inner: O, pause: Duration) -> Self {
        Self {
            inner,
            pause,
            last: None,
            finished: false,
        }
    }
}

impl<O: Output> Output for Seldom<O> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.inner.emit(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        let due = self.last.is_none_or(|last| last.elapsed() >= self.pause);
        if due || self.finished {
            self.inner.checkpoint(state)?;
            self.last = Some(Instant::now());
        }
        Ok(())
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.finished = true;
        self.inner.finished(stream, snapshot)
    }

    fn note(&mut self, note: &Note) {
        self.inner.note(note);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<String>);

    impl Output for Kept {
        fn emit(&mut self, _: Batch) -> Result<()> {
            Ok(())
        }

        fn checkpoint(&mut self, state: &str) -> Result<()> {
            self.0.push(state.to_owned());
            Ok(())
        }

        fn finished(&mut self, _: &str, _: bool) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_first_and_the_last_checkpoint_are_never_spared() {
        for (pause, expected) in [
            (Duration::MAX, &["1", "4"][..]),
            (Duration::ZERO, &["1", "2", "3", "4"]),
        ] {
            let mut output = Seldom::new(Kept::default(), pause);
            for state in ["1", "2", "3"] {
                output.checkpoint(state).unwrap();
            }
            output.finished("pages", true).unwrap();
            output.checkpoint("4").unwrap();
            assert_eq!(output.inner.0, expected);
        }
    }
}
