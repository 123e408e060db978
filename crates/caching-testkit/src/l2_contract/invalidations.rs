//! Invalidations: what they do to records, and the numbers that they take.

use caching_core::{Asof, Change, Epoch, FillAnswer, L2, Mode, Seq};

use super::L2Fixture;
use super::peer::{FIELD, Peer, key, keys_change, record};

/// One more than the last, in the same epoch; the tag clock stands still.
pub async fn an_invalidation_takes_the_next_number<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    for (number, mode) in (1..).zip([Mode::Remove, Mode::Expire, Mode::Remove]) {
        let change = keys_change(&[&key("a")], mode);
        let applied = peer.invalidate(&change).await;
        assert_eq!(applied.at, after(at, number));
        assert_eq!(applied.tag_clock, 0);
        assert_eq!(peer.known().await, applied.at);
    }
}

/// Where nothing was known it is made whole, with an epoch that is not the one that stands for none.
pub async fn the_first_invalidation_begins_an_epoch<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let applied = peer.remove(&key("a")).await;
    assert_ne!(applied.at.epoch, Epoch::default());
    assert_eq!(applied.at.seq, Seq::new(1));
    assert_eq!(peer.known().await, applied.at);
}

/// All are gone, and a load of any of them that began before is refused.
pub async fn several_keys_take_one_number_and_are_all_invalidated<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let keys = peer.keys::<100>();
    for key in &keys {
        peer.store(key, "1").await;
    }
    let before = peer.known().await;
    let all: Vec<_> = keys.iter().collect();
    let applied = peer.invalidate(&keys_change(&all, Mode::Remove)).await;
    assert_eq!(applied.at, after(before, 1));
    for key in &keys {
        assert_eq!(peer.value(key).await, None);
        let answer = peer.fill(key, "old", before).await;
        assert_eq!(answer, FillAnswer::Refused(applied.at));
    }
}

/// An invalidation is of the key, whatever version of a program stored what is under it.
pub async fn a_removed_record_is_gone_in_every_field<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    for field in ["json.1", "json.2", "msgpack.1"] {
        peer.store_field(&key("a"), field, &record(field)).await;
    }
    peer.remove(&key("a")).await;
    for field in ["json.1", "json.2", "msgpack.1"] {
        assert_eq!(peer.value_in(&key("a"), field).await, None);
    }
}

/// Fresh for no time, and kept for as long as before.
pub async fn an_expired_record_is_a_fallback_in_every_field<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    for field in ["json.1", "json.2"] {
        peer.store_field(&key("a"), field, &record(field)).await;
    }
    peer.expire(&key("a")).await;
    for field in ["json.1", "json.2"] {
        let found = peer.find(&key("a"), field).await.expect("it is kept");
        assert_eq!(found.payload, field.as_bytes());
        assert!(found.fresh_for.is_zero());
        assert!(found.kept_for > super::peer::LONG);
    }
}

/// A load may be under way.
pub async fn a_remove_counts_where_no_record_was<F: L2Fixture>(fixture: &F) {
    counts_where_no_record_was(fixture, Mode::Remove).await;
}

/// A load may be under way. And no mark is left behind that a later record would be taken for expired by.
pub async fn an_expire_counts_where_no_record_was<F: L2Fixture>(fixture: &F) {
    counts_where_no_record_was(fixture, Mode::Expire).await;
}

async fn counts_where_no_record_was<F: L2Fixture>(fixture: &F, mode: Mode) {
    let peer = Peer::join(fixture).await;
    let before = peer.known().await;
    let applied = peer.invalidate(&keys_change(&[&key("a")], mode)).await;
    assert_eq!(applied.at, after(before, 1));
    let answer = peer.fill(&key("a"), "old", before).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));

    peer.store_field(&key("a"), "json.1", &record("one")).await;
    peer.store_field(&key("a"), "json.2", &record("two")).await;
    let found = peer.find(&key("a"), "json.1").await.expect("it was stored");
    assert!(!found.fresh_for.is_zero());
}

/// They are from before it, as what was expired is; and from then on fields stand side by side again.
pub async fn a_fill_after_an_expire_takes_the_other_fields_along<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store_field(&key("a"), "json.1", &record("old one"))
        .await;
    peer.store_field(&key("a"), "json.2", &record("old two"))
        .await;
    peer.expire(&key("a")).await;
    peer.store_field(&key("a"), "json.1", &record("new one"))
        .await;
    assert_eq!(peer.value_in(&key("a"), "json.2").await, None);
    peer.store_field(&key("a"), "json.2", &record("new two"))
        .await;

    for (field, value) in [("json.1", "new one"), ("json.2", "new two")] {
        let found = peer.find(&key("a"), field).await.expect("it was stored");
        assert_eq!(found.payload, value.as_bytes());
        assert!(!found.fresh_for.is_zero());
    }
}

/// The stronger one wins.
pub async fn a_remove_after_an_expire_leaves_no_fallback<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store(&key("a"), "1").await;
    peer.expire(&key("a")).await;
    peer.remove(&key("a")).await;
    assert_eq!(peer.find(&key("a"), FIELD).await, None);
    peer.expire(&key("a")).await;
    assert_eq!(peer.find(&key("a"), FIELD).await, None);
}

/// None twice and none left out, whoever sends them.
pub async fn concurrent_invalidations_take_a_number_each<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let before = one.known().await;
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let l2 = if number % 2 == 0 { &one.l2 } else { &two.l2 };
            let (l2, partition) = (l2.clone(), one.partition());
            tokio::spawn(async move {
                let change = keys_change(&[&key("a")], Mode::Remove);
                invalidated(&*l2, partition, &change).await
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.expect("none panics").seq);
    }
    numbers.sort();
    let expected = (1..=64).map(|number| after(before, number).seq);
    assert!(numbers.into_iter().eq(expected));
}

async fn invalidated(l2: &impl L2, partition: caching_core::Partition, change: &Change) -> Asof {
    let applied = l2.invalidate(partition, change).await;
    applied.expect("an invalidation is answered").at
}

/// The number so many after this one.
pub(super) fn after(at: Asof, count: u64) -> Asof {
    Asof {
        seq: Seq::new(at.seq.number() + count),
        ..at
    }
}
