//! Increments cost what changed; and whatever makes no version comes with the snapshot that spans them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_runtime::contract::Mode;
use mock_confluence::Mock;
use serde_json::json;

use crate::support::{
    Tape, assert_same, complete, config, corpus, current_pages, expected_tables, mock,
};

/// 2026-11-01T00:00:00Z, a month after the last page of a made-up site.
const BEGINNING: u64 = 1_793_491_200;

/// Sets the service's clock, by which everything is counted.
fn at_hour(mock: &Mock, hour: u64) {
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(BEGINNING + hour * 3600);
    mock.with_site_mut(|site| site.clock = Some(time));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_increment_costs_what_changed() {
    let mock = mock(corpus(300));
    at_hour(&mock, 0);
    let config = config(&mock, json!({}));
    let tape = Tape::default();
    complete(&config, Mode::Full, &tape).await;
    let pages = current_pages(&mock);
    mock.with_corpus(|corpus| {
        let editor = corpus.users[0].account_id.clone();
        for (page, minute) in pages.iter().step_by(50).zip(10..) {
            let at = format!("2026-11-01T00:{minute}:00.000Z");
            corpus.edit_page(page, &at, &editor).unwrap();
        }
        corpus.trash_page(&pages[1], None).unwrap();
        let space = corpus.spaces[0].id.clone();
        corpus.create_page(&space, "new", "2026-11-01T00:30:00.000Z", &editor);
    });
    at_hour(&mock, 1);
    mock.clear_requests();
    complete(&config, Mode::Incremental, &tape).await;
    assert_same(
        &tape.tables(),
        &expected_tables(&mock),
        "after the increment",
    );
    let requests = mock.requests().len();
    assert!(requests < 60, "{requests} requests");
}

/// Labels, views, owners, moves and names make no version, and neither does a purge.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_spans_runs_is_closed_and_sweeps() {
    let mock = mock(corpus(24));
    at_hour(&mock, 0);
    let config = config(&mock, json!({ "refresh_days": 1 }));
    let tape = Tape::default();
    complete(&config, Mode::Full, &tape).await;
    tape.take_closed();
    let pages = current_pages(&mock);
    mock.with_corpus(|corpus| {
        corpus.set_labels(&pages[2], &["relabelled"]).unwrap();
        corpus.view_page(&pages[3], 7).unwrap();
        corpus.purge_page(&pages[4]).unwrap();
        let user = corpus.users[1].account_id.clone();
        corpus.change_owner(&pages[5], &user).unwrap();
        corpus.rename_user(&user, "Renamed").unwrap();
    });
    let mut done = Vec::new();
    for hour in (4..=28).step_by(4) {
        at_hour(&mock, hour);
        let summary = complete(&config, Mode::Incremental, &tape).await;
        let freshness = &summary["freshness"];
        assert_eq!(freshness["promised_days"].as_f64(), Some(1.0));
        done.push(freshness["snapshot_done"].as_f64().unwrap());
        if tape.take_closed().contains("page_labels") {
            break;
        }
        let purged = tape.tables()["pages"]
            .values()
            .any(|row| row["source_id"] == pages[4].as_str());
        assert!(purged, "nothing is swept before the snapshot is whole");
    }
    assert!(done.len() >= 5, "it spans runs: {done:?}");
    assert_same(&tape.tables(), &expected_tables(&mock), "after a day");
}
