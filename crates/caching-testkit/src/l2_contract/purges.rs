//! Purges: the tag clock, and what is known of groups.

use caching_core::{BreakReason, L2, Mode, PollAnswer, PurgeTimes, PurgedAnswer};

use super::L2Fixture;
use super::invalidations::after;
use super::peer::{FIELD, LONG, Peer, key};

/// It takes a number like any other invalidation, and says the clock after it.
pub async fn a_purge_advances_the_tag_clock_and_touches_no_record<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    peer.store(&key("a"), "1").await;
    for (count, mode) in (1..).zip([Mode::Remove, Mode::Expire, Mode::Expire]) {
        let applied = peer.purge("t:acme", mode).await;
        assert_eq!(applied.at, after(at, count));
        assert_eq!(applied.tag_clock, count);
    }
    let found = peer.find(&key("a"), FIELD).await.expect("it is there");
    assert!(!found.fresh_for.is_zero());
    assert_eq!(peer.remove(&key("a")).await.tag_clock, 3);
}

/// The one before the record was read, so that a load may note it.
pub async fn a_read_tells_the_tag_clock<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    assert_eq!(peer.read(&key("a")).await.tag_clock, 0);
    let applied = peer.purge("*", Mode::Remove).await;
    let answer = peer.read(&key("a")).await;
    assert_eq!((answer.at, answer.tag_clock), (Some(applied.at), 1));
}

/// In the order in which they were asked for, zero for what never was.
pub async fn times_of_purges_are_told_by_group_and_mode<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let odd = "t:acme tag:a, \"b\" %20 \u{e9}\n";
    peer.purge("*", Mode::Remove).await;
    peer.purge(odd, Mode::Expire).await;
    peer.purge("t:acme kind:invoice", Mode::Remove).await;
    peer.purge("t:acme kind:invoice", Mode::Expire).await;
    peer.purge("*", Mode::Remove).await;

    let answer = purged(&peer, &["t:acme", odd, "t:acme kind:invoice", "*", odd]).await;
    let times = |removed, expired| PurgeTimes { removed, expired };
    let expected = PurgedAnswer {
        epoch: peer.read(&key("a")).await.at.map(|at| at.epoch),
        times: vec![
            times(0, 0),
            times(0, 2),
            times(3, 4),
            times(5, 0),
            times(0, 2),
        ],
        floor: 0,
    };
    assert_eq!(answer, expected);
    assert_eq!(purged(&peer, &[]).await.times, []);
}

/// Reads, questions and claims of a process that polls nothing leave no trace that others would be led by.
pub async fn questions_begin_no_epoch<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let (a, claim) = (key("a"), caching_core::Claim::new(7));
    let nothing = PurgedAnswer {
        epoch: None,
        times: vec![PurgeTimes::default()],
        floor: 0,
    };
    assert_eq!(purged(&peer, &["*"]).await, nothing);
    assert_eq!(
        peer.l2.claim(peer.at(&a, FIELD), claim, LONG).await.ok(),
        Some(true)
    );
    assert!(peer.l2.release(peer.at(&a, FIELD), claim).await.is_ok());
    let answer = peer.read(&a).await;
    assert_eq!((answer.at, answer.tag_clock), (None, 0));
    assert_eq!(answer.found, caching_core::Find::Nothing);
}

/// More groups than anybody has are purged: neither they nor the log grow without end. A purge up to the floor
/// may be forgotten; one after it is known; and who was away for so long is not told that it missed nothing.
pub async fn what_is_remembered_is_bounded_and_what_was_forgotten_is_told<F: L2Fixture>(
    fixture: &F,
) {
    const GENERATION: u64 = 65_536;
    const TASKS: u64 = 64;
    // Two generations and some more, in equal parts.
    const EACH: u64 = 2 * GENERATION / TASKS + 8;
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (l2, partition) = (peer.l2.clone(), peer.partition());
            tokio::spawn(async move {
                let mut purges = Vec::new();
                for number in 0..EACH {
                    let group = format!("t:acme tag:{task}-{number}");
                    let change = super::peer::group_change(&group, 0, Mode::Remove);
                    let applied = l2.invalidate(partition, &change).await;
                    purges.push((group, applied.expect("a purge is answered").tag_clock));
                }
                purges
            })
        })
        .collect();
    let mut purges = Vec::new();
    for task in tasks {
        purges.extend(task.await.expect("none panics"));
    }
    purges.sort_by_key(|(_, clock)| *clock);
    assert!(
        (1..)
            .zip(&purges)
            .all(|(expected, (_, clock))| expected == *clock)
    );

    let floor = purged(&peer, &[]).await.floor;
    // Something was forgotten, and a generation of the newest is known whatever happens.
    assert!(
        floor > 0 && floor + GENERATION <= TASKS * EACH,
        "purges up to {floor} of {} were forgotten",
        TASKS * EACH
    );
    for page in purges.chunks(4096) {
        let groups: Vec<_> = page.iter().map(|(group, _)| group.as_str()).collect();
        let answer = purged(&peer, &groups).await;
        assert_eq!(answer.floor, floor);
        for ((group, clock), times) in page.iter().zip(answer.times) {
            let is_known = times.removed == *clock;
            assert!(
                is_known || *clock <= floor,
                "{group} of {clock} was forgotten"
            );
        }
    }
    let PollAnswer::Break { reason, .. } = peer.poll(at).await else {
        panic!("the log has forgotten what was missed, or has no end");
    };
    assert_eq!(reason, BreakReason::Log);
    let recent = after(at, TASKS * EACH - 1000);
    assert!(matches!(peer.poll(recent).await, PollAnswer::Replay { .. }));
}

async fn purged<F: L2Fixture>(peer: &Peer<F>, groups: &[&str]) -> PurgedAnswer {
    let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
    let answer = peer.l2.purged(peer.partition(), &groups).await;
    answer.expect("the question is answered")
}
