//! Measures the cache beside other caches, in one run on one machine.
//!
//! `cargo xtask bench peers` runs it. Times drift with the machine, so what counts are ratios: in each
//! round every cache has its turn, a ratio is taken within a round, and the median of all rounds is
//! printed with the tenth below and above which rounds are rare.

mod sample;

mod peers;

mod callers;
mod hits;
mod memory;
mod replay;

mod median;

use std::process::ExitCode;

const SCENES: [(&str, fn()); 4] = [
    ("hits", hits::print),
    ("memory", memory::print),
    ("replay", replay::print),
    ("callers", callers::print),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !SCENES.iter().any(|(scene, _)| scene == name))
    {
        eprintln!("there is no scene `{unknown}`; there are: hits, memory, replay, callers");
        return ExitCode::FAILURE;
    }
    for (name, print) in SCENES {
        if wanted.is_empty() || wanted.iter().any(|scene| scene == name) {
            print();
        }
    }
    ExitCode::SUCCESS
}
