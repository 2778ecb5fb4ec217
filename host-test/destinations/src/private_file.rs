//! Files that hold personal data: readable by their owner alone, and never behind a symbolic link.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

use crate::ownership;

/// Refuses a path that is a symbolic link or no regular file: whoever can make a link in a shared folder decides what is
/// written, reading a pipe waits for its writer, and /dev/null would become a file.
///
/// # Errors
///
/// The path is one of these, or a folder on the way to it cannot be read.
pub fn refuse_special_file(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            bail!(
                "{} is a symbolic link; name the file itself, {}",
                path.display(),
                target.display()
            )
        }
        Ok(found) if !found.is_file() => bail!("{} is not a regular file", path.display()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Opens a file to append to, and makes it if there is none.
///
/// # Errors
///
/// The path is a symbolic link, others have a hand in the file, or it cannot be opened.
pub fn append(path: &Path) -> Result<File> {
    let mut options = owner_only();
    options.read(true).append(true).create(true);
    let file = open(&options, path)?;
    ownership::check_file(path, &file)?;
    Ok(file)
}

/// Opens a file to be read, if there is one.
///
/// # Errors
///
/// The path is a symbolic link or no regular file, or it cannot be opened.
pub fn open_if_there(path: &Path) -> Result<Option<File>> {
    refuse_special_file(path)?;
    match owner_only().read(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Opens a file to be overwritten in place. It has to exist.
///
/// # Errors
///
/// The path is a symbolic link, or the file cannot be opened.
pub fn overwrite(path: &Path) -> Result<File> {
    let mut options = owner_only();
    options.write(true);
    open(&options, path)
}

/// Makes an empty file if there is none.
///
/// # Errors
///
/// The path is a symbolic link, others have a hand in the file that is there, or it cannot be made.
pub fn create_if_missing(path: &Path) -> Result<()> {
    ownership::check_file_if_there(path)?;
    match owner_only().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("{} cannot be made", path.display()))
        }
        _ => Ok(()),
    }
}

/// Replaces a file as a whole: readers see either the old content or the new one.
///
/// # Errors
///
/// The path is a symbolic link or no regular file, or the folder cannot be written.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    refuse_special_file(path)?;
    let written = new_file_beside(path, content)
        .and_then(|file| file.persist(path).map_err(|error| error.error));
    written
        .map(drop)
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// A complete file with an unpredictable name in the folder of `path`, removed when it is dropped.
pub(crate) fn new_file_beside(path: &Path, content: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits();
        options
            .mode(0o600)
            .custom_flags(i32::try_from(no_follow).unwrap_or_default());
    }
    options
}

fn open(options: &OpenOptions, path: &Path) -> Result<File> {
    refuse_special_file(path)?;
    options
        .open(path)
        .with_context(|| format!("{} cannot be opened", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        append(&path("appended")).unwrap();
        create_if_missing(&path("made")).unwrap();
        replace(&path("replaced"), b"1").unwrap();
        for name in ["appended", "made", "replaced"] {
            assert_eq!(mode(&path(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn devices_and_sockets_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let error = replace(&socket, b"1").unwrap_err().to_string();
        assert!(error.contains("is not a regular file"), "{error}");
        assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
    }

    #[test]
    fn symbolic_links_are_refused_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        for error in [
            append(&link).unwrap_err(),
            overwrite(&link).unwrap_err(),
            create_if_missing(&link).unwrap_err(),
            replace(&link, b"1").unwrap_err(),
        ] {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }
}
