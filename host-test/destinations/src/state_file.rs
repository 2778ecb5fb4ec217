//! A state kept in a file of its own, replaced as a whole at each checkpoint.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::{Batch, Destination, Note, Row};
use serde_json::Value;

use crate::{ownership, private_file, stderr, text_file};

#[cfg(test)]
mod tests;

/// Padding of a state that was written in place over a longer one.
const PADDING: char = '\n';

/// Reads the state, if there is one.
///
/// A file without a state (see [`is_empty`]) starts afresh, with a warning.
///
/// # Errors
///
/// The file exists and cannot be read, or others can write it.
pub fn read(file: &Path) -> Result<Option<String>> {
    let state = content(file)?.filter(|state| {
        let empty = is_empty(state);
        if empty {
            stderr::warn(&format!(
                "the state file {} holds no state; this run starts afresh",
                file.display()
            ));
        }
        !empty
    });
    Ok(state)
}

/// What the file holds, without padding; none if there is no file.
fn content(file: &Path) -> Result<Option<String>> {
    let bytes = read_bytes(file)
        .with_context(|| format!("the state file {} cannot be used", file.display()))?;
    // A state that is not UTF-8 is for the component to refuse.
    Ok(bytes.map(|bytes| unpadded(&String::from_utf8_lossy(&bytes)).to_owned()))
}

fn read_bytes(file: &Path) -> Result<Option<Vec<u8>>> {
    let Some(open) = private_file::open_if_there(file)? else {
        return Ok(None);
    };
    ownership::check_state(file, &open)?;
    Ok(Some(text_file::read_bounded(open)?))
}

fn unpadded(text: &str) -> &str {
    let state = text.trim_end_matches(PADDING);
    state.trim_start_matches('\u{feff}')
}

/// Whether a text is one of the shapes in which orchestrators say that there is no state: nothing, or JSON in which
/// nothing is but more of these shapes, as in `{"bookmarks":{}}`, and what names them.
#[must_use]
pub fn is_empty(state: &str) -> bool {
    let text = state.trim_start_matches('\u{feff}').trim();
    text.is_empty() || serde_json::from_str(text).is_ok_and(|state| holds_nothing(&state))
}

/// Members that say which shape it is, and of what.
const NAMES: [&str; 3] = ["type", "stream_descriptor", "currently_syncing"];

fn holds_nothing(state: &Value) -> bool {
    match state {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(holds_nothing),
        Value::Object(members) => {
            let mut members = members.iter();
            members.all(|(name, value)| NAMES.contains(&name.as_str()) || holds_nothing(value))
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Writes the state of each checkpoint to a file, after `inner` has committed.
pub struct StateFile<D> {
    inner: D,
    file: PathBuf,
    writing: Writing,
    /// The state that this run has read or written last.
    known: Option<String>,
}

/// How the file is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// A new file takes its name.
    Rename,
    /// The file is a mount point, so that no other can take its name.
    InPlace,
}

impl<D: Destination> StateFile<D> {
    /// Keeps the state of `inner` in `file`, where `read` was found.
    ///
    /// # Errors
    ///
    /// The file could not be replaced later: this is tried before the first request is sent.
    pub fn new(inner: D, file: PathBuf, read: Option<String>) -> Result<Self> {
        ownership::warn_of_shared_folder(&file);
        let writing = probe(&file)
            .with_context(|| format!("the state file {} cannot be written", file.display()))?;
        Ok(Self {
            inner,
            file,
            writing,
            known: read,
        })
    }

    /// Of two runs at once, the slower one would put an older state over a newer one. Between this look and the write that
    /// follows another run may still write; the next checkpoint of either finds it.
    fn refuse_other_writer(&self) -> Result<()> {
        let found = content(&self.file)?.filter(|state| !is_empty(state));
        ensure!(
            found.is_none() || found == self.known,
            "another run has written to it since this one began; let one run end before the next one begins"
        );
        Ok(())
    }

    fn write_state(&self, state: &str) -> Result<()> {
        match self.writing {
            Writing::Rename => private_file::replace(&self.file, state.as_bytes()),
            Writing::InPlace => overwrite(&self.file, state),
        }
    }
}

/// Finds out how the file can be replaced, and leaves its content as it is.
fn probe(file: &Path) -> Result<Writing> {
    let Some(content) = read_bytes(file)? else {
        // The folder has to be writable; the file comes with the first checkpoint.
        private_file::new_file_beside(file, b"")?;
        return Ok(Writing::Rename);
    };
    let renamed = private_file::new_file_beside(file, &content)
        .and_then(|new| new.persist(file).map_err(|error| error.error));
    if renamed.is_ok() {
        return Ok(Writing::Rename);
    }
    private_file::overwrite(file)?;
    Ok(Writing::InPlace)
}

/// One write covers the old content, so that a process that is killed leaves either state.
fn overwrite(file: &Path, state: &str) -> Result<()> {
    let mut open = private_file::overwrite(file)?;
    let old_length = usize::try_from(open.metadata()?.len())?;
    let mut content = state.to_owned();
    let padding = old_length.saturating_sub(content.len());
    content.extend(std::iter::repeat_n(PADDING, padding));
    open.write_all(content.as_bytes())?;
    open.set_len(state.len() as u64)?;
    open.sync_all()?;
    Ok(())
}

impl<D: Destination> Destination for StateFile<D> {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.inner.begin_snapshot(streams)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.inner.write(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        let cannot = || format!("the state file {} cannot be written", self.file.display());
        self.refuse_other_writer().with_context(cannot)?;
        self.inner.checkpoint(state)?;
        self.write_state(state).with_context(cannot)?;
        self.known = Some(unpadded(state).to_owned());
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.inner.end_snapshot(stream, except)
    }

    fn note(&mut self, note: &Note) {
        self.inner.note(note);
    }
}
