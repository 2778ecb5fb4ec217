//! Files that nobody else reads, and that are where they seem to be.
//!
//! Rows, states and reports hold names and addresses of people. A file in a shared folder could be a link that
//! somebody else put there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes a new file that only its owner can read and write. What is there already, a link too, is an error.
///
/// # Errors
///
/// There is something, or the file cannot be made.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options.open(path)
}

/// Replaces the content of a file as a whole: it is written to a new private file beside it, which then takes
/// its name.
///
/// # Errors
///
/// One of these steps fails; the file is as it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        let name = format!(".{:016x}.new", random());
        let new = folder.join(name);
        match create_new(&new) {
            Ok(file) => {
                let written = write_and_rename(file, content, &new, path);
                return written.inspect_err(|_| drop(fs::remove_file(&new)));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn write_and_rename(mut file: File, content: &[u8], new: &Path, path: &Path) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(new, path)
}

/// Makes a folder that only its owner can enter, with those above it, or checks one that is there.
///
/// # Errors
///
/// It belongs to somebody else, or others can write in it.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)?;
    check_folder(path)
}

/// Whether a folder is one that nobody else can write in or put another in the place of, and not reached by a link.
///
/// # Errors
///
/// It is not.
pub fn check_folder(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let denied = |why: &str| {
        let message = format!("{} {why}", path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    };
    if !metadata.is_dir() {
        return denied("is not a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return denied("belongs to another user");
        }
        if metadata.mode() & 0o022 != 0 {
            return denied("can be written by other users");
        }
        if is_below_anybodys(path)? {
            return denied("is below a folder in which anybody can put another in its place");
        }
    }
    Ok(())
}

/// Whether a folder above can be written by everybody. Where it is sticky, as `/tmp` is, each keeps what is his.
#[cfg(unix)]
fn is_below_anybodys(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    const WRITABLE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    for folder in path.canonicalize()?.ancestors().skip(1) {
        if fs::metadata(folder)?.mode() & (WRITABLE | STICKY) == WRITABLE {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// Names that nobody can guess are no protection, and none is needed: they only have to be new.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn files_are_new_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, target) = (
            folder.path().join("a"),
            folder.path().join("b"),
            folder.path().join("target"),
        );
        create_new(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(create_new(&file).is_err());
        symlink(&target, &link).unwrap();
        assert!(create_new(&link).is_err());
        assert!(!target.exists());
        replace(&link, b"x").unwrap();
        assert!(!target.exists() && !fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&link).unwrap(), b"x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn folders_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("cache/inner");
        create_folder(&inner).unwrap();
        let mode = fs::metadata(&inner).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(create_folder(&inner).is_err());
        let link = folder.path().join("link");
        symlink(&inner, &link).unwrap();
        assert!(create_folder(&link).is_err());
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        let cache = folder.path().join("cache");
        for (mode, is_private) in [(0o777, false), (0o1777, true), (0o775, true)] {
            fs::set_permissions(&cache, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(check_folder(&inner).is_ok(), is_private, "{mode:o}");
        }
    }
}
