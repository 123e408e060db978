//! foyer: a cache in memory, and one over a disk, which is not read when memory has the value.

use std::hint::black_box;

use foyer::{Cache, CacheBuilder, HybridCache, HybridCacheBuilder};
use tokio::runtime::Runtime;

use crate::peers::{Peer, Room, block_on, current_thread};
use crate::sample::{Invoice, Reads, text};

struct Memory(Cache<String, Invoice>);

pub(super) fn filled_memory(room: Room) -> Box<dyn Peer> {
    let cache = CacheBuilder::new(room.capacity as usize).build();
    for id in 0..room.entries {
        cache.insert(text(id), Invoice::new(id));
    }
    Box::new(Memory(cache))
}

impl Peer for Memory {
    fn read(&self, reads: &Reads) -> usize {
        reads
            .texts()
            .filter(|key| black_box(self.0.get(key.as_str())).is_some())
            .count()
    }
}

struct Hybrid {
    cache: HybridCache<String, Invoice>,
    /// What the cache was built on; it has to live as long.
    _runtime: Runtime,
}

pub(super) fn filled_hybrid(room: Room) -> Box<dyn Peer> {
    let runtime = current_thread();
    let cache = runtime.block_on(async {
        // Without an engine: there is no disk to speak of, and none would be asked.
        let built = HybridCacheBuilder::new()
            .memory(room.capacity as usize)
            .storage()
            .build();
        let cache = built
            .await
            .expect("a hybrid cache without a disk can be built");
        for id in 0..room.entries {
            cache.insert(text(id), Invoice::new(id));
        }
        cache
    });
    Box::new(Hybrid {
        cache,
        _runtime: runtime,
    })
}

impl Peer for Hybrid {
    fn read(&self, reads: &Reads) -> usize {
        block_on(async {
            let mut found = 0;
            for key in reads.texts() {
                let value = self.cache.get(key.as_str()).await;
                found += usize::from(matches!(black_box(value), Ok(Some(_))));
            }
            found
        })
    }
}
