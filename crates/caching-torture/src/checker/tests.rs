//! Histories that are right and histories that are wrong: a checker that never fails proves nothing.

use std::time::Duration;

use super::*;
use crate::history::{Answer, Commit, Invalidation, What};
use crate::moment::Moment;

const BOUND: Duration = Duration::from_millis(1000);

/// Milliseconds.
fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

/// Four keys, two tags; keys 1 and 3 get version 1 at 100 ms and version 2 at 200 ms.
fn source() -> History {
    let commit = |key, version, millis| Commit {
        key,
        version,
        at: at(millis),
    };
    History {
        keys: 4,
        tags: 2,
        bound: BOUND,
        commits: vec![
            commit(1, 1, 100),
            commit(3, 1, 100),
            commit(1, 2, 200),
            commit(3, 2, 200),
        ],
        ..History::default()
    }
}

fn invalidated(pod: u32, what: What, answer: Answer, begun: u64, ended: u64) -> History {
    let mut history = source();
    history.invalidations.push(Invalidation {
        pod,
        what,
        answer,
        begun: at(begun),
        ended: at(ended),
    });
    history
}

fn read(mut history: History, pod: u32, key: u64, version: u64, how: How, begun: u64) -> Verdict {
    history.reads.push(Read {
        pod,
        key,
        version,
        how,
        begun: at(begun),
        ended: at(begun + 1),
    });
    check(&history)
}

/// Version 2 of key 1 was removed by pod 0: it returned at 220 ms.
fn removed() -> History {
    invalidated(0, What::Remove(1), Answer::Applied, 210, 220)
}

#[test]
fn an_old_value_past_the_bound_is_a_violation() {
    for how in [How::L1, How::L2, How::Load, How::Joined] {
        let verdict = read(removed(), 1, 1, 1, how, 1221);
        let [violation] = &verdict.violations[..] else {
            panic!("{verdict:?}");
        };
        assert_eq!((violation.at_least, violation.whose), (2, Whose::Anybodys));
        assert_eq!(violation.late, Duration::from_millis(1001));
        assert!(!verdict.is_clean());
    }
}

#[test]
fn an_old_value_within_the_bound_is_none() {
    let verdict = read(removed(), 1, 1, 1, How::L1, 1220);
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.reads, verdict.bound), (1, 0));
}

#[test]
fn the_new_value_is_none() {
    let verdict = read(removed(), 1, 1, 2, How::L1, 5000);
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!(verdict.bound, 1);
}

#[test]
fn on_the_pod_that_invalidated_the_bound_is_nothing() {
    let verdict = read(removed(), 0, 1, 1, How::L1, 221);
    assert_eq!(verdict.violations.len(), 1);
    assert_eq!(verdict.violations[0].whose, Whose::Own);
    // It began while the invalidation was under way.
    assert!(read(removed(), 0, 1, 1, How::L1, 219).is_clean());
}

#[test]
fn a_pod_that_was_started_anew_is_another_one() {
    assert!(read(removed(), 7, 1, 1, How::L2, 300).is_clean());
}

#[test]
fn what_is_labelled_stale_is_none() {
    let verdict = read(removed(), 0, 1, 1, How::Stale, 5000);
    assert!(verdict.is_clean());
    assert_eq!(verdict.labelled, 1);
}

#[test]
fn a_queued_invalidation_holds_on_its_own_pod_and_promises_nothing_to_others() {
    let queued = || invalidated(0, What::Remove(1), Answer::Queued, 210, 220);
    assert!(!read(queued(), 0, 1, 1, How::L1, 300).is_clean());
    assert!(read(queued(), 1, 1, 1, How::L1, 9000).is_clean());
}

#[test]
fn a_failed_invalidation_promises_nothing() {
    let failed = invalidated(0, What::Remove(1), Answer::Failed, 210, 220);
    assert!(read(failed, 0, 1, 1, How::L1, 9000).is_clean());
}

#[test]
fn a_tag_demands_every_key_that_carries_it_and_no_other() {
    for what in [What::RemoveTag(1), What::ExpireTag(1), What::Clear] {
        let purged = || invalidated(0, what, Answer::Applied, 210, 220);
        assert!(!read(purged(), 1, 1, 1, How::L1, 5000).is_clean());
        assert!(!read(purged(), 1, 3, 1, How::L1, 5000).is_clean());
    }
    let other = invalidated(0, What::RemoveTag(0), Answer::Applied, 210, 220);
    assert!(read(other, 1, 1, 1, How::L1, 5000).is_clean());
}

#[test]
fn an_invalidation_demands_what_the_source_had_when_it_began() {
    let between = || invalidated(0, What::Expire(1), Answer::Applied, 150, 250);
    assert!(read(between(), 0, 1, 1, How::L2, 5000).is_clean());
    assert!(!read(between(), 0, 1, 0, How::L2, 5000).is_clean());
}

#[test]
fn a_set_demands_what_it_set() {
    let set = || invalidated(0, What::Set(1, 1), Answer::Applied, 210, 220);
    assert!(read(set(), 0, 1, 1, How::L1, 5000).is_clean());
    assert!(!read(set(), 0, 1, 0, How::L1, 5000).is_clean());
}

#[test]
fn a_later_invalidation_of_less_does_not_lower_the_demand() {
    let mut history = removed();
    history.invalidations.push(Invalidation {
        pod: 2,
        what: What::Set(1, 1),
        answer: Answer::Applied,
        begun: at(300),
        ended: at(310),
    });
    assert!(!read(history, 1, 1, 1, How::L1, 5000).is_clean());
}

#[test]
fn reports_in_any_order_give_the_same_verdict() {
    let mut history = removed();
    history.invalidations.insert(
        0,
        Invalidation {
            pod: 1,
            what: What::Remove(1),
            answer: Answer::Applied,
            begun: at(110),
            ended: at(4000),
        },
    );
    history.commits.reverse();
    assert!(!read(history, 1, 1, 1, How::L1, 5000).is_clean());
}

#[test]
fn at_rest_everything_is_what_the_source_has() {
    let mut history = source();
    let mut found = |found| {
        history.resting = vec![Resting {
            pod: 1,
            key: 1,
            found,
            source: 2,
            how: How::L2,
        }];
        check(&history).count()
    };
    assert_eq!(found(2), 0);
    assert_eq!(found(1), 1);
}
