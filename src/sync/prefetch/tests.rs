//! Work of random length, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::http::Platform as _;
use crate::testing::{World, small_site};

/// What a source gives: bunches of so many pieces, each after so long, and perhaps an error at the end.
#[derive(Debug, Clone)]
struct Source {
    bunches: Vec<(usize, u64)>,
    fails: bool,
}

struct Watch<'a> {
    world: &'a World,
    under_way: Cell<usize>,
    most: Cell<usize>,
    /// Pieces fetched and not yet begun, at most.
    fetched: Cell<usize>,
    begun: Cell<usize>,
}

impl<'a> Watch<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            under_way: Cell::default(),
            most: Cell::default(),
            fetched: Cell::default(),
            begun: Cell::default(),
        }
    }

    fn source(&self, source: &Source) -> impl FusedStream<Item = Result<Vec<usize>>> {
        let source = source.clone();
        unfold((0, 0), move |(bunch, first)| {
            let next = source.bunches.get(bunch).copied();
            let fails = source.fails && bunch == source.bunches.len();
            async move {
                let Some((size, time)) = next else {
                    let error = Error::new(Kind::Unavailable, "over");
                    return fails.then_some((Err(error), (bunch + 1, first)));
                };
                self.world.sleep(Duration::from_millis(time)).await;
                self.fetched.set(first + size);
                Some((
                    Ok((first..first + size).collect()),
                    (bunch + 1, first + size),
                ))
            }
        })
        .fuse()
    }

    async fn work(&self, piece: usize) -> Result<usize> {
        self.begun.set(self.begun.get() + 1);
        self.under_way.set(self.under_way.get() + 1);
        self.most.set(self.most.get().max(self.under_way.get()));
        let time = 1 + (piece * 37 % 50) as u64;
        self.world.sleep(Duration::from_millis(time)).await;
        self.under_way.set(self.under_way.get() - 1);
        Ok(piece)
    }
}

fn a_source() -> impl Strategy<Value = Source> {
    let bunches = prop::collection::vec((0_usize..30, 0_u64..60), 0..8);
    (bunches, any::<bool>()).prop_map(|(bunches, fails)| Source { bunches, fails })
}

fn world() -> World {
    World::new(small_site(0, 1), 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_come_in_order_and_no_more_than_the_window_is_under_way(
        source in a_source(),
        window in 1_usize..10,
        reserve in 0_usize..20,
    ) {
        let world = world();
        let watch = Watch::new(&world);
        let stream = Box::pin(watch.source(&source));
        let mut ahead = LookAhead::new(stream, window, reserve, |piece| watch.work(piece));
        let mut results = Vec::new();
        let failed = world.run(async {
            while let Some(result) = ahead.next().await {
                match result {
                    Ok(piece) => results.push(piece),
                    Err(_) => return true,
                }
            }
            false
        });
        let all: usize = source.bunches.iter().map(|(size, _)| size).sum();
        prop_assert!(results.iter().copied().eq(0..all), "{:?}", results);
        prop_assert_eq!(failed, source.fails, "an error comes behind all that was before it");
        prop_assert!(watch.most.get() <= window);
        prop_assert!(all < window || watch.most.get() > 0);
    }
}

/// What is pushed meanwhile goes behind what is under way, over and above the window.
#[test]
fn pushed_work_comes_behind_what_is_under_way() {
    let world = world();
    let watch = Watch::new(&world);
    let source = Source {
        bunches: vec![(9, 5)],
        fails: false,
    };
    let stream = Box::pin(watch.source(&source));
    let mut ahead = LookAhead::new(stream, 3, 5, |piece| watch.work(piece));
    let mut results = Vec::new();
    world.run(async {
        while let Some(result) = ahead.next().await {
            let piece = result.unwrap();
            results.push(piece);
            if piece == 0 {
                ahead.push(100);
                ahead.push(101);
            }
        }
    });
    assert_eq!(results, [0, 1, 2, 100, 101, 3, 4, 5, 6, 7, 8]);
    assert!(watch.most.get() <= 5, "the window and what was pushed");
}

/// While the pieces of one bunch are worked on, the next one is fetched; but not all there are.
#[test]
fn the_next_bunch_is_fetched_meanwhile_and_no_more() {
    let world = world();
    let watch = Watch::new(&world);
    let source = Source {
        bunches: vec![(10, 30); 20],
        fails: false,
    };
    let stream = Box::pin(watch.source(&source));
    let mut ahead = LookAhead::new(stream, 4, 5, |piece| watch.work(piece));
    let waiting = RefCell::new(Vec::new());
    world.run(async {
        while let Some(result) = ahead.next().await {
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
