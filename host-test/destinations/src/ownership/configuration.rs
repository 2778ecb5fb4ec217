//! Configurations and secrets that are read: who can read them has the secret, who can change them sends it elsewhere.

use std::path::Path;

#[cfg(unix)]
use super::{is_trusted, others_can_write};
#[cfg(unix)]
use crate::stderr;

/// Warns of a file with a secret that other users can read, or can change, so that the secret is sent elsewhere.
pub fn warn_if_open_to_others(file: &Path) {
    #[cfg(unix)]
    if let Some(found) = regular_file(file) {
        warn_of_mode(file, &found, true);
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// Warns of a configuration that others can change, or that is another user's: it decides where the secret is sent, be the
/// secret in it or not. If it is, who can read it counts too.
pub fn warn_of_configuration(file: &Path, holds_secret: bool) {
    #[cfg(unix)]
    if let Some(found) = regular_file(file) {
        use std::os::unix::fs::MetadataExt as _;
        if !is_trusted(found.uid()) {
            let file = file.display();
            stderr::warn(&format!(
                "{file} belongs to another user, who decides where the token is sent; use a copy of your own unless you \
                 trust them"
            ));
        }
        warn_of_mode(file, &found, holds_secret);
    }
    #[cfg(not(unix))]
    let _ = (file, holds_secret);
}

/// Standard input is no file of this name.
#[cfg(unix)]
fn regular_file(file: &Path) -> Option<std::fs::Metadata> {
    let found = std::fs::metadata(file).ok()?;
    (found.is_file() && file != Path::new("-")).then_some(found)
}

#[cfg(unix)]
fn warn_of_mode(file: &Path, found: &std::fs::Metadata, holds_secret: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = found.permissions().mode() & 0o777;
    let can_be_changed = others_can_write(found);
    let file = file.display();
    let (what, danger, mended) = match (holds_secret && mode & 0o044 != 0, can_be_changed) {
        (true, true) => ("holds a secret", "read and changed", "600"),
        (true, false) => ("holds a secret", "read", "600"),
        (false, true) if holds_secret => ("holds a secret", "changed", "600"),
        (false, true) => ("says where the token is sent", "changed", "go-w"),
        (false, false) => return,
    };
    stderr::warn(&format!(
        "{file} {what} and can be {danger} by other users (mode {mode:03o}); run: chmod {mended} {file}"
    ));
}
