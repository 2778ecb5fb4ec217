//! One file of JSON lines for each stream, with its schema beside it.
//!
//! `STREAM.jsonl` holds the lines of [`crate::json_lines`] that are about the stream, appended run after run, and
//! `STREAM.schema.json` the JSON Schema of a row. `_state.json` is the state of the last checkpoint; it is written
//! after the rows have reached the disk, so that a crash repeats rows and loses none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use connector_runtime::destination::{Batch, Destination, Row};
use connector_runtime::stream::Stream;

use crate::json_lines::{Event, write_finished, write_line};
use crate::{private_file, state_file};

/// The name of the file that holds the state.
const STATE: &str = "_state.json";

/// A folder that takes rows.
#[derive(Debug)]
pub struct JsonLinesDirectory {
    folder: PathBuf,
    files: BTreeMap<String, BufWriter<File>>,
}

impl JsonLinesDirectory {
    /// Opens or makes the files of these streams.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be written.
    pub fn open(folder: &Path, streams: &[&Stream]) -> Result<Self> {
        make_folder(folder)?;
        let mut files = BTreeMap::new();
        for stream in streams {
            let name = &stream.name;
            let schema = format!("{:#}\n", stream.schema);
            private_file::replace(
                &folder.join(format!("{name}.schema.json")),
                schema.as_bytes(),
            )?;
            let mut file = private_file::append(&folder.join(format!("{name}.jsonl")))?;
            cut_torn_line(&mut file)?;
            files.insert(name.clone(), BufWriter::with_capacity(64 * 1024, file));
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
        })
    }

    /// The state of the last checkpoint.
    ///
    /// # Errors
    ///
    /// It exists and cannot be read.
    pub fn state(&self) -> Result<Option<String>> {
        state_file::read(&self.folder.join(STATE))
    }

    fn write_event(&mut self, stream: &str, event: &Event<'_>) -> Result<()> {
        let file = self.files.get_mut(stream);
        let file = file.with_context(|| format!("there is no stream {stream}"))?;
        write_line(file, event)
    }
}

/// Appends that a run ended well and closed no snapshot of these streams.
///
/// # Errors
///
/// A file cannot be written.
pub fn append_finished(folder: &Path, streams: &[String]) -> Result<()> {
    for stream in streams {
        let mut file = private_file::append(&folder.join(format!("{stream}.jsonl")))?;
        write_finished(&mut file, std::slice::from_ref(stream))?;
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
        .with_context(|| format!("the folder {} cannot be made", folder.display()))
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
        private_file::replace(&self.folder.join(STATE), state.as_bytes())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{orders, rows};

    fn lines(folder: &Path) -> Vec<Value> {
        let text = fs::read_to_string(folder.join("order.jsonl")).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn runs_append_and_the_state_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("out");
        for number in [1, 2] {
            let mut directory = JsonLinesDirectory::open(&folder, &[&orders()]).unwrap();
            let expected = (number == 2).then(|| "state 1".to_owned());
            assert_eq!(directory.state().unwrap(), expected);
            let row = json!({ "group": "a", "number": number });
            directory.write(rows("order", [row])).unwrap();
            directory.checkpoint(&format!("state {number}")).unwrap();
        }
        let numbers: Vec<_> = lines(&folder)
            .iter()
            .map(|line| line["data"]["number"].clone())
            .collect();
        assert_eq!(numbers, [1, 2]);
        let schema = fs::read(folder.join("order.schema.json")).unwrap();
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        assert_eq!(schema, orders().schema);
    }

    #[test]
    fn half_a_line_of_a_killed_run_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.jsonl");
        for (torn, kept) in [
            ("{\"a\":1}\n{\"b\"", "{\"a\":1}\n"),
            ("{\"a\"", ""),
            ("", ""),
            ("{\"a\":1}\n", "{\"a\":1}\n"),
        ] {
            fs::write(&file, torn).unwrap();
            JsonLinesDirectory::open(folder.path(), &[&orders()]).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), kept, "{torn:?}");
        }
        let long = format!("{{}}\n{}", "x".repeat(10_000));
        fs::write(&file, long).unwrap();
        JsonLinesDirectory::open(folder.path(), &[&orders()]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
    }
}
