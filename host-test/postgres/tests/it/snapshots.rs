//! Snapshots that span runs, and closes.

use std::collections::BTreeMap;

use connector_destinations::sqlite::RefusedClose;
use connector_runtime::destination::Destination as _;
use serde_json::json;

use crate::support::{names, order, orders_of, row, rows, schema, snapshot};

#[test]
fn a_snapshot_of_several_runs_sweeps_at_its_close() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..10), &[]);
    let mut first = schema.open();
    // What was written before the beginning belongs to the snapshot before, also while it waits.
    first.write(orders_of(9..10)).unwrap();
    first.begin_snapshot(&names()).unwrap();
    first.write(orders_of(0..3)).unwrap();
    first.checkpoint("half").unwrap();
    drop(first);
    let mut second = schema.open();
    second.write(orders_of(20..21)).unwrap();
    second.write(orders_of(3..8)).unwrap();
    second.checkpoint("most").unwrap();
    assert_eq!(schema.numbers().len(), 11);
    second.end_snapshot("order", &[]).unwrap();
    second.checkpoint("whole").unwrap();
    assert_eq!(
        second.report().get().swept,
        [("order".to_owned(), 2)].into()
    );
    assert_eq!(schema.numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 20]);
}

#[test]
fn a_close_before_its_checkpoint_deletes_nothing() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..10), &[]);
    let mut postgres = schema.open();
    postgres.begin_snapshot(&names()).unwrap();
    postgres.end_snapshot("order", &[]).unwrap();
    drop(postgres);
    assert_eq!(schema.numbers().len(), 10);
}

#[test]
fn rows_that_match_an_exception_are_spared_once() {
    let Some(schema) = schema() else { return };
    let b = |number: i64| json!({ "group": "b", "number": number });
    let mut postgres = schema.open();
    snapshot(
        &mut postgres,
        rows("order", [order(1), order(2), b(3), b(4)]),
        &[],
    );
    let except = [
        row(json!({ "group": "b" })),
        row(json!({ "group": "a", "number": 2 })),
    ];
    snapshot(&mut postgres, orders_of(7..8), &except);
    assert_eq!(schema.numbers(), [2, 3, 4, 7]);
    snapshot(&mut postgres, orders_of(7..8), &[]);
    assert_eq!(schema.numbers(), [7], "spared once, not for ever");
}

#[test]
fn a_close_that_deletes_too_much_waits_until_it_is_allowed() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..100), &[]);
    let mut refused = schema.open();
    snapshot(&mut refused, orders_of(0..60), &[]);
    let found = refused.report().get();
    assert_eq!(
        found.refused,
        [("order".to_owned(), RefusedClose { rows: 40, of: 100 })].into()
    );
    assert_eq!(found.swept, BTreeMap::new());
    assert_eq!(schema.numbers().len(), 100);
    assert_eq!(
        refused.state().unwrap().as_deref(),
        Some("state"),
        "the rest of the run is kept"
    );
    drop(refused);
    let mut again = schema.open();
    again.checkpoint("next").unwrap();
    let found = again.report().get();
    assert_eq!(found.remembered.len(), 1);
    assert_eq!(found.refused, BTreeMap::new(), "said once");
    drop(again);
    let mut allowed = schema.open_with(100, None);
    allowed.checkpoint("allowed").unwrap();
    assert_eq!(
        allowed.report().get().swept,
        [("order".to_owned(), 40)].into()
    );
    assert_eq!(schema.numbers().len(), 60);
}

/// The permission is back: the new snapshot has reached most rows, and the close before must not take the others for gone.
#[test]
fn a_new_snapshot_ends_a_refusal() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..100), &[]);
    snapshot(&mut schema.open(), orders_of(0..60), &[]);
    let mut next = schema.open();
    next.begin_snapshot(&names()).unwrap();
    next.write(orders_of(0..90)).unwrap();
    next.checkpoint("most").unwrap();
    assert_eq!(next.report().get().refused, BTreeMap::new());
    drop(next);
    let mut last = schema.open_with(100, None);
    last.checkpoint("more").unwrap();
    assert_eq!(schema.numbers().len(), 100);
    last.write(orders_of(90..100)).unwrap();
    last.end_snapshot("order", &[]).unwrap();
    last.checkpoint("whole").unwrap();
    assert_eq!(schema.numbers().len(), 100);
}

/// The run that allows it may be the one that begins the next snapshot.
#[test]
fn a_refused_close_is_made_up_for_before_a_new_snapshot() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..100), &[]);
    snapshot(&mut schema.open(), orders_of(0..60), &[]);
    let mut allowed = schema.open_with(100, None);
    allowed.begin_snapshot(&names()).unwrap();
    allowed.checkpoint("begun").unwrap();
    assert_eq!(schema.numbers().len(), 60);
}

#[test]
fn a_state_of_another_place_sweeps_nothing_until_a_snapshot_begins() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    snapshot(&mut postgres, orders_of(0..5), &[]);
    postgres.begin_snapshot(&names()).unwrap();
    postgres.checkpoint("half").unwrap();
    assert_eq!(
        postgres.reconcile("state".to_owned()).unwrap(),
        "half",
        "one checkpoint behind"
    );
    assert_eq!(postgres.reconcile("other".to_owned()).unwrap(), "other");
    postgres.end_snapshot("order", &[]).unwrap();
    postgres.checkpoint("ended").unwrap();
    assert_eq!(schema.numbers().len(), 5);
    snapshot(&mut postgres, orders_of(0..2), &[]);
    assert_eq!(schema.numbers(), [0, 1]);
}
