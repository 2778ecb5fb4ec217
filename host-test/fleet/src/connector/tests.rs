#![allow(clippy::unwrap_used)]

use connector_destinations::sqlite::RefusedClose;
use serde_json::json;

use super::*;

fn sweeps(refused: &[&str], remembered: &[&str]) -> Sweeps {
    let closes = |streams: &[&str]| {
        let close = RefusedClose { rows: 40, of: 100 };
        let streams = streams.iter();
        streams.map(|name| ((*name).to_owned(), close)).collect()
    };
    Sweeps {
        refused: closes(refused),
        remembered: closes(remembered),
        ..Sweeps::default()
    }
}

fn failed(kind: FailureKind) -> Ending {
    Ending::Failed {
        kind,
        retry_after: None,
    }
}

#[test]
fn only_a_runs_own_refused_close_is_its_failure() {
    let lease = Lease {
        connection: 7,
        name: "acme".to_owned(),
        ..Lease::default()
    };
    let incomplete = || failed(FailureKind::Incomplete);
    let refused = sweeps(&["pages"], &["users"]);
    let remembered = sweeps(&[], &["pages"]);
    for (ending, sweeps, expected, why) in [
        (
            Ending::Succeeded,
            &refused,
            failed(FailureKind::InvalidConfig),
            "a person decides",
        ),
        (
            Ending::Succeeded,
            &remembered,
            Ending::Succeeded,
            "a person has been told",
        ),
        (incomplete(), &refused, incomplete(), "it comes again"),
        (incomplete(), &remembered, incomplete(), "it comes again"),
    ] {
        let report = Report {
            ending,
            message: Some("as it was".to_owned()),
            ..Report::default()
        };
        let report = with_refused_closes(report, &lease, sweeps);
        assert_eq!(report.ending, expected, "{why}");
        let message = report.message.unwrap();
        for said in [
            "as it was; besides, ",
            "the schema connection_7,",
            "more than 30 %",
            "pages (40 of 100 rows)",
            "confluence-fleet resume \"acme\" --max-delete 100",
        ] {
            assert!(message.contains(said), "{message}");
        }
    }
    let good = with_refused_closes(Report::default(), &lease, &Sweeps::default());
    assert_eq!(good, Report::default());
}

/// A guest chooses the numbers of its summary.
#[test]
fn rows_are_summed_without_an_overflow() {
    let summary = json!({ "rows": { "a": u64::MAX, "b": 1, "c": "many" } });
    assert_eq!(rows(summary.as_object().unwrap()), u64::MAX);
}
