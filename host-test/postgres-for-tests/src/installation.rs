//! What the machine has: Debian's package, and an account that the server may run as.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The account that the server runs as where the test is root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// The newest version that is installed.
pub(crate) fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    let version =
        |folder: &PathBuf| -> Option<u32> { folder.parent()?.file_name()?.to_str()?.parse().ok() };
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max_by_key(version)
}

/// The account to run as, if this process is root's.
pub(crate) fn account(folder: &Path) -> Result<Option<Account>> {
    if std::fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2);
        Some(Account {
            user: ids.next()?.parse().ok()?,
            group: ids.next()?.parse().ok()?,
        })
    };
    let account = find("postgres").or_else(|| find("nobody"));
    account
        .map(Some)
        .context("there is neither a user postgres nor a user nobody")
}
