//! The commands as their callers run them: processes, files, signals, an exit status.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod arguments;
mod artifact;
mod files;
mod init;
mod logging;
mod networks;
mod oauth;
mod permissions;
mod pipes;
mod readme;
mod shards;
mod signals;
mod sync;
mod taps;
mod terminal;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};
use serde_json::Value;

const HOST_TEST: &str = env!("CARGO_BIN_EXE_host-test");

fn corpus(pages: usize) -> Corpus {
    Corpus::generate(&CorpusSpec {
        pages,
        spaces: 3,
        users: 20,
        seed: 3,
    })
}

fn mock(pages: usize) -> Mock {
    Mock::start(MockOptions::new(corpus(pages))).unwrap()
}

/// An empty folder for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a configuration into a folder, for its owner alone.
fn write_config(folder: &Path, config: &Value) -> PathBuf {
    let file = folder.join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    file
}

fn host_test(words: &[&str]) -> Output {
    Command::new(HOST_TEST).args(words).output().unwrap()
}

/// Standard output as lines of JSON.
fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
