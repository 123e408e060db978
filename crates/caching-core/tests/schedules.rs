//! The four rules that every flow keeps, under random schedules of one cache.
//!
//! 1. An invalidation that has returned beats every load that began before it.
//! 2. Nobody who comes after it joins an older flight.
//! 3. A caller who leaves does not end a flight that others wait for, and a panic frees the key.
//! 4. The scope is that of the call, not that of whoever polls it.
//!
//! One thread, virtual time, one seed: a schedule that fails is the same one the next time. A seed is
//! named by `SCHEDULES_SEED`, and more of them are run with `SCHEDULES_SEEDS`; each makes ten schedules.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::schedule::run;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn ten_thousand_random_schedules_keep_the_four_rules() {
    let seeds = match number("SCHEDULES_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHEDULES_SEEDS").unwrap_or(1_000),
    };
    let (mut reads, mut joins) = (0, 0);
    for seed in seeds {
        let one = run(seed, false, |builder| builder);
        if !one.violations.is_empty() {
            let notes = run(seed, true, |builder| builder).notes.join("\n");
            panic!("seed {seed}: {:#?}\n{notes}", one.violations);
        }
        reads += one.reads;
        joins += one.joins;
    }
    println!("{reads} reads were answered, {joins} of them with another caller's load");
    assert!(joins > 0);
}

/// A checker that has never failed proves nothing.
#[cfg(feature = "switches")]
#[test]
fn without_any_one_of_the_four_rules_a_schedule_is_found_that_breaks_it() {
    use caching_core::Rule;

    let rules = [
        (1, "store-in-l1"),
        (1, "tag-clock"),
        (2, "join-detached"),
        (3, "passengers"),
        (3, "panic"),
        (4, "captured-scope"),
    ];
    for (number, name) in rules {
        let rule = Rule::named(name).unwrap();
        let broken = format!("rule {number}");
        let found = (0..200).find_map(|seed| {
            let run = run(seed, false, |builder| builder.leave_out(rule));
            let mut violations = run.violations.into_iter();
            Some((seed, violations.find(|how| how.starts_with(&broken))?))
        });
        println!("{name}: {found:?}");
        assert!(found.is_some(), "nobody noticed that {name} was left out");
    }
}
