//! `sync` from the outside: a simulation goes in, rows come out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod damage;
mod full;
mod incremental;
mod interplay;
mod refresh;
mod resume;
mod scenarios;
mod secrets;
mod set_aside;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::stream::{Mode, Stream};
use crate::sync::sync;
use crate::testing::{Recorder, Simulation, Tables};

/// Every stream, each in this mode as far as it has it.
fn every_stream(mode: Mode) -> Vec<(Stream, Mode)> {
    in_mode(&Stream::ALL, mode)
}

fn in_mode(streams: &[Stream], mode: Mode) -> Vec<(Stream, Mode)> {
    let possible = |stream: &Stream| {
        let mode = if stream.modes().contains(&mode) {
            mode
        } else {
            Mode::Full
        };
        (*stream, mode)
    };
    streams.iter().map(possible).collect()
}

/// Reads from where the recorder stands.
fn read(
    simulation: &Simulation,
    recorder: &Recorder<'_>,
    config: Value,
    streams: &[(Stream, Mode)],
) -> Result<Value> {
    let state = recorder.state();
    read_from(simulation, recorder, config, streams, state.as_deref())
}

fn read_from(
    simulation: &Simulation,
    recorder: &Recorder<'_>,
    config: Value,
    streams: &[(Stream, Mode)],
    state: Option<&str>,
) -> Result<Value> {
    let config = parsed(simulation, config);
    let selection: Vec<_> = streams
        .iter()
        .map(|(stream, mode)| (stream.name().to_owned(), *mode))
        .collect();
    let result = simulation.run(sync(simulation, recorder, &config, &selection, state));
    result.map(|summary| serde_json::from_str(&summary).unwrap())
}

/// A configuration without a snapshot across runs, unless it says otherwise.
fn parsed(simulation: &Simulation, mut config: Value) -> Config {
    let fields = config.as_object_mut().unwrap();
    fields.entry("refresh_days").or_insert(json!(0));
    Config::parse(&simulation.config(config)).unwrap()
}

/// The details of a failure.
fn details_of(error: &Error) -> Value {
    serde_json::from_str(error.details.as_deref().unwrap()).unwrap()
}

/// The pages that the details of a failure name as set aside.
fn ids_of(details: &Value) -> Vec<String> {
    let pages = details["set_aside"].as_array().unwrap().iter();
    pages
        .map(|page| page["page_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Injects faults that are made up at run time.
fn inject(simulation: &Simulation, faults: &[String]) {
    simulation.inject_faults(&faults.iter().map(String::as_str).collect::<Vec<_>>());
}

/// How often each endpoint was asked since the log was taken.
fn asked(simulation: &Simulation) -> BTreeMap<Endpoint, usize> {
    let mut asked = BTreeMap::new();
    for sent in simulation.sent() {
        assert_ne!(
            sent.status,
            Some(400),
            "nothing that the OpenAPI files don't know: {sent}"
        );
        *asked.entry(sent.endpoint).or_default() += 1;
    }
    asked
}

fn endpoints(simulation: &Simulation) -> BTreeSet<Endpoint> {
    asked(simulation).into_keys().collect()
}

/// The tables of some streams.
fn only(mut tables: Tables, streams: &[Stream]) -> Tables {
    tables.retain(|name, _| streams.iter().any(|stream| stream.name() == *name));
    tables
}

/// The first difference between what there is and what there should be.
fn difference(found: &Tables, expected: &Tables) -> Option<String> {
    for stream in Stream::ALL {
        let name = stream.name();
        let (found, expected) = (found.get(name), expected.get(name));
        let rows = |tables: Option<&crate::testing::Rows>| tables.cloned().unwrap_or_default();
        let (found, expected) = (rows(found), rows(expected));
        let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
        for key in keys {
            let (found, expected) = (found.get(key), expected.get(key));
            if found != expected {
                return Some(format!("{name} {key}: {found:?} instead of {expected:?}"));
            }
        }
    }
    None
}

#[track_caller]
fn assert_same(found: &Tables, expected: &Tables, why: &str) {
    assert_eq!(difference(found, expected), None, "{why}");
}

fn sized(page_size: u32, max_concurrency: usize) -> Value {
    json!({ "page_size": page_size, "max_concurrency": max_concurrency })
}
