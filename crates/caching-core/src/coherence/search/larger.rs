//! Worlds of half a million states and more: searched in programs that are made to be fast.

use super::world::{Faults, NO_FAULTS, Reads, What, World, loader, writer};
use super::worlds::{self, ASKS_IN_A, REMOVES_IN_A, REMOVES_IN_B, faulty, worlds_hold};

/// A reader in each process, one of whom reads once.
fn two_loaders() -> World {
    World::new(
        "two loaders",
        [loader(0), LOADS_ONCE_IN_B],
        [REMOVES_IN_B],
        NO_FAULTS,
    )
    .deaf()
}

/// Writers in both processes.
fn two_writers() -> World {
    World::new(
        "two writers",
        [loader(0)],
        [REMOVES_IN_A, REMOVES_IN_B],
        NO_FAULTS,
    )
}

/// A reader that only asks, beside one that loads.
fn a_getter() -> World {
    World::new(
        "a getter",
        [loader(0), ASKS_IN_A],
        [REMOVES_IN_A],
        NO_FAULTS,
    )
}

/// Purges by tag in both processes.
fn two_purges() -> World {
    let writers = [writer(0, What::Purge), writer(1, What::Purge)];
    World::new("two purges", [loader(0)], writers, NO_FAULTS).deaf()
}

/// A restart from an old snapshot, or empty.
fn a_restart() -> World {
    let faults = Faults {
        save: 1,
        restart: 1,
        ..NO_FAULTS
    };
    faulty("a restart", [REMOVES_IN_B], faults)
}

const LOADS_ONCE_IN_B: Reads = Reads {
    is_once: true,
    ..loader(1)
};

worlds_hold! {
    nothing_old_is_given_when_a_notice_is_missed: worlds::another_key();
    nothing_old_is_given_to_who_joins_a_flight: worlds::two_readers();
    nothing_old_is_given_when_two_processes_load: two_loaders();
    nothing_old_is_given_after_two_writes: two_writers();
    nothing_old_is_given_to_who_only_asks: a_getter();
    nothing_old_is_given_after_two_purges: two_purges();
    nothing_old_is_given_after_two_sets: worlds::two_sets();
    nothing_old_is_given_after_a_restart: a_restart();
    nothing_old_is_given_after_a_failover: worlds::a_failover();
    nothing_old_is_given_after_a_restart_between_two_writes: worlds::a_restart_between_two();
    nothing_old_is_given_after_a_demotion_between_two_writes: worlds::a_demotion_between_two();
    nothing_old_is_given_after_a_demotion_before_all_polls: worlds::a_demotion_before_all_polls();
}
