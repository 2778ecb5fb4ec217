//! Work of random length, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use proptest::prelude::*;

use super::*;
use crate::client::Platform as _;
use crate::error::Kind;
use crate::testing::{Simulation, small_site};

/// What a source gives: batches of so many items, each after so long, and perhaps an error at the end.
#[derive(Debug, Clone)]
struct Source {
    batches: Vec<(usize, u64)>,
    fails: bool,
}

struct Watch<'a> {
    simulation: &'a Simulation,
    in_flight: Cell<usize>,
    most: Cell<usize>,
    /// Pieces fetched and not yet begun, at most.
    fetched: Cell<usize>,
    begun: Cell<usize>,
}

impl<'a> Watch<'a> {
    fn new(simulation: &'a Simulation) -> Self {
        Self {
            simulation,
            in_flight: Cell::default(),
            most: Cell::default(),
            fetched: Cell::default(),
            begun: Cell::default(),
        }
    }

    fn source(&self, source: &Source) -> impl FusedStream<Item = Result<Vec<usize>>> {
        let source = source.clone();
        unfold((0, 0), move |(batch, first)| {
            let next = source.batches.get(batch).copied();
            let fails = source.fails && batch == source.batches.len();
            async move {
                let Some((size, time)) = next else {
                    let error = Error::new(Kind::Unavailable, "over");
                    return fails.then_some((Err(error), (batch + 1, first)));
                };
                self.simulation.sleep(Duration::from_millis(time)).await;
                self.fetched.set(first + size);
                Some((
                    Ok((first..first + size).collect()),
                    (batch + 1, first + size),
                ))
            }
        })
        .fuse()
    }

    async fn work(&self, item: usize) -> Result<usize> {
        self.begun.set(self.begun.get() + 1);
        self.in_flight.set(self.in_flight.get() + 1);
        self.most.set(self.most.get().max(self.in_flight.get()));
        let time = 1 + (item * 37 % 50) as u64;
        self.simulation.sleep(Duration::from_millis(time)).await;
        self.in_flight.set(self.in_flight.get() - 1);
        Ok(item)
    }
}

fn a_source() -> impl Strategy<Value = Source> {
    let batches = prop::collection::vec((0_usize..30, 0_u64..60), 0..8);
    (batches, any::<bool>()).prop_map(|(batches, fails)| Source { batches, fails })
}

fn simulation() -> Simulation {
    Simulation::new(small_site(0, 1), 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_come_in_order_and_no_more_than_the_window_is_in_flight(
        source in a_source(),
        window in 1_usize..10,
        reserve in 0_usize..20,
    ) {
        let simulation = simulation();
        let watch = Watch::new(&simulation);
        let stream = Box::pin(watch.source(&source));
        let mut ahead = OrderedPrefetch::new(stream, window, reserve, |item| watch.work(item));
        let mut results = Vec::new();
        let failed = simulation.run(async {
            while let Some(result) = poll_fn(|context| ahead.poll_next(context)).await {
                match result {
                    Ok(item) => results.push(item),
                    Err(_) => return true,
                }
            }
            false
        });
        let all: usize = source.batches.iter().map(|(size, _)| size).sum();
        prop_assert!(results.iter().copied().eq(0..all), "{:?}", results);
        prop_assert_eq!(failed, source.fails, "an error comes behind all that was before it");
        prop_assert!(watch.most.get() <= window);
        prop_assert!(all < window || watch.most.get() > 0);
    }
}

/// While the items of one batch are worked on, the next one is fetched; but not all there are.
#[test]
fn the_next_batch_is_fetched_meanwhile_and_no_more() {
    let simulation = simulation();
    let watch = Watch::new(&simulation);
    let source = Source {
        batches: vec![(10, 30); 20],
        fails: false,
    };
    let stream = Box::pin(watch.source(&source));
    let mut ahead = OrderedPrefetch::new(stream, 4, 5, |item| watch.work(item));
    let waiting = RefCell::new(Vec::new());
    simulation.run(async {
        while let Some(result) = poll_fn(|context| ahead.poll_next(context)).await {
            result.unwrap();
            waiting
                .borrow_mut()
                .push(watch.fetched.get() - watch.begun.get());
        }
    });
    let waiting = waiting.into_inner();
    assert_eq!(waiting.len(), 200);
    assert!(
        waiting.iter().all(|waiting| *waiting <= 5 + 10),
        "{waiting:?}"
    );
    let drained = waiting
        .iter()
        .take(190)
        .filter(|waiting| **waiting == 0)
        .count();
    assert!(drained < 20, "{drained} times there was nothing to begin");
}

/// What is in flight ends, and nothing follows it until the consumer asks for more.
#[test]
fn a_consumer_that_waits_starts_nothing() {
    let simulation = simulation();
    let watch = Watch::new(&simulation);
    let source = Source {
        batches: vec![(10, 30); 3],
        fails: false,
    };
    let stream = Box::pin(watch.source(&source));
    let mut ahead = OrderedPrefetch::new(stream, 4, 5, |item| watch.work(item));
    let results = simulation.run(async {
        let mut results = vec![poll_fn(|context| ahead.poll_next(context)).await];
        let begun = watch.begun.get();
        while let Some(result) = poll_fn(|context| ahead.poll_started(context)).await {
            results.push(Some(result));
        }
        assert_eq!(watch.begun.get(), begun);
        assert_eq!(watch.in_flight.get(), 0);
        while let Some(result) = poll_fn(|context| ahead.poll_next(context)).await {
            results.push(Some(result));
        }
        results
    });
    let results = results.into_iter().map(|result| result.unwrap().unwrap());
    assert!(results.eq(0..30));
}
