//! Whose a file or a folder is that rows are written to. In a shared folder somebody else may have made it before, to read
//! the rows or to have them written elsewhere; and whose a configuration is that is read.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context as _, Result};

use crate::{private_file, stderr};

#[cfg(unix)]
mod ancestors;
mod configuration;
#[cfg(all(test, unix))]
mod tests;

pub use configuration::{warn_if_open_to_others, warn_of_configuration};

/// Refuses an open file that others own or can write, and warns of one that everybody can read. Its permissions stay: a
/// group that may read it was chosen by somebody.
///
/// # Errors
///
/// It is such a file.
pub(crate) fn check_file(path: &Path, file: &File) -> Result<()> {
    refuse_shared(path, &file.metadata()?)
}

/// The same for a file that is not opened, since that would release the locks that SQLite has on it.
///
/// # Errors
///
/// It is there, and is such a file or no regular one.
pub(crate) fn check_file_if_there(path: &Path) -> Result<()> {
    private_file::refuse_special_file(path)?;
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    refuse_shared(path, &found)
}

/// Refuses a file that another user made than `whole`, which it is taken for a part of, or that others can write.
///
/// # Errors
///
/// It is there, and is such a file or no regular one.
#[cfg(unix)]
pub(crate) fn check_belongs_to(path: &Path, whole: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    private_file::refuse_special_file(path)?;
    let (Ok(found), Ok(whole)) = (std::fs::symlink_metadata(path), std::fs::metadata(whole)) else {
        return Ok(());
    };
    let shown = path.display();
    anyhow::ensure!(
        found.uid() == whole.uid() || is_trusted(found.uid()),
        "{shown} belongs to another user; remove it"
    );
    refuse_hard_link(path, &found)?;
    refuse_writable(path, &found)
}

#[cfg(not(unix))]
pub(crate) fn check_belongs_to(path: &Path, _: &Path) -> Result<()> {
    private_file::refuse_special_file(path)
}

/// Refuses a state that others can write: it decides what a run need not read. Warns of one that another user made.
///
/// # Errors
///
/// It is such a file.
#[cfg(unix)]
pub(crate) fn check_state(path: &Path, file: &File) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let found = file.metadata()?;
    refuse_writable(path, &found)?;
    if !is_trusted(found.uid()) {
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            let shown = path.display();
            stderr::warn(&format!(
                "{shown} belongs to another user, whose word this run takes for what was read; remove it unless you trust them"
            ));
        });
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn check_state(_: &Path, _: &File) -> Result<()> {
    Ok(())
}

/// Warns of a file in a folder where others can replace it. It is no error: a volume of a container is often such a
/// folder, and nobody else's.
pub fn warn_of_shared_folder(file: &Path) {
    let folder = private_file::folder_of(file);
    if let Err(reason) = check_folder(folder) {
        stderr::warn(&format!(
            "{} can be replaced by other users: {reason}",
            file.display()
        ));
    }
}

/// Refuses a folder that others own or can write, or to which the link of somebody else leads. Warns of such a folder above
/// it.
///
/// # Errors
///
/// It is such a folder, or not there.
#[cfg(unix)]
pub(crate) fn check_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    use anyhow::ensure;
    let shown = folder.display();
    let unreadable = || format!("the folder {shown} cannot be read");
    // With a slash behind its name a link would be followed.
    let link: PathBuf = folder.components().collect();
    let link = std::fs::symlink_metadata(link).with_context(unreadable)?;
    ensure!(
        is_trusted(link.uid()),
        "{shown} belongs to another user; name a folder of your own"
    );
    let found = std::fs::metadata(folder).with_context(unreadable)?;
    ensure!(
        is_trusted(found.uid()),
        "the folder {shown} belongs to another user; name a folder of your own"
    );
    ensure!(
        !is_shared(&found),
        "the folder {shown} can be written by other users; run: chmod go-w {shown}, or name a new folder in it"
    );
    ancestors::warn_of_shared(folder);
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn check_folder(_: &Path) -> Result<()> {
    Ok(())
}

/// Whether others can replace what is in a folder. In one like /tmp, which is sticky, nobody can that does not own it.
#[cfg(unix)]
fn is_shared(folder: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    const STICKY: u32 = 0o1000;
    others_can_write(folder) && folder.mode() & STICKY == 0
}

/// Whether users of other groups can write it. The own group of a user is nobody else's where new files are writable by
/// it (umask 002).
#[cfg(unix)]
fn others_can_write(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let group_is_own = found.gid() == rustix::process::getegid().as_raw();
    found.mode() & 0o002 != 0 || (found.mode() & 0o020 != 0 && !group_is_own)
}

/// This user, or the one that may do everything anyway.
#[cfg(unix)]
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn refuse_hard_link(path: &Path, found: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    anyhow::ensure!(
        found.nlink() <= 1,
        "{} is a hard link, so that the file has other names; remove it, or name another file",
        path.display()
    );
    Ok(())
}

#[cfg(unix)]
fn refuse_writable(path: &Path, found: &Metadata) -> Result<()> {
    let shown = path.display();
    anyhow::ensure!(
        !others_can_write(found),
        "{shown} can be written by other users; run: chmod 600 {shown}"
    );
    Ok(())
}

#[cfg(unix)]
fn refuse_shared(path: &Path, found: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    use anyhow::ensure;
    let shown = path.display();
    ensure!(
        found.uid() == rustix::process::geteuid().as_raw(),
        "{shown} belongs to another user; remove it, or name another file"
    );
    refuse_hard_link(path, found)?;
    refuse_writable(path, found)?;
    if found.mode() & 0o004 != 0 {
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            stderr::warn(&format!(
                "{shown} can be read by all users of this machine; run: chmod o-r {shown}"
            ));
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path, _: &Metadata) -> Result<()> {
    Ok(())
}
