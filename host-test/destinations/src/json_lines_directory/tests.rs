#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::lengths::LENGTHS;
use super::*;
use crate::testing::{orders, rows};

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("order.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn numbers(folder: &Path) -> Vec<i64> {
    let lines = lines(folder);
    let numbers = lines
        .iter()
        .filter_map(|line| line["data"]["number"].as_i64());
    numbers.collect()
}

fn open(folder: &Path) -> JsonLinesDirectory {
    JsonLinesDirectory::open(folder, &[&orders()]).unwrap()
}

#[test]
fn runs_append_and_the_state_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("out");
    for number in [1, 2] {
        let mut directory = JsonLinesDirectory::open(&folder, &[&orders()]).unwrap();
        let expected = (number == 2).then(|| "state 1".to_owned());
        assert_eq!(directory.state(), expected);
        let row = json!({ "group": "a", "number": number });
        directory.write(rows("order", [row])).unwrap();
        directory.checkpoint(&format!("state {number}")).unwrap();
    }
    let numbers: Vec<_> = lines(&folder)
        .iter()
        .map(|line| line["data"]["number"].clone())
        .collect();
    assert_eq!(numbers, [1, 2]);
    let schema = fs::read(folder.join("order.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema, orders().schema);
}

#[test]
fn half_a_line_of_a_killed_run_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.jsonl");
    for (torn, kept) in [
        ("{\"a\":1}\n{\"b\"", "{\"a\":1}\n"),
        ("{\"a\"", ""),
        ("", ""),
        ("{\"a\":1}\n", "{\"a\":1}\n"),
    ] {
        fs::write(&file, torn).unwrap();
        JsonLinesDirectory::open(folder.path(), &[&orders()]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), kept, "{torn:?}");
    }
    let long = format!("{{}}\n{}", "x".repeat(10_000));
    fs::write(&file, long).unwrap();
    JsonLinesDirectory::open(folder.path(), &[&orders()]).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
}

/// A run that fails before its first checkpoint has begun a snapshot that the next run's state knows nothing of. Were the
/// line kept, the close of the snapshot that the next run goes on with would void rows that exist.
#[test]
fn lines_that_no_checkpoint_covers_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let streams = ["order".to_owned()];
    let mut good = open(path);
    good.write(rows("order", [json!({ "number": 1 })])).unwrap();
    good.checkpoint("one").unwrap();
    drop(good);
    let mut failed = open(path);
    failed.begin_snapshot(&streams).unwrap();
    let long = json!({ "number": 2, "group": "x".repeat(100_000) });
    failed.write(rows("order", [long])).unwrap();
    drop(failed);
    assert_eq!(numbers(path), [1], "at the end of the run");

    let mut killed = open(path);
    killed.begin_snapshot(&streams).unwrap();
    for file in killed.files.values_mut() {
        file.flush().unwrap();
    }
    killed.kill();
    assert_eq!(lines(path).len(), 2, "nothing is left to a killed run");
    let mut next = open(path);
    assert_eq!(numbers(path), [1], "at the beginning of the next one");
    next.write(rows("order", [json!({ "number": 3 })])).unwrap();
    next.checkpoint("two").unwrap();
    drop(next);
    assert_eq!(numbers(path), [1, 3]);
}

/// The lengths are written before the state: after a crash in between, the state before has lengths of its own.
#[test]
fn a_crash_between_lengths_and_state_goes_back_to_the_state_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for number in 1..=2 {
        let mut run = open(path);
        run.write(rows("order", [json!({ "number": number })]))
            .unwrap();
        run.checkpoint(&format!("state {number}")).unwrap();
    }
    fs::write(path.join(STATE), "state 1").unwrap();
    assert_eq!(open(path).state().as_deref(), Some("state 1"));
    assert_eq!(numbers(path), [1]);
}

#[test]
fn what_the_lengths_do_not_name_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let file = path.join("order.jsonl");
    let line = "{\"data\":{\"number\":1}}\n";
    fs::write(&file, line).unwrap();
    fs::write(path.join(STATE), "of an earlier version").unwrap();
    drop(open(path));
    assert_eq!(numbers(path), [1], "there are no lengths yet");
    fs::write(&file, format!("{line}{line}")).unwrap();
    drop(open(path));
    assert_eq!(numbers(path), [1], "there are now");
    fs::write(&file, "").unwrap();
    drop(open(path));
    fs::write(&file, line).unwrap();
    drop(open(path));
    assert_eq!(
        numbers(path),
        [0; 0],
        "a file that was moved away begins anew"
    );
    fs::write(&file, line).unwrap();
    fs::write(path.join(LENGTHS), "no JSON").unwrap();
    drop(open(path));
    assert_eq!(numbers(path), [1], "nothing is known");
    fs::write(&file, format!("{line}{line}")).unwrap();
    fs::remove_file(path.join(STATE)).unwrap();
    drop(open(path));
    assert_eq!(
        numbers(path),
        [1, 1],
        "a run that starts afresh keeps the log"
    );
}

#[test]
fn the_last_lines_of_a_good_run_are_covered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut run = open(path);
    run.write(rows("order", [json!({ "number": 1 })])).unwrap();
    run.checkpoint("one").unwrap();
    let lock = run.lock();
    drop(run);
    append_finished(path, &["order".to_owned()]).unwrap();
    drop(lock);
    drop(open(path));
    let finished = json!({ "type": "finished", "stream": "order", "snapshot": false });
    assert_eq!(lines(path).last(), Some(&finished));
}

#[cfg(unix)]
#[test]
fn two_runs_at_once_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let error = JsonLinesDirectory::open(folder.path(), &[&orders()]).unwrap_err();
    assert!(error.to_string().contains("another run"), "{error}");
    let lock = first.lock();
    drop(first);
    assert!(JsonLinesDirectory::open(folder.path(), &[&orders()]).is_err());
    drop(lock);
    open(folder.path());
}

/// In a folder such as /tmp somebody else may have put them there first.
#[cfg(unix)]
#[test]
fn a_state_and_lengths_of_somebody_else_are_refused() {
    use std::os::unix::fs::{PermissionsExt, chown};

    for name in [STATE, LENGTHS] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let try_open = || JsonLinesDirectory::open(folder.path(), &[&orders()]).map(drop);
        fs::write(&file, "[]").unwrap();
        try_open().unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        try_open().unwrap_err();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        // Root alone can give a file away.
        if chown(&file, Some(1234), None).is_ok() {
            let error = try_open().unwrap_err().to_string();
            assert!(error.contains("belongs to another user"), "{name}: {error}");
        }
    }
}
