//! multi-tier-cache: one tier, moka, which holds bytes.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use multi_tier_cache::{
    CacheManager, CacheStrategy, CacheSystem, CacheSystemBuilder, MokaCache, MokaCacheConfig,
    TierConfig,
};

use crate::peers::{LIFE, Peer, Room, block_on};
use crate::sample::{Invoice, Reads, text};

struct MultiTier {
    manager: Arc<CacheManager>,
    _system: CacheSystem,
}

pub(super) fn filled(room: Room) -> Box<dyn Peer> {
    let memory = MokaCache::new(MokaCacheConfig {
        max_capacity: room.capacity.into(),
        time_to_live: LIFE,
        time_to_idle: LIFE,
    })
    .expect("its first tier can be built");
    let system = block_on(async {
        let tier = Arc::new(memory);
        let built = CacheSystemBuilder::new()
            .with_tier(tier, TierConfig::as_l1())
            .build();
        let system = built.await.expect("a cache of one tier can be built");
        for id in 0..room.entries {
            let json = serde_json::to_vec(&Invoice::new(id)).expect("an invoice is valid JSON");
            system
                .cache_manager()
                .set_with_strategy(&text(id), Bytes::from(json), CacheStrategy::Custom(LIFE))
                .await
                .expect("a value can be set");
        }
        system
    });
    Box::new(MultiTier {
        manager: system.cache_manager().clone(),
        _system: system,
    })
}

impl Peer for MultiTier {
    fn read(&self, reads: &Reads) -> usize {
        block_on(async {
            let mut found = 0;
            for key in reads.texts() {
                let value = self.manager.get(key).await;
                found += usize::from(matches!(black_box(value), Ok(Some(_))));
            }
            found
        })
    }
}
