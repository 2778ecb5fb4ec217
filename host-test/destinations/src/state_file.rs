//! A state kept in a file of its own, replaced as a whole at each checkpoint.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::{Batch, Destination, Note, Row};
use serde_json::Value;

use crate::{ownership, private_file, stderr};

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
    let Some(mut open) = private_file::open_if_there(file)? else {
        return Ok(None);
    };
    ownership::check_state(file, &open)?;
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn empty_shapes_are_no_state() {
        for (text, empty) in [
            ("", true),
            (" \n", true),
            ("null", true),
            ("{}", true),
            ("{ }\n", true),
            ("[]", true),
            ("\u{feff}{}", true),
            (r#"{"bookmarks":{},"currently_syncing":null}"#, true),
            (r#"{"value":null}"#, true),
            (r#"{"state":{}}"#, true),
            (r#"[{"type":"LEGACY","data":{}}]"#, true),
            (
                r#"{"type":"GLOBAL","global":{"shared_state":null,"stream_states":[]}}"#,
                true,
            ),
            (
                r#"{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{}}}"#,
                true,
            ),
            (r#"{"v":4}"#, false),
            (r#"{"bookmarks":{"pages":{"v":0}}}"#, false),
            (r#"{"finished":false}"#, false),
            ("not json", false),
        ] {
            assert_eq!(is_empty(text), empty, "{text:?}");
        }
    }

    #[test]
    fn each_checkpoint_replaces_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let mut destination = StateFile::new(Recorder::default(), file.clone(), None).unwrap();
        assert_eq!(read(&file).unwrap(), None);
        for state in ["first", "second"] {
            destination.checkpoint(state).unwrap();
            assert_eq!(read(&file).unwrap().as_deref(), Some(state));
        }
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside the state");
    }

    #[test]
    fn the_second_of_two_runs_at_once_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        fs::write(&file, "before\n").unwrap();
        let open = || {
            let given = read(&file).unwrap();
            StateFile::new(Recorder::default(), file.clone(), given).unwrap()
        };
        let (mut slow, mut fast) = (open(), open());
        fast.checkpoint("newer").unwrap();
        let error = format!("{:#}", slow.checkpoint("older").unwrap_err());
        assert!(error.contains("another run has written"), "{error}");
        assert_eq!(read(&file).unwrap().as_deref(), Some("newer"));
        assert_eq!(slow.inner.0, Vec::<String>::new(), "nothing was committed");
        for state in ["newest\n", "{}", "and on"] {
            fast.checkpoint(state).unwrap();
        }
        fs::remove_file(&file).unwrap();
        fast.checkpoint("once more").unwrap();
    }

    #[test]
    fn a_mounted_file_is_overwritten_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        fs::write(&file, "a state that is long").unwrap();
        let mut destination = StateFile {
            inner: Recorder::default(),
            file: file.clone(),
            writing: Writing::InPlace,
            known: Some("a state that is long".to_owned()),
        };
        destination.checkpoint("short").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "short");
        fs::write(&file, "killed before the cut\n\n\n").unwrap();
        let state = read(&file).unwrap();
        assert_eq!(state.as_deref(), Some("killed before the cut"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_refused_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &file).unwrap();
        let error = StateFile::new(Recorder::default(), file, None)
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("symbolic link"), "{error:#}");
    }

    /// Who can write the state decides what the next run need not read.
    #[cfg(unix)]
    #[test]
    fn a_state_that_others_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        fs::write(&file, "a state").unwrap();
        let set_mode = |mode| fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        set_mode(0o644);
        let given = read(&file).unwrap();
        let mut destination = StateFile::new(Recorder::default(), file.clone(), given).unwrap();
        set_mode(0o666);
        for error in [
            read(&file).unwrap_err(),
            StateFile::new(Recorder::default(), file.clone(), None)
                .err()
                .unwrap(),
            destination.checkpoint("another state").unwrap_err(),
        ] {
            let error = format!("{error:#}");
            assert!(error.contains("run: chmod 600"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "a state");
    }

    /// A pipe would be waited for, and a device would become a file.
    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_neither_read_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&file).unwrap();
        for error in [
            read(&file).unwrap_err(),
            StateFile::new(Recorder::default(), file.clone(), None)
                .err()
                .unwrap(),
        ] {
            let error = format!("{error:#}");
            assert!(error.contains("is not a regular file"), "{error}");
        }
        assert!(!fs::symlink_metadata(&file).unwrap().is_file());
    }
}
