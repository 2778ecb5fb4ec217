//! One file of JSON lines for each stream, with its schema beside it.
//!
//! `STREAM.jsonl` holds the lines of [`crate::json_lines`] that are about the stream, appended run after run, and
//! `STREAM.schema.json` the JSON Schema of a row. `_state.json` is the state of the last checkpoint; it is written
//! after the rows have reached the disk, so that a crash repeats rows and loses none. Lines that no checkpoint covers are
//! cut off, at the end of a run that fails or at the beginning of the next one. One run at a time has the folder.

mod lengths;
mod lock;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use connector_runtime::destination::{Batch, Destination, Row};
use connector_runtime::stream::Stream;

use self::lengths::Lengths;
pub use self::lock::FolderLock;
use crate::json_lines::{Event, write_finished, write_line};
use crate::{ownership, private_file, state_file};

/// The name of the file that holds the state.
const STATE: &str = "_state.json";

/// A folder that takes rows.
#[derive(Debug)]
pub struct JsonLinesDirectory {
    folder: PathBuf,
    files: BTreeMap<String, BufWriter<File>>,
    /// The state of the last checkpoint.
    state: Option<String>,
    /// What of each file the state covers; what it covered when the run began where there is no state yet.
    lengths: Lengths,
    lock: FolderLock,
}

impl JsonLinesDirectory {
    /// Opens or makes the files of these streams.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be written, or another run has it.
    pub fn open(folder: &Path, streams: &[&Stream]) -> Result<Self> {
        make_folder(folder)?;
        let lock = FolderLock::take(folder)?;
        ownership::check_file_if_there(&folder.join(STATE))?;
        let state = state_file::read(&folder.join(STATE))?;
        let mut lengths = Lengths::read(folder, state.as_deref())?;
        let mut files = BTreeMap::new();
        for stream in streams {
            let name = &stream.name;
            let schema = format!("{:#}\n", stream.schema);
            private_file::replace(
                &folder.join(format!("{name}.schema.json")),
                schema.as_bytes(),
            )?;
            let mut file = append(folder, name)?;
            cut(&file, lengths.of(name))?;
            cut_torn_line(&mut file)?;
            files.insert(name.clone(), BufWriter::with_capacity(64 * 1024, file));
        }
        lengths.begin(state.as_deref(), measure(&files)?)?;
        Ok(Self {
            folder: folder.to_owned(),
            files,
            state,
            lengths,
            lock,
        })
    }

    /// The state of the last checkpoint.
    #[must_use]
    pub fn state(&self) -> Option<String> {
        self.state.clone()
    }

    /// Keeps other runs away until it is dropped, also when the run has dropped the folder.
    #[must_use]
    pub fn lock(&self) -> FolderLock {
        self.lock.clone()
    }

    /// As SIGKILL leaves it: what is buffered is lost, what is written stays.
    #[cfg(test)]
    fn kill(mut self) {
        for (_, file) in std::mem::take(&mut self.files) {
            drop(file.into_parts());
        }
    }

    fn write_event(&mut self, stream: &str, event: &Event<'_>) -> Result<()> {
        let file = self.files.get_mut(stream);
        let file = file.with_context(|| format!("there is no stream {stream}"))?;
        write_line(file, event)
    }
}

/// Appends that a run ended well and closed no snapshot of these streams. The run's lock of the folder has to be held.
///
/// # Errors
///
/// A file cannot be written.
pub fn append_finished(folder: &Path, streams: &[String]) -> Result<()> {
    let mut files = BTreeMap::new();
    for stream in streams {
        let mut file = BufWriter::new(append(folder, stream)?);
        write_finished(&mut file, std::slice::from_ref(stream))?;
        files.insert(stream.clone(), file);
    }
    if let Some(state) = state_file::read(&folder.join(STATE))? {
        let mut lengths = Lengths::read(folder, Some(&state))?;
        lengths.commit(&state, measure(&files)?)?;
    }
    Ok(())
}

fn append(folder: &Path, stream: &str) -> Result<File> {
    private_file::append(&folder.join(format!("{stream}.jsonl")))
}

/// How long each file is.
fn measure(files: &BTreeMap<String, BufWriter<File>>) -> Result<BTreeMap<String, u64>> {
    let length = |(name, file): (&String, &BufWriter<File>)| {
        Ok((name.clone(), file.get_ref().metadata()?.len()))
    };
    files.iter().map(length).collect()
}

/// Cuts off what is beyond this length, where there is one.
fn cut(file: &File, length: Option<u64>) -> Result<()> {
    if let Some(length) = length
        && file.metadata()?.len() > length
    {
        file.set_len(length)?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .with_context(|| match fs::symlink_metadata(folder) {
            Ok(found) if found.is_symlink() => {
                format!("{} is a symbolic link to no folder", folder.display())
            }
            Ok(_) => format!("{} is not a folder", folder.display()),
            Err(_) => format!("the folder {} cannot be made", folder.display()),
        })?;
    ownership::check_folder(folder)
}

/// A process that was killed may leave half a line, which the next one would be appended to.
fn cut_torn_line(file: &mut File) -> Result<()> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let length = end;
    let mut block = [0; 4096];
    let cut = loop {
        let start = end.saturating_sub(block.len() as u64);
        let block = block
            .get_mut(..usize::try_from(end - start)?)
            .unwrap_or_default();
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
            break start + newline as u64 + 1;
        }
        if start == 0 {
            break 0;
        }
        end = start;
    };
    if cut < length {
        file.set_len(cut)?;
    }
    Ok(())
}

impl Drop for JsonLinesDirectory {
    /// What no checkpoint covers is not written any more, and taken back where it was.
    fn drop(&mut self) {
        for (stream, file) in std::mem::take(&mut self.files) {
            let (file, _) = file.into_parts();
            // The next run tries again.
            let _ = cut(&file, self.lengths.of(&stream));
        }
    }
}

impl Destination for JsonLinesDirectory {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        for stream in streams {
            let streams = std::slice::from_ref(stream);
            self.write_event(stream, &Event::BeginSnapshot { streams })?;
        }
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let stream = &batch.stream;
        for key in &batch.replaces {
            self.write_event(stream, &Event::Replace { stream, key })?;
        }
        for data in &batch.rows {
            self.write_event(stream, &Event::Record { stream, data })?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        for (stream, file) in &mut self.files {
            file.flush()
                .and_then(|()| file.get_ref().sync_data())
                .with_context(|| format!("{stream}.jsonl cannot be written"))?;
        }
        self.lengths.commit(state, measure(&self.files)?)?;
        private_file::replace(&self.folder.join(STATE), state.as_bytes())?;
        self.state = Some(state.to_owned());
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        let snapshot = true;
        self.write_event(
            stream,
            &Event::Finished {
                stream,
                snapshot,
                except,
            },
        )
    }
}
