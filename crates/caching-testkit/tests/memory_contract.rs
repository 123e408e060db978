//! The store within the process keeps the contract of every L2.

use std::time::Duration;

use async_trait::async_trait;
use caching_core::{MemoryBackplane, MemoryL2, MemoryStore, Seq, TokioClock};
use caching_testkit::l2_contract::L2Fixture;

struct InMemory {
    store: MemoryStore,
}

impl InMemory {
    fn new() -> Self {
        tokio::time::pause();
        Self {
            store: MemoryStore::with_clock(TokioClock::new()),
        }
    }
}

#[async_trait]
impl L2Fixture for InMemory {
    type L2 = MemoryL2;
    type Backplane = MemoryBackplane;

    async fn connect(&self) -> (MemoryL2, MemoryBackplane) {
        (self.store.l2(), self.store.backplane())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }

    async fn forget_everything(&self) {
        self.store.forget_everything();
    }

    async fn lose_from_log(&self, seq: Seq) {
        self.store.lose_from_log(seq);
    }

    async fn replace_server(&self) {
        self.store.replace_server();
    }
}

caching_testkit::l2_contract_tests!(InMemory::new());

#[test]
fn every_sentence_of_the_suite_is_made_a_test() {
    let suite = include_str!("../src/l2_contract.rs");
    let sentences = [
        include_str!("../src/l2_contract/records.rs"),
        include_str!("../src/l2_contract/fills.rs"),
        include_str!("../src/l2_contract/invalidations.rs"),
        include_str!("../src/l2_contract/puts.rs"),
        include_str!("../src/l2_contract/polls.rs"),
        include_str!("../src/l2_contract/replays.rs"),
        include_str!("../src/l2_contract/purges.rs"),
        include_str!("../src/l2_contract/claims.rs"),
        include_str!("../src/l2_contract/notices.rs"),
        include_str!("../src/l2_contract/deployments.rs"),
    ];
    let listed: Vec<_> = suite.lines().map(str::trim).collect();
    let forgotten: Vec<_> = sentences
        .iter()
        .flat_map(|file| file.lines())
        .filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next())
        .filter(|sentence| !listed.contains(sentence))
        .collect();
    assert_eq!(forgotten, [] as [&str; 0]);
}
