//! One run at a time has a folder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

/// Keeps other runs out of a folder until the last clone is dropped. The system lets go of it when the process ends,
/// however it ends.
#[derive(Debug, Clone)]
pub struct FolderLock(#[expect(dead_code, reason = "it is held")] Option<Arc<File>>);

impl FolderLock {
    /// Where a file system cannot lock a folder, runs are not kept apart.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        // A system that opens no folders.
        let Ok(open) = File::open(folder) else {
            return Ok(Self(None));
        };
        match open.try_lock() {
            Ok(()) => Ok(Self(Some(Arc::new(open)))),
            Err(TryLockError::Error(_)) => Ok(Self(None)),
            Err(TryLockError::WouldBlock) => bail!(
                "another run is writing into the folder {}; let one run end before the next one begins",
                folder.display()
            ),
        }
    }
}
