//! Raw moka, without expiry: the cache that others, this one too, are built on.

use std::hint::black_box;
use std::sync::Arc;

use crate::peers::{Peer, Room, block_on};
use crate::sample::{Invoice, Reads, text};

struct Future(moka::future::Cache<String, Arc<Invoice>>);

pub(super) fn filled_future(room: Room) -> Box<dyn Peer> {
    let cache = moka::future::Cache::new(room.capacity.into());
    block_on(async {
        for id in 0..room.entries {
            cache.insert(text(id), Arc::new(Invoice::new(id))).await;
        }
        cache.run_pending_tasks().await;
    });
    Box::new(Future(cache))
}

impl Peer for Future {
    fn read(&self, reads: &Reads) -> usize {
        block_on(async {
            let mut found = 0;
            for key in reads.texts() {
                found += usize::from(black_box(self.0.get(key.as_str()).await).is_some());
            }
            found
        })
    }
}

struct Sync(moka::sync::Cache<String, Arc<Invoice>>);

pub(super) fn filled_sync(room: Room) -> Box<dyn Peer> {
    let cache = moka::sync::Cache::new(room.capacity.into());
    for id in 0..room.entries {
        cache.insert(text(id), Arc::new(Invoice::new(id)));
    }
    cache.run_pending_tasks();
    Box::new(Sync(cache))
}

impl Peer for Sync {
    fn read(&self, reads: &Reads) -> usize {
        reads
            .texts()
            .filter(|key| black_box(self.0.get(key.as_str())).is_some())
            .count()
    }
}
