//! amalgam: the nearest relative, a FusionCache in Rust, from bare to strict.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use amalgam::provider::{
    InMemoryDistributedCache, InProcessBackplane, JsonSerializer, SystemClock,
};
use amalgam::{Cache, CacheBuilder, EntryOptions};
use tokio::runtime::Runtime;

use crate::peers::{LIFE, Peer, Room, block_on, current_thread};
use crate::sample::{Invoice, Reads, tags, text};

struct Amalgam {
    cache: Cache<Arc<Invoice>>,
    /// Where its background work lives.
    _runtime: Runtime,
}

/// Without a second level: the values are where they are read, and no tag is on them.
pub(super) fn filled_alone(room: Room) -> Box<dyn Peer> {
    Box::new(filled(builder(room), room, false))
}

/// The same, read by the call that never loads.
pub(super) fn filled_for_reading(room: Room) -> Box<dyn Peer> {
    Box::new(ForReading(filled(builder(room), room, false)))
}

/// With tags, a second level and a backplane, both within the process.
pub(super) fn filled_hybrid(room: Room) -> Box<dyn Peer> {
    Box::new(filled(hybrid(room), room, true))
}

/// The same with the stronger of its two attitudes to lost notices.
pub(super) fn filled_strict(room: Room) -> Box<dyn Peer> {
    Box::new(filled(hybrid(room).strict(), room, true))
}

fn builder(room: Room) -> CacheBuilder<Arc<Invoice>> {
    Cache::builder()
        .max_capacity(room.capacity.into())
        .default_options(EntryOptions::new(LIFE))
}

fn hybrid(room: Room) -> CacheBuilder<Arc<Invoice>> {
    let clock = Arc::new(SystemClock);
    builder(room)
        .clock(clock.clone())
        .distributed(Arc::new(InMemoryDistributedCache::new(clock)))
        .serializer(Arc::new(JsonSerializer))
        .backplane(Arc::new(InProcessBackplane::default()))
}

fn filled(builder: CacheBuilder<Arc<Invoice>>, room: Room, is_tagged: bool) -> Amalgam {
    let runtime = current_thread();
    let cache = runtime.block_on(async {
        let cache = builder.try_build().expect("a cache in memory can be built");
        for id in 0..room.entries {
            let set = cache.set(text(id), Arc::new(Invoice::new(id)));
            let set = if is_tagged { set.tags(tags(id)) } else { set };
            set.await.expect("a value can be set");
        }
        cache
    });
    Amalgam {
        cache,
        _runtime: runtime,
    }
}

impl Peer for Amalgam {
    fn read(&self, reads: &Reads) -> usize {
        block_on(async {
            let mut found = 0;
            for key in reads.texts() {
                let value = self
                    .cache
                    .get_or_set(key, |_| async {
                        Err::<Arc<Invoice>, _>(io::Error::other("not a hit"))
                    })
                    .await;
                found += usize::from(black_box(value).is_ok());
            }
            found
        })
    }
}

struct ForReading(Amalgam);

impl Peer for ForReading {
    fn read(&self, reads: &Reads) -> usize {
        block_on(async {
            let mut found = 0;
            for key in reads.texts() {
                let value = self.0.cache.try_get(key).await;
                found += usize::from(matches!(black_box(value), Ok(Some(_))));
            }
            found
        })
    }
}
