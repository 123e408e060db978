//! Whatever is asked of the cache, it answers as a plain model of it.
//!
//! A seed that fails is run by itself with `MODEL_SEED`, more of them with `MODEL_SEEDS`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::model::plan::steps;
use support::model::shrink::{difference, told};

const STEPS: usize = 1_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_hundred_thousand_random_steps_come_to_what_the_model_says() {
    let seeds = match number("MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MODEL_SEEDS").unwrap_or(100),
    };
    for seed in seeds {
        let steps = steps(seed, STEPS);
        if difference(&steps).is_some() {
            panic!("{}", told(seed, &steps));
        }
    }
}
