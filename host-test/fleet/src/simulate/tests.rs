#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn fleet() -> Fleet {
    Fleet {
        connections: 36_000,
        every: Duration::from_hours(1),
        runs: 10,
        cores: 1,
        requests: 10,
        latency_ms: 100,
        cpu_ms: 10,
        database_ms: 5,
        database_cores: 1,
        site_requests_per_second: None,
        connections_per_site: 1,
    }
}

/// Ten runs a second of 1.01 s each fill 10.1 slots, so one worker of ten is not enough, and two are.
#[test]
fn it_agrees_with_arithmetic() {
    let fleet = fleet();
    assert!(fleet.simulate(1).high_lag > Duration::from_secs(36));
    assert_eq!(fleet.simulate(2).high_lag, Duration::ZERO);
    assert_eq!(fleet.workers_needed(), Some(2));
    assert!((fleet.simulate(1).database_cores - 0.05).abs() < 1e-9);
    assert_eq!(fleet.overloaded(1).unwrap().resource, Resource::Runs);
    assert_eq!(fleet.overloaded(2), None);
    let busy = Fleet {
        cpu_ms: 250,
        ..fleet
    };
    assert_eq!(
        busy.workers_needed(),
        Some(3),
        "ten runs of 0.25 s a second need 2.5 cores"
    );
}

#[test]
fn a_lag_behind_what_is_full_grows_without_end_in_table_json_and_conclusion() {
    let database = Fleet {
        database_ms: 310,
        ..fleet()
    };
    let site = Fleet {
        site_requests_per_second: Some(1),
        connections_per_site: 720,
        ..fleet()
    };
    for (fleet, name, part) in [
        (database, "PostgreSQL", "310 %"),
        (site, "each site", "200 %"),
    ] {
        let found = fleet.found();
        let table = report::table(&fleet, &found);
        let said = format!("No number of workers is enough: {name} is at {part}");
        assert!(table.contains(&said), "{table}");
        assert_eq!(table.matches("grows without end").count(), 6, "{table}");
        let json = report::json(&fleet, &found);
        for row in json["rows"].as_array().unwrap() {
            assert_eq!(row["lag"], "grows without end");
            assert_eq!(row["overloaded"], name);
            assert!(row["high_lag_s"].is_null());
        }
        assert!(json["workers_needed"].is_null());
    }
}

#[test]
fn a_fleet_within_its_walls_has_lags_and_a_number_of_workers() {
    let fleet = Fleet {
        database_ms: 310,
        database_cores: 4,
        ..fleet()
    };
    let found = fleet.found();
    let table = report::table(&fleet, &found);
    assert!(
        table.contains("2 workers of 10 runs and 1 cores are needed."),
        "{table}"
    );
    assert!(
        table.contains("PostgreSQL with 4 cores is at 46452 connections"),
        "{table}"
    );
    let json = report::json(&fleet, &found);
    assert_eq!(json["workers_needed"], 2);
    assert_eq!(json["rows"][0]["overloaded"], "the workers' runs at once");
    assert_eq!(json["rows"][1]["high_lag_s"], 0.0);
}

/// The largest arguments that the command takes.
#[test]
fn no_argument_is_too_large_to_count_with() {
    let largest = Fleet {
        connections: 100_000,
        every: Duration::from_hours(24 * 365),
        runs: 10_000,
        cores: 1_024,
        requests: 100_000,
        latency_ms: 3_600_000,
        cpu_ms: 3_600_000,
        database_ms: 3_600_000,
        database_cores: 4_096,
        site_requests_per_second: Some(1),
        connections_per_site: 1_000_000,
    };
    let often = Fleet {
        every: Duration::from_secs(1),
        runs: 1,
        cores: 1,
        site_requests_per_second: None,
        ..largest.clone()
    };
    assert_eq!(often.workers_needed(), None);
    for fleet in [largest, often] {
        let found = fleet.found();
        assert!(!report::table(&fleet, &found).is_empty());
        assert!(report::json(&fleet, &found)["rows"].is_array());
    }
}

#[test]
fn durations_have_a_unit() {
    assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
    assert_eq!(parse_duration("2d"), Ok(Duration::from_hours(48)));
    for text in ["", "1", "h", "-1h", "1w", "0h", "99999999999999d"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}
