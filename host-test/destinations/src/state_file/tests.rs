#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::testing::Recorder;

#[test]
fn empty_shapes_are_no_state() {
    for (text, empty) in [
        ("", true),
        (" \n", true),
        ("null", true),
        ("{}", true),
        ("{ }\n", true),
        ("[]", true),
        ("\u{feff}{}", true),
        (r#"{"bookmarks":{},"currently_syncing":null}"#, true),
        (r#"{"value":null}"#, true),
        (r#"{"state":{}}"#, true),
        (r#"[{"type":"LEGACY","data":{}}]"#, true),
        (
            r#"{"type":"GLOBAL","global":{"shared_state":null,"stream_states":[]}}"#,
            true,
        ),
        (
            r#"{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{}}}"#,
            true,
        ),
        (r#"{"v":4}"#, false),
        (r#"{"bookmarks":{"pages":{"v":0}}}"#, false),
        (r#"{"finished":false}"#, false),
        ("not json", false),
    ] {
        assert_eq!(is_empty(text), empty, "{text:?}");
    }
}

#[test]
fn each_checkpoint_replaces_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let mut destination = StateFile::new(Recorder::default(), file.clone(), None).unwrap();
    assert_eq!(read(&file).unwrap(), None);
    for state in ["first", "second"] {
        destination.checkpoint(state).unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some(state));
    }
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside the state");
}

#[test]
fn the_second_of_two_runs_at_once_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    fs::write(&file, "before\n").unwrap();
    let open = || {
        let given = read(&file).unwrap();
        StateFile::new(Recorder::default(), file.clone(), given).unwrap()
    };
    let (mut slow, mut fast) = (open(), open());
    fast.checkpoint("newer").unwrap();
    let error = format!("{:#}", slow.checkpoint("older").unwrap_err());
    assert!(error.contains("another run has written"), "{error}");
    assert_eq!(read(&file).unwrap().as_deref(), Some("newer"));
    assert_eq!(slow.inner.0, Vec::<String>::new(), "nothing was committed");
    for state in ["newest\n", "{}", "and on"] {
        fast.checkpoint(state).unwrap();
    }
    fs::remove_file(&file).unwrap();
    fast.checkpoint("once more").unwrap();
}

#[test]
fn a_mounted_file_is_overwritten_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    fs::write(&file, "a state that is long").unwrap();
    let mut destination = StateFile {
        inner: Recorder::default(),
        file: file.clone(),
        writing: Writing::InPlace,
        known: Some("a state that is long".to_owned()),
    };
    destination.checkpoint("short").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "short");
    fs::write(&file, "killed before the cut\n\n\n").unwrap();
    let state = read(&file).unwrap();
    assert_eq!(state.as_deref(), Some("killed before the cut"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &file).unwrap();
    let error = StateFile::new(Recorder::default(), file, None)
        .err()
        .unwrap();
    assert!(format!("{error:#}").contains("symbolic link"), "{error:#}");
}

/// Who can write the state decides what the next run need not read.
#[cfg(unix)]
#[test]
fn a_state_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    fs::write(&file, "a state").unwrap();
    let set_mode = |mode| fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    set_mode(0o644);
    let given = read(&file).unwrap();
    let mut destination = StateFile::new(Recorder::default(), file.clone(), given).unwrap();
    set_mode(0o666);
    for error in [
        read(&file).unwrap_err(),
        StateFile::new(Recorder::default(), file.clone(), None)
            .err()
            .unwrap(),
        destination.checkpoint("another state").unwrap_err(),
    ] {
        let error = format!("{error:#}");
        assert!(error.contains("run: chmod 600"), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "a state");
}

/// A pipe would be waited for, and a device would become a file.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&file).unwrap();
    for error in [
        read(&file).unwrap_err(),
        StateFile::new(Recorder::default(), file.clone(), None)
            .err()
            .unwrap(),
    ] {
        let error = format!("{error:#}");
        assert!(error.contains("is not a regular file"), "{error}");
    }
    assert!(!fs::symlink_metadata(&file).unwrap().is_file());
}
