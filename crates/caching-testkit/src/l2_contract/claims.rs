//! Claims: one process at a time has the right to load a record.

use std::time::Duration;

use caching_core::{Asof, Claim, FillAnswer, KeyName, L2};

use super::L2Fixture;
use super::peer::{FIELD, LONG, LONGER_THAN_SHORT, Peer, SHORT, key, record};

const MINE: Claim = Claim::new(1);
const YOURS: Claim = Claim::new(u64::MAX);

/// The second is told that it has not got it, as often as it asks.
pub async fn a_record_is_claimed_by_one_at_a_time<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    assert!(claim(&one, &key("a"), FIELD, MINE, LONG).await);
    assert!(!claim(&two, &key("a"), FIELD, YOURS, LONG).await);
    assert!(!claim(&two, &key("a"), FIELD, YOURS, LONG).await);
    assert!(claim(&two, &key("b"), FIELD, YOURS, LONG).await);
}

/// Whoever had it may be dead.
pub async fn a_claim_ends_with_its_time<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    assert!(claim(&peer, &key("a"), FIELD, MINE, SHORT).await);
    fixture.pass(LONGER_THAN_SHORT).await;
    assert!(claim(&peer, &key("a"), FIELD, YOURS, LONG).await);
    assert!(!claim(&peer, &key("a"), FIELD, MINE, LONG).await);
}

/// At once.
pub async fn a_released_claim_can_be_taken<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    assert!(claim(&peer, &key("a"), FIELD, MINE, LONG).await);
    release(&peer, &key("a"), MINE).await;
    assert!(claim(&peer, &key("a"), FIELD, YOURS, LONG).await);
}

/// Who comes late, after its own has ended, does not end the next one's.
pub async fn nobody_releases_the_claim_of_another<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    release(&peer, &key("a"), MINE).await; // of none at all
    assert!(claim(&peer, &key("a"), FIELD, MINE, LONG).await);
    release(&peer, &key("a"), YOURS).await;
    assert!(!claim(&peer, &key("a"), FIELD, YOURS, LONG).await);
}

/// Two versions of a program load two values.
pub async fn each_field_is_claimed_on_its_own<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    assert!(claim(&peer, &key("a"), "json.1", MINE, LONG).await);
    assert!(claim(&peer, &key("a"), "json.2", YOURS, LONG).await);
    release(&peer, &key("a"), YOURS).await; // of json.1
    assert!(!claim(&peer, &key("a"), "json.1", YOURS, LONG).await);
}

/// Who waits for it need not wait for its time: there is a record, or somebody has to load anew.
pub async fn a_fill_releases_its_claim_stored_or_not<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    assert!(claim(&peer, &key("a"), FIELD, MINE, LONG).await);
    assert_eq!(fill(&peer, at, MINE).await, FillAnswer::Stored(at));
    assert!(claim(&peer, &key("a"), FIELD, YOURS, LONG).await);

    let now = peer.remove(&key("a")).await.at;
    assert_eq!(fill(&peer, at, YOURS).await, FillAnswer::Refused(now));
    assert!(claim(&peer, &key("a"), FIELD, MINE, LONG).await);

    let nothing = Asof::default();
    assert_eq!(fill(&peer, nothing, MINE).await, FillAnswer::Refused(now));
    assert!(claim(&peer, &key("a"), FIELD, YOURS, LONG).await);
}

/// It was taken after the own one had ended.
pub async fn a_fill_leaves_the_claim_of_another<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    assert!(claim(&peer, &key("a"), FIELD, YOURS, LONG).await);
    assert_eq!(fill(&peer, at, MINE).await, FillAnswer::Stored(at));
    peer.store(&key("a"), "without one").await;
    assert!(!claim(&peer, &key("a"), FIELD, MINE, LONG).await);
}

async fn claim<F: L2Fixture>(
    peer: &Peer<F>,
    key: &KeyName,
    field: &str,
    claim: Claim,
    at_most: Duration,
) -> bool {
    let answer = peer.l2.claim(peer.at(key, field), claim, at_most).await;
    answer.expect("a claim is answered")
}

async fn release<F: L2Fixture>(peer: &Peer<F>, key: &KeyName, claim: Claim) {
    let answer = peer.l2.release(peer.at(key, FIELD), claim).await;
    answer.expect("a release is answered");
}

async fn fill<F: L2Fixture>(peer: &Peer<F>, asof: Asof, claim: Claim) -> FillAnswer {
    let (a, record) = (key("a"), record("1"));
    let answer = peer
        .l2
        .fill(peer.at(&a, FIELD), &record, asof, Some(claim))
        .await;
    answer.expect("a fill is answered")
}
