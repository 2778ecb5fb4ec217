//! How much of each file the state covers.
//!
//! Lines that no checkpoint followed must not stay: where a full run fails early, the `begin_snapshot` that it wrote would
//! be taken for the beginning of the snapshot that the next run goes on with, and the rows before it for gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{ownership, private_file, stderr, text_file};

/// The name of the file that holds the lengths.
pub(super) const LENGTHS: &str = "_lengths.json";

/// The lengths that belong to a state, in bytes by stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Commit {
    state: String,
    bytes: BTreeMap<String, u64>,
}

/// The lengths of the last checkpoint, and of the one before it: the state file is replaced after this one.
#[derive(Debug)]
pub(super) struct Lengths {
    file: PathBuf,
    last: Commit,
}

impl Lengths {
    /// The lengths that belong to the state; none where it is one of an earlier version, of which they are not known, or
    /// where there is no state: a run that starts afresh begins its own snapshots, and the log before stays.
    pub(super) fn read(folder: &Path, state: Option<&str>) -> Result<Self> {
        let file = folder.join(LENGTHS);
        ownership::check_file_if_there(&file)?;
        let text = text_file::read_if_there(&file)?;
        let commits = text.map(|text| serde_json::from_str::<Vec<Commit>>(&text));
        let commits = commits.transpose().unwrap_or_else(|_| {
            stderr::warn(&format!(
                "{} is damaged; it is written anew",
                file.display()
            ));
            None
        });
        let mut commits = commits.unwrap_or_default().into_iter();
        let last = commits.find(|commit| Some(commit.state.as_str()) == state);
        Ok(Self {
            file,
            last: last.unwrap_or_default(),
        })
    }

    /// The length of a stream's file that is covered, as far as it is known.
    pub(super) fn of(&self, stream: &str) -> Option<u64> {
        self.last.bytes.get(stream).copied()
    }

    /// The lengths at the beginning of a run, which may be less than before: a file that was read may be moved away.
    pub(super) fn begin(
        &mut self,
        state: Option<&str>,
        bytes: BTreeMap<String, u64>,
    ) -> Result<()> {
        if let Some(state) = state {
            return self.commit(state, bytes);
        }
        self.last.bytes = bytes;
        Ok(())
    }

    /// These lengths belong to this state from now on. Streams that are not named keep theirs.
    pub(super) fn commit(&mut self, state: &str, bytes: BTreeMap<String, u64>) -> Result<()> {
        let mut next = Commit {
            state: state.to_owned(),
            bytes: self.last.bytes.clone(),
        };
        next.bytes.extend(bytes);
        let before = Some(&self.last);
        let before = before.filter(|last| !last.state.is_empty() && last.state != next.state);
        let commits: Vec<_> = std::iter::once(&next).chain(before).collect();
        private_file::replace(&self.file, &serde_json::to_vec(&commits)?)?;
        self.last = next;
        Ok(())
    }
}
