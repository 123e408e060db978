//! Every cache that is measured, each with its own best call for a hit.

mod ours;

mod amalgam;
mod cached;
mod foyer;
mod hitbox;
mod moka;
mod multi_tier;
mod quick_cache;

use std::thread_local;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::sample::Reads;

pub(crate) use self::ours::{Ours, filled_alone, filled_untagged, scoped};

/// Longer than any run: nothing expires while it is measured.
pub(crate) const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A cache that holds values.
pub(crate) trait Peer: Send + Sync {
    /// Reads these keys one after the other on this thread; how many were found.
    fn read(&self, reads: &Reads) -> usize;
}

/// How to make one.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    pub(crate) name: &'static str,
    /// The call that is measured.
    pub(crate) call: &'static str,
    /// A cache with room for so many, and this many in it.
    pub(crate) filled: fn(Room) -> Box<dyn Peer>,
}

/// How large a cache is, and how full.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) capacity: u32,
    pub(crate) entries: u32,
}

/// Our own cache with everything on: what the others are compared with.
pub(crate) const OURS: Maker = Maker {
    name: "this cache, all of it",
    call: "`get_or_set`: tenant, tags, lease, counters",
    filled: ours::filled,
};

/// The others.
pub(crate) const OTHERS: [Maker; 12] = [
    Maker {
        name: "moka::future",
        call: "`get`",
        filled: moka::filled_future,
    },
    Maker {
        name: "moka::sync",
        call: "`get`",
        filled: moka::filled_sync,
    },
    Maker {
        name: "quick_cache",
        call: "`get`",
        filled: quick_cache::filled,
    },
    Maker {
        name: "cached",
        call: "`ShardedLruCache::get`",
        filled: cached::filled,
    },
    Maker {
        name: "foyer",
        call: "`Cache::get`, memory only",
        filled: foyer::filled_memory,
    },
    Maker {
        name: "foyer, hybrid",
        call: "`HybridCache::get`",
        filled: foyer::filled_hybrid,
    },
    Maker {
        name: "amalgam",
        call: "`get_or_set`, memory only",
        filled: amalgam::filled_alone,
    },
    Maker {
        name: "amalgam, read",
        call: "`try_get`, memory only",
        filled: amalgam::filled_for_reading,
    },
    Maker {
        name: "amalgam, hybrid",
        call: "`get_or_set`: tags, L2, backplane",
        filled: amalgam::filled_hybrid,
    },
    Maker {
        name: "amalgam, strict",
        call: "`get_or_set`: tags, L2, backplane, `strict()`",
        filled: amalgam::filled_strict,
    },
    Maker {
        name: "hitbox",
        call: "a `#[cached]` function, moka behind it",
        filled: hitbox::filled,
    },
    Maker {
        name: "multi-tier-cache",
        call: "`get`: bytes, not decoded",
        filled: multi_tier::filled,
    },
];

thread_local! {
    /// Drives asynchronous reads of this thread.
    static RUNTIME: Runtime = current_thread();
}

/// Runs a future to its end on this thread.
fn block_on<F: Future>(work: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// A runtime of one thread: whatever is allocated on it is allocated on that thread.
pub(crate) fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread can be had")
}
