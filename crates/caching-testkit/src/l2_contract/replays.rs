//! Replays: a process that missed something is told all of it, or that it cannot be told.

use caching_core::{Asof, BreakReason, Change, Mode, PollAnswer};

use super::L2Fixture;
use super::invalidations::after;
use super::peer::{Peer, group_change, key, keys_change};

/// The most that one answer holds.
const PAGE: usize = 512;

/// With keys, modes, groups and their clocks.
pub async fn what_was_missed_is_replayed_in_order<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let [a, b, c] = one.keys();
    let at = two.known().await;
    let group = "t:acme tag:customer 7, \u{e9} \"x\"";
    one.remove(&a).await;
    one.invalidate(&keys_change(&[&b, &c], Mode::Expire)).await;
    one.purge(group, Mode::Remove).await;
    one.purge("*", Mode::Expire).await;
    let answer = two.poll(at).await;
    let expected = PollAnswer::Replay {
        changes: vec![
            (after(at, 1), keys_change(&[&a], Mode::Remove)),
            (after(at, 2), keys_change(&[&b, &c], Mode::Expire)),
            (after(at, 3), group_change(group, 1, Mode::Remove)),
            (after(at, 4), group_change("*", 2, Mode::Expire)),
        ],
        more: false,
    };
    assert_eq!(answer, expected);
    assert_eq!(two.poll(after(at, 4)).await, PollAnswer::UpToDate);
    let PollAnswer::Replay { changes, .. } = two.poll(after(at, 3)).await else {
        panic!("one of four was missed, and it is not replayed");
    };
    assert_eq!(changes.len(), 1);
}

/// Stored or not: who missed it has to drop what it has.
pub async fn a_put_is_replayed_as_a_remove<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    peer.put(&key("a"), "1", None).await;
    peer.put(&key("a"), "2", Some(at)).await;
    let remove = || keys_change(&[&key("a")], Mode::Remove);
    let expected = PollAnswer::Replay {
        changes: vec![(after(at, 1), remove()), (after(at, 2), remove())],
        more: false,
    };
    assert_eq!(peer.poll(at).await, expected);
}

/// Each goes on where the last one ended, and the last one says that it is.
pub async fn a_long_replay_comes_in_pages<F: L2Fixture>(fixture: &F) {
    const MISSED: u64 = 1200;
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    for _ in 0..MISSED {
        peer.remove(&key("a")).await;
    }
    let mut known = at;
    loop {
        let (changes, more) = replay(&peer, known).await;
        assert!(!changes.is_empty() && changes.len() <= PAGE);
        for (number, _) in changes {
            assert_eq!(number, after(known, 1));
            known = number;
        }
        assert_eq!(more, known != after(at, MISSED));
        if !more {
            break;
        }
    }
    assert_eq!(peer.poll(known).await, PollAnswer::UpToDate);
}

/// Else its process would ask once more for nothing.
pub async fn a_replay_of_just_a_page_has_no_more<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    for _ in 0..PAGE {
        peer.remove(&key("a")).await;
    }
    let (changes, more) = replay(&peer, at).await;
    assert_eq!((changes.len(), more), (PAGE, false));
    peer.remove(&key("a")).await;
    let (changes, more) = replay(&peer, at).await;
    assert_eq!((changes.len(), more), (PAGE, true));
}

/// It was trimmed too far.
pub async fn a_log_that_lost_its_beginning_breaks<F: L2Fixture>(fixture: &F) {
    breaks_without(fixture, 1).await;
}

/// An entry was deleted.
pub async fn a_log_that_lost_its_middle_breaks<F: L2Fixture>(fixture: &F) {
    breaks_without(fixture, 3).await;
}

/// What is there is without a hole, and not up to the last number.
pub async fn a_log_that_lost_its_end_breaks<F: L2Fixture>(fixture: &F) {
    breaks_without(fixture, 5).await;
}

/// Five are missed, and one of them is not in the log. The epoch stays: nothing is wrong with the numbers.
async fn breaks_without<F: L2Fixture>(fixture: &F, lost: u64) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    for _ in 0..5 {
        peer.remove(&key("a")).await;
    }
    fixture.lose_from_log(after(at, lost).seq).await;
    let mut known = at;
    let (now, reason) = loop {
        match peer.poll(known).await {
            PollAnswer::Break { at, reason, .. } => break (at, reason),
            // It may tell what comes before the hole, as long as it does not say that this was all.
            PollAnswer::Replay {
                changes,
                more: true,
            } if !changes.is_empty() => {
                for (number, _) in changes {
                    assert_eq!(number, after(known, 1));
                    known = number;
                }
            }
            answer => panic!("the log has a hole, and the answer is {answer:?}"),
        }
    };
    assert!(
        known.seq < after(at, lost).seq,
        "more was told than is known"
    );
    assert_eq!(reason, BreakReason::Log);
    assert_eq!(now, after(at, 5));
    assert_eq!(peer.poll(now).await, PollAnswer::UpToDate);
}

/// It has missed nothing that was lost.
pub async fn who_is_behind_the_hole_hears_what_is_after_it<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    for _ in 0..5 {
        peer.remove(&key("a")).await;
    }
    fixture.lose_from_log(after(at, 3).seq).await;
    let (changes, more) = replay(&peer, after(at, 3)).await;
    let numbers: Vec<_> = changes.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [after(at, 4), after(at, 5)]);
    assert!(!more);
}

async fn replay<F: L2Fixture>(peer: &Peer<F>, known: Asof) -> (Vec<(Asof, Change)>, bool) {
    match peer.poll(known).await {
        PollAnswer::Replay { changes, more } => (changes, more),
        answer => panic!("what was missed is to be replayed, not {answer:?}"),
    }
}
