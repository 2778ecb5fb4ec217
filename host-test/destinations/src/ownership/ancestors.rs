//! The folders above one that rows, states or configurations are written to: who can rename what is in them puts another
//! folder in its place.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{is_shared, is_trusted};
use crate::stderr;

/// Warns of the nearest folder above this one that others own or can write, once for each of them. It is no error: they
/// may be people whom the operator trusts.
pub(super) fn warn_of_shared(folder: &Path) {
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let Some((ancestor, reason)) = nearest_shared(folder) else {
        return;
    };
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.insert(ancestor.clone()) {
        stderr::warn(&format!(
            "{} can be replaced by other users: {}, a folder above it, {reason}",
            folder.display(),
            ancestor.display()
        ));
    }
}

/// By the name that was given and, since links may lead there, by the place where it is.
pub(super) fn nearest_shared(folder: &Path) -> Option<(PathBuf, &'static str)> {
    let (given, real) = (std::path::absolute(folder).ok(), folder.canonicalize().ok());
    let mut above = real.iter().chain(&given).flat_map(|folder| {
        let ancestors = folder.ancestors();
        ancestors.skip(1)
    });
    above.find_map(|ancestor| Some((ancestor.to_owned(), hand_of_others(ancestor)?)))
}

fn hand_of_others(folder: &Path) -> Option<&'static str> {
    // The owner of a link leads it elsewhere.
    let link = fs::symlink_metadata(folder).ok()?;
    let found = fs::metadata(folder).ok()?;
    if !is_trusted(link.uid()) || !is_trusted(found.uid()) {
        return Some("belongs to another user");
    }
    is_shared(&found).then_some("can be written by other users")
}
