//! Polls: what a process is told that knows everything, nothing, or something else.

use std::time::Duration;

use caching_core::{
    Asof, BreakReason, Deployment, Epoch, FillAnswer, Find, L2, Mode, PollAnswer, Seq,
};

use super::L2Fixture;
use super::invalidations::after;
use super::peer::{BOUND, PATIENCE, Peer, key};

/// Epoch, number, tag clock and bound; and the epoch is not the one that stands for none.
pub async fn who_knows_nothing_is_told_where_to_begin<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let first = peer.poll(Asof::default()).await;
    let PollAnswer::Break { at, .. } = first else {
        panic!("no break: {first:?}");
    };
    assert_ne!(at.epoch, Epoch::default());
    assert_eq!(first, begin(at, 0, BreakReason::Start));

    peer.remove(&key("a")).await;
    peer.purge("*", Mode::Expire).await;
    let later = peer.poll(Asof::default()).await;
    assert_eq!(later, begin(after(at, 2), 1, BreakReason::Start));
}

fn begin(at: Asof, tag_clock: u64, reason: BreakReason) -> PollAnswer {
    PollAnswer::Break {
        at,
        tag_clock,
        bound: BOUND,
        reason,
    }
}

/// Processes with different bounds would promise each other what only one of them keeps.
pub async fn the_bound_of_the_first_process_is_everyones<F: L2Fixture>(fixture: &F) {
    let first = Peer::join(fixture).await;
    first.known().await;
    let other = Deployment::new(fixture.key_prefix(), Duration::from_secs(60));
    let other = Peer::join_as(fixture, &other).await;
    let answer = other.poll(Asof::default()).await;
    assert!(
        matches!(answer, PollAnswer::Break { bound: BOUND, .. }),
        "{answer:?}"
    );
}

/// Again and again.
pub async fn who_is_up_to_date_is_told_so<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    assert_eq!(peer.poll(at).await, PollAnswer::UpToDate);
    let applied = peer.remove(&key("a")).await;
    assert_eq!(peer.poll(applied.at).await, PollAnswer::UpToDate);
    assert_eq!(peer.poll(applied.at).await, PollAnswer::UpToDate);
}

/// The epoch of the store stays: the process is wrong, not the store.
pub async fn who_knows_another_epoch_is_told_of_this_one<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.remove(&key("a")).await.at;
    for seq in [0, 1, 1_000_000] {
        let foreign = Asof {
            epoch: Epoch::new(at.epoch.bits() ^ 1),
            seq: Seq::new(seq),
        };
        assert_eq!(peer.poll(foreign).await, begin(at, 0, BreakReason::Epoch));
    }
    assert_eq!(peer.poll(at).await, PollAnswer::UpToDate);
}

/// The store has lost a tail; it must not give those numbers out again under the same epoch.
pub async fn a_number_that_was_never_given_out_begins_an_epoch<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let at = one.known().await;
    let answer = one.poll(after(at, 1)).await;
    let PollAnswer::Break {
        at: new, reason, ..
    } = answer
    else {
        panic!("no break: {answer:?}");
    };
    assert_eq!(reason, BreakReason::Behind);
    assert_ne!(new.epoch, at.epoch);
    assert_ne!(new.epoch, Epoch::default());
    assert_eq!(one.poll(new).await, PollAnswer::UpToDate);
    // The others hear of it, and do not begin yet another one.
    assert_eq!(reason_of(two.poll(at).await), BreakReason::Epoch);
    assert_eq!(two.poll(new).await, PollAnswer::UpToDate);
}

/// What was known in the old one says nothing about this one.
pub async fn a_new_epoch_refuses_the_fills_of_the_old_one<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    peer.poll(after(at, 1)).await;
    let answer = peer.fill(&key("a"), "1", at).await;
    assert!(matches!(answer, FillAnswer::Refused(now) if now.epoch != at.epoch));
    let new = peer.known().await;
    assert_eq!(
        peer.fill(&key("a"), "2", new).await,
        FillAnswer::Stored(new)
    );
}

/// It may have lost a tail, and given its numbers out already.
pub async fn another_server_begins_an_epoch<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.remove(&key("a")).await.at;
    fixture.replace_server().await;
    let answer = poll_until_answered(&peer, at).await;
    let PollAnswer::Break {
        at: new, reason, ..
    } = answer
    else {
        panic!("no break: {answer:?}");
    };
    // Who asks first may be whoever connected again, so that the epoch is already another one.
    assert!(
        matches!(reason, BreakReason::Identity | BreakReason::Epoch),
        "{reason:?}"
    );
    assert_ne!(new.epoch, at.epoch);
    assert_eq!(poll_until_answered(&peer, new).await, PollAnswer::UpToDate);
}

/// The connection may have been lost with the server.
async fn poll_until_answered<F: L2Fixture>(peer: &Peer<F>, known: Asof) -> PollAnswer {
    let mut last = None;
    for _ in 0..PATIENCE.as_millis() / 10 {
        match peer.l2.poll(peer.partition(), known).await {
            Ok(answer) => return answer,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server does not come back: {last:?}");
}

/// `FLUSHALL` does not look like "nothing new".
pub async fn what_was_forgotten_begins_an_epoch<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let at = one.known().await;
    peer_is_up_to_date(&two, at).await;
    one.store(&key("a"), "1").await;
    fixture.forget_everything().await;
    assert_eq!(one.read(&key("a")).await.at, None);

    let answer = one.poll(at).await;
    let PollAnswer::Break { at: new, bound, .. } = answer else {
        panic!("no break: {answer:?}");
    };
    assert_ne!(new.epoch, at.epoch);
    assert_eq!(bound, BOUND);
    assert_eq!(reason_of(two.poll(at).await), BreakReason::Epoch);
    peer_is_up_to_date(&two, new).await;
    assert_eq!(one.read(&key("a")).await.found, Find::Nothing);
}

async fn peer_is_up_to_date<F: L2Fixture>(peer: &Peer<F>, known: Asof) {
    assert_eq!(peer.poll(known).await, PollAnswer::UpToDate);
}

/// So that a reader can tell them from those that it may trust.
pub async fn records_of_a_broken_epoch_say_so_or_are_gone<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    peer.store(&key("a"), "1").await;
    peer.poll(after(at, 1)).await;
    let answer = peer.read(&key("a")).await;
    assert!(answer.at.is_some_and(|now| now.epoch != at.epoch));
    if let Find::Record(found) = answer.found {
        assert_eq!(found.epoch, at.epoch);
    }
}

/// One of them makes the control record, and all others adopt it.
pub async fn processes_that_come_together_agree_on_one_epoch<F: L2Fixture>(fixture: &F) {
    let mut peers = Vec::new();
    for _ in 0..8 {
        peers.push(Peer::join(fixture).await);
    }
    let tasks: Vec<_> = peers
        .iter()
        .map(|peer| {
            let (l2, partition) = (peer.l2.clone(), peer.partition());
            tokio::spawn(async move { l2.poll(partition, Asof::default()).await })
        })
        .collect();
    let agreed = peers[0].known().await;
    for task in tasks {
        let answer = task.await.expect("none panics");
        let answer = answer.expect("a poll is answered");
        assert_eq!(answer, begin(agreed, 0, BreakReason::Start));
    }
}

fn reason_of(answer: PollAnswer) -> BreakReason {
    match answer {
        PollAnswer::Break { reason, .. } => reason,
        answer => panic!("no break: {answer:?}"),
    }
}
