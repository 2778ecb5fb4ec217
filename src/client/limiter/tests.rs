//! The limiter under many requests at once, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::client::Platform as _;
use crate::testing::{Simulation, small_site};

fn simulation() -> Simulation {
    Simulation::new(small_site(0, 1), 1)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn no_more_than_the_limit_pass_and_all_pass_in_order() {
    let (simulation, limiter) = (simulation(), ConcurrencyLimiter::new(3));
    let (inside, most) = (Cell::new(0), Cell::new(0));
    let passed = std::cell::RefCell::new(Vec::new());
    let request = |number: u64| {
        let (simulation, limiter, inside, most, passed) =
            (&simulation, &limiter, &inside, &most, &passed);
        async move {
            let permit = limiter.acquire(Priority::Normal).await;
            passed.borrow_mut().push(number);
            inside.set(inside.get() + 1);
            most.set(most.get().max(inside.get()));
            simulation.sleep(millis(5 + number * 7 % 11)).await;
            inside.set(inside.get() - 1);
            drop(permit);
        }
    };
    simulation.run(join_all((0..40).map(request)));
    assert_eq!(most.get(), 3);
    assert!(passed.borrow().iter().copied().eq(0..40));
}

#[test]
fn a_request_that_is_tried_again_goes_first() {
    let (simulation, limiter) = (simulation(), ConcurrencyLimiter::new(1));
    let passed = std::cell::RefCell::new(Vec::new());
    let request = |name: &'static str, again: bool| {
        let (simulation, limiter, passed) = (&simulation, &limiter, &passed);
        async move {
            let _permit = limiter
                .acquire(if again {
                    Priority::Continuation
                } else {
                    Priority::Normal
                })
                .await;
            passed.borrow_mut().push(name);
            simulation.sleep(millis(5)).await;
        }
    };
    simulation.run(join_all([
        request("first", false),
        request("second", false),
        request("again", true),
    ]));
    assert_eq!(*passed.borrow(), ["first", "again", "second"]);
}

#[test]
fn while_one_holds_nobody_passes() {
    let (simulation, limiter) = (simulation(), ConcurrencyLimiter::new(4));
    let began = simulation.now();
    let hold = |wait: u64| {
        let (simulation, limiter) = (&simulation, &limiter);
        async move {
            let _hold = limiter.pause();
            simulation.sleep(millis(wait)).await;
        }
    };
    let request = async {
        let _permit = limiter.acquire(Priority::Continuation).await;
        simulation.now().since(began)
    };
    let all = async {
        let holds = join_all([hold(100), hold(300)]);
        futures_util::future::join(holds, request).await.1
    };
    assert_eq!(
        simulation.run(all),
        millis(300),
        "as long as the longest hold"
    );
}

#[test]
fn pressure_halves_and_success_restores_step_by_step() {
    let limiter = ConcurrencyLimiter::new(8);
    limiter.halve();
    assert_eq!(limiter.limit(), 4);
    limiter.decrement();
    assert_eq!(limiter.limit(), 3);
    for limit in [3, 3, 4, 4, 4, 4, 5] {
        limiter.on_success();
        assert_eq!(limiter.limit(), limit);
    }
    for _ in 0..10 {
        limiter.halve();
    }
    assert_eq!(limiter.limit(), 1, "never nothing");
    limiter.decrement();
    assert_eq!(limiter.limit(), 1);
    for _ in 0..100 {
        limiter.on_success();
    }
    assert_eq!(limiter.limit(), 8, "never more than the maximum");
}

/// What a request does at the limiter.
#[derive(Debug, Clone, Copy)]
enum Act {
    Pass(u64),
    GiveUp(u64),
    Hold(u64),
    Halve,
    Ease,
}

fn an_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_u64..20).prop_map(Act::Pass),
        2 => (0_u64..20).prop_map(Act::GiveUp),
        1 => (0_u64..20).prop_map(Act::Hold),
        1 => Just(Act::Halve),
        1 => Just(Act::Ease),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever gives up waiting, holds or presses: nobody is forgotten, and the limit is kept.
    #[test]
    fn everybody_passes_in_the_end(maximum in 1_usize..6, acts in prop::collection::vec(an_act(), 1..40)) {
        let (simulation, limiter) = (simulation(), ConcurrencyLimiter::new(maximum));
        let inside = Cell::new(0);
        let pass = |time: u64| {
            let (simulation, limiter, inside) = (&simulation, &limiter, &inside);
            async move {
                let permit = limiter.acquire(if time.is_multiple_of(2) { Priority::Continuation } else { Priority::Normal }).await;
                inside.set(inside.get() + 1);
                assert!(inside.get() <= maximum);
                simulation.sleep(millis(time)).await;
                inside.set(inside.get() - 1);
                drop(permit);
                limiter.on_success();
            }
        };
        let act = |(start, act): (u64, Act)| {
            let (simulation, limiter, pass) = (&simulation, &limiter, &pass);
            async move {
                simulation.sleep(millis(start)).await;
                match act {
                    Act::Pass(time) => pass(time).await,
                    Act::GiveUp(time) => {
                        let enter = std::pin::pin!(limiter.acquire(Priority::Normal));
                        let patience = std::pin::pin!(simulation.sleep(millis(time)));
                        futures_util::future::select(enter, patience).await;
                    }
                    Act::Hold(time) => {
                        let _hold = limiter.pause();
                        simulation.sleep(millis(time)).await;
                    }
                    Act::Halve => limiter.halve(),
                    Act::Ease => limiter.decrement(),
                }
            }
        };
        let acts: Vec<_> = (0..).zip(acts).collect();
        simulation.run(join_all(acts.into_iter().map(act)));
        prop_assert_eq!(inside.get(), 0);
    }
}
