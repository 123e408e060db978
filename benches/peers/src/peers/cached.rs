//! cached: the store behind `#[concurrent_cached(max_size)]`, called without the macro, without expiry.

use std::hint::black_box;
use std::sync::Arc;

use cached::ShardedLruCache;

use crate::peers::{Peer, Room};
use crate::sample::{Invoice, Reads, text};

struct Sharded(ShardedLruCache<String, Arc<Invoice>>);

pub(super) fn filled(room: Room) -> Box<dyn Peer> {
    let cache = ShardedLruCache::new(room.capacity as usize);
    for id in 0..room.entries {
        cache.set(text(id), Arc::new(Invoice::new(id)));
    }
    Box::new(Sharded(cache))
}

impl Peer for Sharded {
    fn read(&self, reads: &Reads) -> usize {
        reads
            .texts()
            .filter(|key| black_box(self.0.get(key.as_str())).is_some())
            .count()
    }
}
