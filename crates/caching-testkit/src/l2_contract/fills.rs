//! The one rule: a value is stored only where nothing was invalidated since before its load began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use caching_core::{Address, Asof, Epoch, FillAnswer, L2, Mode, Seq};

use super::L2Fixture;
use super::peer::{FIELD, Peer, key, record};

/// It is told the number that the value holds as of.
pub async fn a_fill_is_stored_where_nothing_was_invalidated_since<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let [a, other] = peer.keys();
    let asof = peer.known().await;
    let applied = peer.remove(&other).await;
    // As of now, and not as of when it began: nothing has touched it meanwhile.
    assert_eq!(
        peer.fill(&a, "1", asof).await,
        FillAnswer::Stored(applied.at)
    );
    assert_eq!(peer.value(&a).await.as_deref(), Some("1"));
}

/// The value that was loaded before is not stored; one that is loaded after is.
pub async fn a_fill_from_before_a_remove_is_refused<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let asof = peer.known().await;
    let applied = peer.remove(&key("a")).await;
    let answer = peer.fill(&key("a"), "old", asof).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));
    assert_eq!(peer.value(&key("a")).await, None);
    let answer = peer.fill(&key("a"), "new", applied.at).await;
    assert_eq!(answer, FillAnswer::Stored(applied.at));
}

/// The value that was loaded before does not become fresh in the place of the expired one.
pub async fn a_fill_from_before_an_expire_is_refused<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store(&key("a"), "fallback").await;
    let asof = peer.known().await;
    let applied = peer.expire(&key("a")).await;
    let answer = peer.fill(&key("a"), "old", asof).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));
    let found = peer.find(&key("a"), FIELD).await.expect("it is kept");
    assert_eq!(found.payload, b"fallback");
    assert!(found.fresh_for.is_zero());
}

/// The stripes are those of `KeyName::stripe`, in every implementation: processes of two may share a store.
pub async fn keys_of_one_stripe_refuse_each_other<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let neighbour = peer.neighbour(&key("a"));
    let asof = peer.known().await;
    let applied = peer.remove(&neighbour).await;
    let answer = peer.fill(&key("a"), "1", asof).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));
}

/// However many there are.
pub async fn an_invalidation_of_another_stripe_refuses_nothing<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let [a, others @ ..] = peer.keys::<20>();
    let asof = peer.known().await;
    for other in &others {
        peer.remove(other).await;
    }
    let answer = peer.fill(&a, "1", asof).await;
    assert!(matches!(answer, FillAnswer::Stored(_)), "{answer:?}");
}

/// What a purge hides is decided by the tag clock of the record, not by stripes.
pub async fn a_purge_refuses_no_fill<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let asof = peer.known().await;
    let applied = peer.purge("*", Mode::Remove).await;
    let answer = peer.fill(&key("a"), "1", asof).await;
    assert_eq!(answer, FillAnswer::Stored(applied.at));
}

/// Numbers of two epochs are never compared.
pub async fn a_fill_of_another_epoch_is_refused<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    let foreign = Asof {
        epoch: Epoch::new(at.epoch.bits() ^ 1),
        seq: Seq::new(1_000_000),
    };
    let answer = peer.fill(&key("a"), "1", foreign).await;
    assert_eq!(answer, FillAnswer::Refused(at));
    assert_eq!(peer.value(&key("a")).await, None);
}

/// A load that began before its process had asked for anything.
pub async fn a_fill_that_knows_nothing_is_refused<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    let answer = peer.fill(&key("a"), "1", Asof::default()).await;
    assert_eq!(answer, FillAnswer::Refused(at));
    assert_eq!(peer.value(&key("a")).await, None);
}

/// Whoever comes with an epoch that the store does not know brings nothing back with it.
pub async fn a_fill_is_refused_where_there_is_no_control_record<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    for asof in [
        Asof::default(),
        Asof {
            epoch: Epoch::new(42),
            seq: Seq::new(7),
        },
    ] {
        let answer = peer.fill(&key("a"), "1", asof).await;
        assert!(matches!(answer, FillAnswer::Refused(_)), "{answer:?}");
    }
    assert_ne!(peer.known().await.epoch, Epoch::new(42));
    assert_eq!(peer.value(&key("a")).await, None);
}

/// Readers load and fill while a writer commits and invalidates: in the end there is the last commit, or nothing.
pub async fn of_fills_that_race_with_invalidations_no_old_one_stays<F: L2Fixture>(fixture: &F) {
    const COMMITS: u64 = 40;
    const READERS: usize = 6;
    const ROUNDS: usize = 20_000;
    let peer = Arc::new(Peer::join(fixture).await);
    peer.known().await;
    let source = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (l2, source) = (peer.l2.clone(), source.clone());
            let partition = peer.partition();
            tokio::spawn(async move {
                let a = key("a");
                let address = Address::new(partition, &a, FIELD);
                for _ in 0..ROUNDS {
                    let answer = l2.read(address).await.expect("a read is answered");
                    let asof = answer.at.expect("there is a control record");
                    // SeqCst: the source is read after the number was, whatever the machine.
                    let version = source.load(Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    let record = record(&version.to_string());
                    let filled = l2.fill(address, &record, asof, None).await;
                    let filled = filled.expect("a fill is answered");
                    if version == COMMITS && matches!(filled, FillAnswer::Stored(_)) {
                        return;
                    }
                }
                panic!("no value of the last commit is ever stored");
            })
        })
        .collect();
    for version in 1..=COMMITS {
        source.store(version, Ordering::SeqCst);
        tokio::task::yield_now().await;
        peer.remove(&key("a")).await;
        // After it has returned, nothing from before this commit is there, nor ever comes.
        if let Some(value) = peer.value(&key("a")).await {
            let found: u64 = value.parse().expect("versions are stored");
            assert!(found >= version, "{found} came back after commit {version}");
        }
    }
    for reader in readers {
        reader.await.expect("no reader panics");
    }
    let value = peer.value(&key("a")).await;
    assert_eq!(
        value,
        Some(COMMITS.to_string()),
        "the last readers have loaded it"
    );
}
