//! Puts: an invalidation and a store in one step.

use caching_core::{Asof, Epoch, FillAnswer, PutAnswer, Seq};

use super::L2Fixture;
use super::invalidations::after;
use super::peer::{FIELD, Peer, key, record};

/// The record is of the epoch, and fresh.
pub async fn a_put_stores_and_takes_the_next_number<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    let applied = peer.put_stored(&key("a"), "1", None).await;
    assert_eq!(applied.at, after(at, 1));
    assert_eq!(applied.tag_clock, 0);
    assert_eq!(peer.known().await, applied.at);
    let found = peer.find(&key("a"), FIELD).await.expect("it was stored");
    assert_eq!(found.payload, b"1");
    assert_eq!(found.epoch, at.epoch);
    assert!(!found.fresh_for.is_zero());
}

/// As any invalidation does.
pub async fn a_put_refuses_fills_from_before_it<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let before = peer.known().await;
    let applied = peer.put_stored(&key("a"), "put", None).await;
    let answer = peer.fill(&key("a"), "old", before).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));
    assert_eq!(peer.value(&key("a")).await.as_deref(), Some("put"));
}

/// They hold what the value was before it was set.
pub async fn a_put_takes_the_other_fields_along<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store_field(&key("a"), "json.2", &record("old")).await;
    peer.put_stored(&key("a"), "put", None).await;
    assert_eq!(peer.value_in(&key("a"), "json.2").await, None);
    assert_eq!(peer.value(&key("a")).await.as_deref(), Some("put"));
}

/// No mark of before stays on it.
pub async fn a_put_makes_an_expired_key_fresh<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store(&key("a"), "old").await;
    peer.expire(&key("a")).await;
    peer.put_stored(&key("a"), "put", None).await;
    let found = peer.find(&key("a"), FIELD).await.expect("it was stored");
    assert_eq!(found.payload, b"put");
    assert!(!found.fresh_for.is_zero());
}

/// Its own number comes after the ticket and does not count against it, nor does another stripe's.
pub async fn a_put_since_its_ticket_is_stored<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let [a, other] = peer.keys();
    let ticket = peer.known().await;
    peer.remove(&other).await;
    let applied = peer.put_stored(&a, "1", Some(ticket)).await;
    assert_eq!(applied.at, after(ticket, 2));
    assert_eq!(peer.value(&a).await.as_deref(), Some("1"));
}

/// It is not stored, and what was stored meanwhile goes, since nobody knows which of the two is newer.
pub async fn a_put_whose_key_was_invalidated_since_invalidates_only<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let ticket = peer.known().await;
    peer.remove(&key("a")).await;
    peer.store(&key("a"), "loaded").await;
    let answer = peer.put(&key("a"), "put", Some(ticket)).await;
    let PutAnswer::Invalidated(applied) = answer else {
        panic!("the ticket is too old, and it is stored: {answer:?}");
    };
    assert_eq!(applied.at, after(ticket, 2));
    assert_eq!(peer.value(&key("a")).await, None);
    let answer = peer.fill(&key("a"), "old", after(ticket, 1)).await;
    assert_eq!(answer, FillAnswer::Refused(applied.at));
}

/// What happened since then cannot be known.
pub async fn a_put_of_another_epoch_invalidates_only<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    peer.store(&key("a"), "old").await;
    let foreign = Asof {
        epoch: Epoch::new(at.epoch.bits() ^ 1),
        seq: Seq::new(1_000_000),
    };
    let answer = peer.put(&key("a"), "put", Some(foreign)).await;
    assert!(
        matches!(answer, PutAnswer::Invalidated(applied) if applied.at == after(at, 1)),
        "{answer:?}"
    );
    assert_eq!(peer.value(&key("a")).await, None);
}

/// Two writers take tickets, commit 1 and 2, and put 2 and 1.
pub async fn of_two_commits_the_older_one_never_stays<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let ticket_of_one = one.known().await;
    let ticket_of_two = two.known().await;
    two.put_stored(&key("a"), "2", Some(ticket_of_two)).await;
    let late = one.put(&key("a"), "1", Some(ticket_of_one)).await;
    assert!(matches!(late, PutAnswer::Invalidated(_)), "{late:?}");
    assert_eq!(two.value(&key("a")).await, None);
}

/// Who holds the value from then on may store it again.
pub async fn a_put_holds_as_of_its_own_number<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let applied = peer.put_stored(&key("a"), "1", None).await;
    let answer = peer.fill(&key("a"), "1", applied.at).await;
    assert_eq!(answer, FillAnswer::Stored(applied.at));
    let again = peer.put_stored(&key("a"), "2", Some(applied.at)).await;
    assert_eq!(again.at, after(applied.at, 1));
}

/// Without a ticket it is stored; with one, that is of another epoch.
pub async fn a_put_begins_an_epoch_where_there_is_none<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let applied = peer.put_stored(&key("a"), "1", None).await;
    assert_ne!(applied.at.epoch, Epoch::default());
    assert_eq!(applied.at.seq, Seq::new(1));
    assert_eq!(peer.value(&key("a")).await.as_deref(), Some("1"));

    fixture.forget_everything().await;
    let answer = peer.put(&key("a"), "2", Some(applied.at)).await;
    assert!(
        matches!(answer, PutAnswer::Invalidated(now) if now.at.epoch != applied.at.epoch),
        "{answer:?}"
    );
    assert_eq!(peer.value(&key("a")).await, None);
}
