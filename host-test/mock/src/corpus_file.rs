//! A corpus of one's own, read from a file.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::corpus::Corpus;

/// A corpus file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The file cannot be opened.
    #[error("cannot open the corpus {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not JSON of a corpus.
    #[error("{} is not a corpus", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

impl Corpus {
    /// Reads a corpus from a JSON file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a corpus.
    pub fn load(path: &Path) -> Result<Self, CorpusError> {
        let file = File::open(path).map_err(|source| CorpusError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_reader(BufReader::new(file)).map_err(|source| CorpusError::Invalid {
            path: path.to_owned(),
            source,
        })
    }
}
