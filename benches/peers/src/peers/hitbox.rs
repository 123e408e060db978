//! hitbox: a memoized function whose results moka holds, as bytes.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use hitbox::policy::PolicyConfig;
use hitbox_fn::Cache;
use hitbox_fn::prelude::{KeyExtract, cached};
use hitbox_moka::MokaBackend;

use crate::peers::{LIFE, Peer, Room, block_on};
use crate::sample::{Invoice, Reads};

/// Its default: JSON, uncompressed.
struct Hitbox(Cache<MokaBackend>);

#[derive(KeyExtract)]
struct InvoiceId(u32);

/// How often the function behind the cache has run.
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[cached]
async fn invoice(id: InvoiceId) -> Invoice {
    // Relaxed: a count that is read when nothing runs.
    CALLS.fetch_add(1, Ordering::Relaxed);
    Invoice::new(id.0)
}

pub(super) fn filled(room: Room) -> Box<dyn Peer> {
    let cache = Cache::builder()
        .backend(
            MokaBackend::builder()
                .max_entries(room.capacity.into())
                .build(),
        )
        .policy(PolicyConfig::builder().ttl(LIFE).build())
        .build();
    block_on(async {
        for id in 0..room.entries {
            invoice(InvoiceId(id)).cache(&cache).await;
        }
    });
    Box::new(Hitbox(cache))
}

impl Peer for Hitbox {
    fn read(&self, reads: &Reads) -> usize {
        let before = CALLS.load(Ordering::Relaxed);
        block_on(async {
            for id in reads.ids() {
                black_box(invoice(InvoiceId(id)).cache(&self.0).await);
            }
        });
        // Two threads may each see the other's misses; there are none to see.
        reads.len() - (CALLS.load(Ordering::Relaxed) - before)
    }
}
