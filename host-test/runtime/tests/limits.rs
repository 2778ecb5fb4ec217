//! A guest that attacks meets each limit of the host: its own error, and the host goes on.

use std::time::{Duration, Instant};

use connector_runtime::connection::TenantConnection;
use connector_runtime::destination::Note;
use connector_runtime::limits::Limits;
use connector_runtime::runtime::{Stopped, SyncRequest};
use connector_runtime::tenant::{Tenant, TenantLimits};
use tokio::task::JoinSet;

use crate::support::{
    Tape, attack, attacker, hostile, inventory, run_attack, said, selection, stopped, tight,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_spends_ends_its_call() {
    for (words, error) in [
        ("loop", "the call uses more than its 0.2 s of the processor"),
        (
            "flood 250",
            "the call uses more than its 0.2 s of the processor",
        ),
        ("memory", "the call needs more than its 32 MiB of memory"),
        (
            "giant-row 5000000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "same-row 1000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "empty-rows 2000000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "empty-rows 10001",
            "the call delivers a batch of more than 10000 rows",
        ),
        (
            "many-replaces 10001",
            "the call delivers a batch of more than 10000 rows",
        ),
        (
            "many-rows 800000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "handles",
            "the call exceeded its limit of 500 open host resources",
        ),
        (
            "many-fields",
            "the call exceeded its limit of 500 open host resources",
        ),
        (
            "random",
            "the component failed: requested len 1099511627776 exceeds limit 65536",
        ),
        (
            "stack",
            "the component failed: wasm trap: call stack exhausted",
        ),
        (
            "trap",
            "the component failed: wasm trap: wasm `unreachable` instruction executed",
        ),
    ] {
        let limits = match words.split(' ').next() {
            Some("many-fields" | "empty-rows" | "many-rows") => Limits {
                cpu: Duration::from_secs(5),
                memory: 128 << 20,
                ..tight()
            },
            _ => tight(),
        };
        assert_eq!(
            stopped(words, limits, &Tape::default()).await,
            error,
            "{words}"
        );
    }
    assert_eq!(inventory().await.streams().len(), 2);
}

/// Whoever calls such a component again and again takes nothing from its neighbours.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_ends_with_a_pause() {
    let connection = attacker("trap", "").await;
    let begun = Instant::now();
    for _ in 0..100 {
        let ended = run_attack(&connection, tight(), &Tape::default()).await;
        assert!(ended.is_err());
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_holds_so_many_values() {
    let limits = Limits {
        cpu: Duration::from_secs(5),
        ..tight()
    };
    let tape = Tape::default();
    let error = stopped("many-values 249998", limits, &tape).await;
    assert!(
        error.contains("a row of items: the batch holds too many values"),
        "{error}"
    );
    assert!(tape.events().is_empty());
    let some = Limits {
        run_rows: 40,
        ..limits
    };
    let error = stopped("many-values 249997", some, &tape).await;
    assert_eq!(error, "the call delivers more than its 40 rows");
    // What was still queued when the call was ended is not written any more: 8 MiB at most, 16 batches.
    let written = tape.events().len();
    assert!((20..=40).contains(&written), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_a_quota_of_rows_and_bytes() {
    let limits = Limits {
        cpu: Duration::from_secs(10),
        ..tight()
    };
    let rows = Limits {
        run_rows: 1_000,
        ..limits
    };
    let tape = Tape::default();
    let error = stopped("flood 250", rows, &tape).await;
    assert_eq!(error, "the call delivers more than its 1000 rows");
    assert!(tape.events().len() <= 4);
    let bytes = Limits {
        run_bytes: 1 << 20,
        ..limits
    };
    let error = stopped("flood 250", bytes, &Tape::default()).await;
    assert_eq!(error, "the call delivers more than its 1 MiB of rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_longer_than_allowed_and_a_slow_destination_is_not_waited_for() {
    let limits = Limits {
        wall: Duration::from_millis(300),
        cpu: Duration::from_mins(1),
        ..tight()
    };
    for (words, tape) in [
        ("sleep", Tape::default()),
        ("loop", Tape::default()),
        ("flood 250", Tape::slow(Duration::from_secs(3))),
        ("state 10", Tape::slow(Duration::from_secs(3))),
    ] {
        let begun = Instant::now();
        assert_eq!(
            stopped(words, limits, &tape).await,
            "the call takes longer than its 0.3 s"
        );
        assert!(begun.elapsed() < Duration::from_secs(2), "{words}");
    }
}

/// Whoever says how a call ended says it last.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_once_a_failed_call_has_ended() {
    let limits = Limits {
        run_rows: 5_000,
        cpu: Duration::from_mins(1),
        ..tight()
    };
    let tape = Tape::slow(Duration::from_millis(50));
    let error = stopped("flood 250", limits, &tape).await;
    assert_eq!(error, "the call delivers more than its 5000 rows");
    let written = tape.events().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(tape.events().len(), written);
    assert!(written < 10, "{written}: what was queued is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_told_to_stop_does_whatever_it_waits_for() {
    for (words, tape, error) in [
        ("sleep", Tape::default(), None),
        ("state 10", Tape::slow(Duration::from_secs(3)), None),
        ("flood 1", Tape::default(), Some("cancelled")),
    ] {
        let connection = attacker(words, "").await;
        let selection = selection(&["items"]);
        let request = SyncRequest {
            limits: Limits {
                cpu: Duration::from_mins(1),
                ..tight()
            },
            selection: &selection,
            ..SyncRequest::default()
        };
        let stop = request.cancellation.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.cancel();
        });
        let begun = Instant::now();
        let ended = hostile()
            .await
            .sync(&connection, request, Box::new(tape))
            .await;
        match error {
            None => assert_eq!(ended.unwrap_err().downcast_ref(), Some(&Stopped), "{words}"),
            Some(error) => assert_eq!(said(ended), error, "{words}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_held_back() {
    let limits = Limits {
        wall: Duration::from_secs(1),
        rows_per_second: Some(1_000),
        ..tight()
    };
    // An empty batch counts as a row, and the first batch is let in at once.
    for (words, events) in [("flood 0", 1_100), ("flood 250", 6)] {
        let tape = Tape::default();
        assert_eq!(
            stopped(words, limits, &tape).await,
            "the call takes longer than its 1 s"
        );
        let taken = tape.events().len();
        assert!((1..=events).contains(&taken), "{words}: {taken} batches");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_held_back_too_and_long_or_many_ones_left_out() {
    let limits = Limits {
        wall: Duration::from_secs(1),
        ..tight()
    };
    let few = Limits {
        run_notes: 10,
        ..limits
    };
    let short = Limits {
        run_note_bytes: 1_000,
        ..limits
    };
    for (words, limits, least, most) in [
        ("waits", limits, 1, 550),
        ("notes 100", limits, 1, 550),
        ("notes 20000", limits, 0, 0),
        // The last one says that there were too many.
        ("notes 100", few, 11, 11),
        ("notes 100", short, 8, 8),
    ] {
        let tape = Tape::default();
        assert_eq!(
            stopped(words, limits, &tape).await,
            "the call takes longer than its 1 s"
        );
        let taken = tape.notes().len();
        assert!((least..=most).contains(&taken), "{words}: {taken} notes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_says_is_safe_to_show() {
    let tape = Tape::default();
    let outcome = attack("escaping-note", tight(), &tape).await.unwrap();
    assert_eq!(
        tape.notes(),
        [
            Note::Log {
                level: "info".to_owned(),
                message: "\\u{1b}[2J\\u{202e}\\nforged".to_owned(),
            },
            Note::Gone {
                page_id: "1\\u{1b}]0;title\\u{7}".to_owned(),
            },
        ]
    );
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.details["rows"]["\\u{1b}[2Jforged"], 1);
    let shown = said(attack("show-escapes", tight(), &tape).await);
    assert_eq!(shown, "\\u{1b}[2J\\u{202e}forged\\nline");
    let waits = Tape::default();
    attack("endless-wait", tight(), &waits).await.unwrap();
    let day = 24 * 60 * 60 * 1000;
    assert!(
        waits
            .notes()
            .iter()
            .all(|note| matches!(note, Note::Wait { ms, .. } if *ms == day))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_goes_on_after_a_refusal_is_ended() {
    let tape = Tape::refusing_at(5);
    assert_eq!(
        stopped("after-refusal", tight(), &tape).await,
        "the component called the sink again after it had refused: enough"
    );
    assert_eq!(tape.events().len(), 5);
    assert!(tape.notes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_one_memory_for_all_its_calls_and_so_many_calls_at_once() {
    let tenant = Tenant::new(TenantLimits {
        calls: 2,
        memory: 40 << 20,
        ..TenantLimits::default()
    });
    let mut options = crate::support::on_loopback(connector_runtime::connection::Signing::Guest);
    options.tenant = Some(tenant.clone());
    let limits = Limits {
        wall: Duration::from_secs(1),
        cpu: Duration::from_secs(10),
        ..tight()
    };
    let connect = |attack: &str| {
        let config = format!(r#"{{"attack":"{attack}"}}"#);
        let options = options.clone();
        async move { hostile().await.connect(&config, options).unwrap() }
    };
    // Two calls that fit one by one do not fit together. The second one comes when the first has all of its memory: of two
    // that grow side by side both may be refused.
    let patient = Limits {
        wall: Duration::from_secs(4),
        ..limits
    };
    let start = |connection: TenantConnection| {
        tokio::spawn(async move { run_attack(&connection, patient, &Tape::default()).await })
    };
    let first = start(connect("memory 24").await);
    while tenant.memory_in_use() < 24 << 20 && !first.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = start(connect("memory 24").await);
    let mut errors = Vec::new();
    for call in [first, second] {
        errors.push(call.await.unwrap().unwrap_err().to_string());
    }
    let too_much = "the calls of this tenant need more than their 40 MiB of memory";
    assert_eq!(
        errors.iter().filter(|error| *error == too_much).count(),
        1,
        "{errors:?}"
    );
    // What ended gave its memory back; of three calls the third waits for its turn, and not for ever.
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let connection = connect("sleep").await;
        calls.spawn(async move { run_attack(&connection, limits, &Tape::default()).await });
    }
    for ended in calls.join_all().await {
        assert_eq!(
            ended.unwrap_err().to_string(),
            "the call takes longer than its 1 s"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(4));
}
