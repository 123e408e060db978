//! The worlds that lines are found in, and that the promise holds in while all rules are kept.

use super::explore::search;
use super::world::{Faults, NO_FAULTS, Reads, What, World, Writes, loader, writer};

/// One reader, and a writer in another process.
pub(super) fn a_writer_elsewhere() -> World {
    World::new("a writer elsewhere", [loader(0)], [REMOVES_IN_B], NO_FAULTS)
}

/// One reader, and a writer in its own process.
pub(super) fn a_writer_here() -> World {
    World::new("a writer here", [loader(0)], [REMOVES_IN_A], NO_FAULTS)
}

/// One reader, and a writer whose notice may be missed though another one is heard.
pub(super) fn another_key() -> World {
    let writers = [REMOVES_IN_B, writer(1, What::Other)];
    World::new("another key", [loader(0)], writers, NO_FAULTS)
}

/// Two readers, one of whom may join the flight of the other.
pub(super) fn two_readers() -> World {
    World::new("two readers", [loader(0); 2], [REMOVES_IN_B], NO_FAULTS)
}

/// A purge by tag in another process.
pub(super) fn a_purge() -> World {
    World::new("a purge", [loader(0)], [writer(1, What::Purge)], NO_FAULTS)
}

/// A purge by tag in the reader's process, which has not polled yet, while the store has a record.
pub(super) fn a_purge_before_all_polls() -> World {
    let writers = [writer(0, What::Purge)];
    let world = World::new("a purge before all polls", [ASKS_IN_A], writers, NO_FAULTS);
    world.filled().torn()
}

/// Two values that are set since a ticket.
pub(super) fn two_sets() -> World {
    let writers = [writer(0, What::Set), writer(1, What::Set)];
    World::new("two sets", [loader(0)], writers, NO_FAULTS)
}

/// The store is emptied.
pub(super) fn a_flush() -> World {
    faulty(
        "a flush",
        [REMOVES_IN_B],
        Faults {
            flush: 1,
            ..NO_FAULTS
        },
    )
}

/// The log is emptied.
pub(super) fn a_trim() -> World {
    faulty(
        "a trim",
        [REMOVES_IN_B],
        Faults {
            trim: 1,
            ..NO_FAULTS
        },
    )
}

/// The control record is evicted.
pub(super) fn an_eviction() -> World {
    faulty(
        "an eviction",
        [REMOVES_IN_B],
        Faults {
            evict: 1,
            ..NO_FAULTS
        },
    )
}

/// A restart from the oldest snapshot, and then a number is given out twice.
pub(super) fn a_restart_between_two() -> World {
    let faults = Faults {
        restart: 1,
        ..NO_FAULTS
    };
    let writers = [writer(1, What::Other), REMOVES_IN_B];
    faulty("a restart between two", writers, faults)
        .deaf()
        .saved()
}

/// A demotion to the oldest data set and back, over live connections, and then a number is given out
/// twice.
pub(super) fn a_demotion_between_two() -> World {
    let faults = Faults {
        demote: 1,
        ..NO_FAULTS
    };
    let writers = [writer(1, What::Other), REMOVES_IN_B];
    let world = faulty("a demotion between two", writers, faults);
    world.deaf().saved().forgiven()
}

/// The same, and no process has polled before.
pub(super) fn a_demotion_before_all_polls() -> World {
    World {
        name: "a demotion before all polls",
        ..a_demotion_between_two().cold()
    }
}

/// A demotion to an older data set and back, over live connections, under a writer in the reader's
/// process.
pub(super) fn a_demotion_under_a_writer() -> World {
    let faults = Faults {
        save: 1,
        demote: 1,
        ..NO_FAULTS
    };
    faulty("a demotion under a writer", [REMOVES_IN_A], faults)
}

/// A failover that loses a tail; the old server answers reads.
pub(super) fn a_failover() -> World {
    let faults = Faults {
        save: 1,
        failover: 1,
        ..NO_FAULTS
    };
    faulty("a failover", [REMOVES_IN_B], faults)
}

/// The reader's process is cut off, and may come back.
pub(super) fn a_cut() -> World {
    faulty(
        "a cut",
        [REMOVES_IN_B],
        Faults {
            cut: 1,
            ..NO_FAULTS
        },
    )
}

pub(super) const ASKS_IN_A: Reads = Reads {
    can_load: false,
    ..loader(0)
};

pub(super) const REMOVES_IN_A: Writes = writer(0, What::Remove);
pub(super) const REMOVES_IN_B: Writes = writer(1, What::Remove);

pub(super) fn faulty(name: &'static str, writers: impl Into<Vec<Writes>>, faults: Faults) -> World {
    World::new(name, [loader(0)], writers, faults)
}

/// Searches a world to its end.
pub(super) fn search_to_its_end(world: &World) {
    let searched = search(world);
    eprintln!("{}: {} states", world.name, searched.states);
    if let Some(history) = searched.history {
        panic!("in the world \"{}\":\n{history}", world.name);
    }
}

/// A test for each world: that the promise holds in all of it.
macro_rules! worlds_hold {
    ($($test:ident: $world:expr;)*) => {
        $(#[test]
        fn $test() {
            $crate::coherence::search::worlds::search_to_its_end(&$world);
        })*
    };
}

#[cfg(not(debug_assertions))]
pub(super) use worlds_hold;

worlds_hold! {
    nothing_old_is_given_after_a_write_elsewhere: a_writer_elsewhere();
    nothing_old_is_given_after_a_write_elsewhere_step_by_step: a_writer_elsewhere().fine();
    nothing_old_is_given_after_a_write_here: a_writer_here();
    nothing_old_is_given_after_a_write_here_step_by_step: a_writer_here().fine();
    nothing_old_is_given_after_a_purge: a_purge();
    nothing_old_is_given_after_a_purge_before_all_polls: a_purge_before_all_polls();
    nothing_old_is_given_after_a_cut: a_cut();
    nothing_old_is_given_after_a_trim: a_trim();
    nothing_old_is_given_after_a_flush: a_flush();
    nothing_old_is_given_after_an_eviction: an_eviction();
    nothing_old_is_given_after_a_demotion_under_a_writer: a_demotion_under_a_writer();
}
