//! A state kept in a file of its own, replaced as a whole at each checkpoint.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use connector_runtime::output::{Batch, Note, Output};

/// Reads the state, if there is a file.
///
/// # Errors
///
/// The file is there and can't be read.
pub fn read(file: &Path) -> Result<Option<String>> {
    match fs::read(file) {
        // What is no text is no state: that is the component's to say.
        Ok(state) => Ok(Some(String::from_utf8_lossy(&state).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("the state file {} can't be read", file.display()))
        }
    }
}

/// Replaces the file at each checkpoint, after `inner` has committed.
pub struct StateFile<O> {
    inner: O,
    file: PathBuf,
}

impl<O: Output> StateFile<O> {
    /// Keeps the state of `inner` in `file`.
    pub fn new(inner: O, file: PathBuf) -> Self {
        Self { inner, file }
    }

    /// The new text is complete before it takes the old one's name.
    fn replace(&self, state: &str) -> std::io::Result<()> {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.file.with_file_name(name);
        let mut file = File::create(&new)?;
        file.write_all(state.as_bytes())?;
        file.flush()?;
        fs::rename(&new, &self.file)
    }
}

impl<O: Output> Output for StateFile<O> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.inner.emit(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.inner.checkpoint(state)?;
        self.replace(state)
            .with_context(|| format!("the state file {} can't be written", self.file.display()))
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.inner.finished(stream, snapshot)
    }

    fn note(&mut self, note: &Note) {
        self.inner.note(note);
    }
}
