//! The promise under random schedules.
//!
//! Virtual time, one thread, one seed: a schedule that fails is the same one the next time. A seed
//! is named by `SHARED_RANDOM_SEED`, and more of them are run with `SHARED_RANDOM_SEEDS`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use support::world::{run, run_lagging};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_schedule_makes_a_pod_give_an_old_value_past_the_bound() {
    let seeds = match number("SHARED_RANDOM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SHARED_RANDOM_SEEDS").unwrap_or(10),
    };
    let mut reads = 0;
    for seed in seeds {
        let run = run(seed, |builder| builder);
        assert!(
            run.violations.is_empty(),
            "seed {seed}: {:#?}",
            run.violations
        );
        assert!(
            run.disagreements.is_empty(),
            "seed {seed}, at rest: {:#?}",
            run.disagreements
        );
        reads += run.reads;
    }
    println!("{reads} fresh reads");
    assert!(reads > 0);
}

/// Lags shorter and longer than the bound.
const LAGS: [(&str, Duration); 2] = [
    ("400ms", Duration::from_millis(400)),
    ("2500ms", Duration::from_millis(2_500)),
];

#[test]
fn a_source_that_lags_makes_no_pod_give_an_old_value_past_the_bound_and_the_lag() {
    for lag in LAGS {
        for seed in 0..number("SHARED_RANDOM_SEEDS").unwrap_or(10) {
            let run = run_lagging(seed, lag, |builder| builder);
            let violations = run.violations;
            assert!(
                violations.is_empty(),
                "{lag:?}, seed {seed}: {violations:#?}"
            );
            assert_eq!(run.disagreements, [""; 0], "{lag:?}, seed {seed}");
        }
        let untold = ("0s", lag.1);
        let is_found = |seed| {
            !run_lagging(seed, untold, |builder| builder)
                .violations
                .is_empty()
        };
        assert!((0..60).any(is_found), "nobody noticed {lag:?}");
    }
}

/// A checker that has never failed proves nothing. The rules that are not named here need what a
/// schedule comes to too seldom, or never: `shared_switches.rs` and `shared_switch_race.rs` have it.
#[cfg(feature = "switches")]
#[test]
fn without_any_one_of_these_rules_a_schedule_is_found_that_gives_an_old_value() {
    use caching_core::Rule;

    let rules = [
        "store-in-l2",
        "store-in-l1",
        "floor",
        "epoch",
        "tag-clock",
        "drop-again",
        "clock-on-hit",
        "lease",
        "ticket",
    ];
    for name in rules {
        let rule = Rule::named(name).unwrap();
        let found = (0..60).find(|seed| {
            let run = run(*seed, |builder| builder.leave_out(rule));
            !run.violations.is_empty() || !run.disagreements.is_empty()
        });
        println!("{name}: {found:?}");
        assert!(found.is_some(), "nobody noticed that {name} was left out");
    }
}
