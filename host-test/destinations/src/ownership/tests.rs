#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

use super::*;
use crate::private_file::{append, create_if_missing};

const STRANGER: u32 = 1234;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn refusals(path: &Path) -> [String; 2] {
    [append(path).map(drop), create_if_missing(path)]
        .map(|found| found.err().map(|error| error.to_string()))
        .map(Option::unwrap_or_default)
}

#[test]
fn a_file_that_others_have_a_hand_in_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for mode in [0o600, 0o640, 0o644, 0o664] {
        set_mode(&file, mode);
        assert_eq!(refusals(&file), ["", ""], "{mode:o}");
        let kept = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(kept & 0o777, mode, "what its owner has chosen");
    }
    for mode in [0o602, 0o666] {
        set_mode(&file, mode);
        for refusal in refusals(&file) {
            assert!(refusal.contains("chmod 600"), "{mode:o}: {refusal}");
        }
    }
    set_mode(&file, 0o600);
    fs::hard_link(&file, folder.path().join("link")).unwrap();
    for refusal in refusals(&file) {
        assert!(refusal.contains("hard link"), "{refusal}");
    }
    fs::remove_file(folder.path().join("link")).unwrap();
    // Root alone can give a file away.
    if chown(&file, None, Some(STRANGER)).is_ok() {
        set_mode(&file, 0o660);
        for refusal in refusals(&file) {
            assert!(refusal.contains("chmod 600"), "of another group: {refusal}");
        }
    }
    if chown(&file, Some(STRANGER), None).is_ok() {
        for refusal in refusals(&file) {
            assert!(refusal.contains("another user"), "{refusal}");
        }
    }
}

#[test]
fn a_folder_that_others_have_a_hand_in_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("rows");
    fs::create_dir(&folder).unwrap();
    for (mode, allowed) in [
        (0o700, true),
        (0o755, true),
        (0o775, true),
        (0o777, false),
        (0o1777, true),
    ] {
        set_mode(&folder, mode);
        assert_eq!(check_folder(&folder).is_ok(), allowed, "{mode:o}");
    }
    set_mode(&folder, 0o700);
    let link = parent.path().join("link");
    symlink(&folder, &link).unwrap();
    let with_slash = parent.path().join("link/");
    assert!(check_folder(&link).is_ok(), "the operator's own");
    if lchown(&link, Some(STRANGER), None).is_ok() {
        assert!(check_folder(&link).is_err());
        assert!(check_folder(&with_slash).is_err());
        chown(&folder, Some(STRANGER), None).unwrap();
        assert!(check_folder(&folder).is_err());
    }
}

#[test]
fn a_folder_above_that_others_have_a_hand_in_is_told() {
    let top = tempfile::tempdir().unwrap();
    let real = top.path().canonicalize().unwrap();
    let (shared, own) = (real.join("shared"), real.join("own"));
    let rows = shared.join("between/rows");
    fs::create_dir_all(&rows).unwrap();
    fs::create_dir(&own).unwrap();
    let link = own.join("link");
    symlink(&rows, &link).unwrap();
    let told = |folder: &Path| {
        let (ancestor, reason) = ancestors::nearest_shared(folder)?;
        if !ancestor.starts_with(&real) {
            // Whose the folders are that temporary ones are in is no matter.
            return None;
        }
        assert_eq!(ancestor, shared);
        Some(reason)
    };
    for (mode, reason) in [
        (0o755, None),
        (0o775, None),
        (0o777, Some("can be written by other users")),
        (0o1777, None),
    ] {
        set_mode(&shared, mode);
        assert_eq!(told(&rows), reason, "{mode:o}");
        assert_eq!(told(&link), reason, "where the link leads: {mode:o}");
        assert!(check_folder(&rows).is_ok(), "it is no error");
    }
    // Root alone can give a folder away.
    if chown(&shared, Some(STRANGER), None).is_ok() {
        assert_eq!(told(&rows), Some("belongs to another user"));
    }
    // A link that is in a shared folder leads anywhere.
    chown(&shared, Some(rustix::process::geteuid().as_raw()), None).unwrap();
    set_mode(&shared, 0o777);
    let link = shared.join("link");
    symlink(&own, &link).unwrap();
    fs::create_dir(own.join("rows")).unwrap();
    assert_eq!(
        told(&link.join("rows")),
        Some("can be written by other users")
    );
}
