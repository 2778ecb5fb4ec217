//! A property over damage: one answer in thirty is damaged at random, the same way each time it is requested; listings
//! and users once only, since nobody gets past a listing that is broken for ever.

use super::*;
use crate::testing::{oracle, small_site};

/// Each seed damages other answers in other ways.
const SEEDS: u64 = 250;

/// How a run over damaged answers ended.
struct Outcome {
    result: Result<Value>,
    /// Keys of rows that did not arrive.
    missing: Vec<String>,
    /// Keys of rows that arrived and are not the site's.
    invented: Vec<String>,
    /// Rows of the site.
    rows: usize,
}

fn keys(tables: &Tables) -> BTreeSet<String> {
    let keys = tables.iter().flat_map(|(stream, rows)| {
        let keys = rows.keys();
        keys.map(move |key| format!("{stream} {key}"))
    });
    keys.collect()
}

fn run_damaged(seed: u64) -> Outcome {
    let simulation = Simulation::new(small_site(12, 7), 0);
    let permanent = ["versions", "labels", "views", "states"].map(|name| (name, "one-in=30"));
    let once = ["spaces", "pages", "users"].map(|name| (name, "one-in=3,count=1"));
    let faults: Vec<_> = permanent
        .iter()
        .chain(&once)
        .map(|(name, often)| format!("damage:seed={seed},endpoint={name},{often}"))
        .collect();
    simulation.inject_faults(&faults.iter().map(String::as_str).collect::<Vec<_>>());
    let recorder = Recorder::new(&simulation);
    let result = read(&simulation, &recorder, json!({}), &every_stream(Mode::Full));
    let expected = keys(&oracle(&simulation.corpus(), &[]));
    let arrived = keys(&recorder.tables());
    Outcome {
        result,
        missing: expected.difference(&arrived).cloned().collect(),
        invented: arrived.difference(&expected).cloned().collect(),
        rows: expected.len(),
    }
}

#[test]
fn a_good_end_means_that_every_row_arrived_and_nothing_was_invented() {
    let (mut rows, mut missing, mut poor_runs) = (0, 0, 0);
    for seed in 0..SEEDS {
        let outcome = run_damaged(seed);
        if outcome.result.is_ok() {
            assert_eq!(outcome.missing, [""; 0], "seed {seed}: a silent loss");
        }
        assert_eq!(outcome.invented, [""; 0], "seed {seed}");
        rows += outcome.rows;
        missing += outcome.missing.len();
        poor_runs += u64::from(outcome.missing.len() * 10 > outcome.rows);
    }
    assert!(
        poor_runs * 20 <= SEEDS,
        "{poor_runs} runs deliver less than nine rows of ten"
    );
    assert!(
        missing * 100 <= rows,
        "{missing} of {rows} rows did not arrive"
    );
}
