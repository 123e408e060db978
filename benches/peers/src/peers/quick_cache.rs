//! quick_cache: a bounded map, without expiry.

use std::hint::black_box;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::peers::{Peer, Room};
use crate::sample::{Invoice, Reads, text};

struct Quick(Cache<String, Arc<Invoice>>);

pub(super) fn filled(room: Room) -> Box<dyn Peer> {
    let cache = Cache::new(room.capacity as usize);
    for id in 0..room.entries {
        cache.insert(text(id), Arc::new(Invoice::new(id)));
    }
    Box::new(Quick(cache))
}

impl Peer for Quick {
    fn read(&self, reads: &Reads) -> usize {
        reads
            .texts()
            .filter(|key| black_box(self.0.get(key.as_str())).is_some())
            .count()
    }
}
