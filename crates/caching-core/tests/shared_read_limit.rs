//! A slow store: what is asked of it for one read ends in time, and a hit does not wait for it at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::IntoFuture;
use std::time::Duration;

use caching_core::{Level, MemoryStore, Outcome};
use caching_testkit::{Gate, L2Fault, L2Operation};
use futures::future::join_all;
use support::pods::{BOUND, Pod, Truth, fill, live, moment, pod, pod_with, read, store};
use support::{MINUTE, SECOND};
use tokio::time::Instant;

const TICK: Duration = Duration::from_millis(1);

const HIT: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: false,
};

/// What a `get` asks where the lease is over and the record may have been purged before this pod came up.
const QUESTIONS: [L2Operation; 3] = [L2Operation::Poll, L2Operation::Read, L2Operation::Purged];

/// A store with a record, and a tag that was purged since.
async fn filled() -> MemoryStore {
    let (store, truth) = (store(), Truth::new());
    let filler = pod(&store).await;
    fill(&[&filler], &truth).await;
    assert!(filler.remove_by_tag("blue").await.unwrap().is_applied());
    assert!(filler.stop(SECOND).await);
    store
}

/// A pod with this limit for reads that came up later, and whose process was starved: its lease is over,
/// and the store has these faults.
async fn starved(store: &MemoryStore, limit: Duration, faults: &[(L2Operation, L2Fault)]) -> Pod {
    let soft = limit.min(Duration::from_millis(200));
    let limits = format!("[l2]\nread_hard_limit = '{limit:?}'\nread_soft_limit = '{soft:?}'");
    let pod = pod_with(store, &limits).await;
    for (operation, fault) in faults {
        pod.l2.set(*operation, fault.clone());
    }
    tokio::time::advance(2 * BOUND).await;
    assert!(!pod.is_leased());
    pod
}

/// What a `get` finds, and how long it takes.
async fn timed_get(pod: &Pod) -> (Option<u64>, Duration) {
    let begun = Instant::now();
    let found = pod.get::<_, u64>("key").await.unwrap();
    (found.as_deref().copied(), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn all_that_a_get_asks_of_the_store_takes_no_longer_than_the_read_limit_together() {
    let store = filled().await;
    for limit in [SECOND, SECOND * 3 / 10] {
        for parts in 1..=3 {
            // Each answer comes within the limit; together they take longer.
            let slow = L2Fault::Delay(limit / parts - TICK);
            let too_slow = QUESTIONS.map(|question| (question, slow.clone()));
            for which in [&too_slow[..2], &too_slow[1..], &too_slow[..]] {
                let pod = starved(&store, limit, which).await;
                let (found, took) = timed_get(&pod).await;
                let case = format!("{which:?} within {limit:?}");
                assert!(took <= limit, "{took:?} for {case}");
                assert_eq!(found.is_some(), took < limit, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_that_needs_three_answers_in_time_has_its_hit() {
    let (store, slow) = (filled().await, L2Fault::Delay(SECOND / 4));
    let pod = starved(&store, SECOND, &QUESTIONS.map(|it| (it, slow.clone()))).await;
    let before = QUESTIONS.map(|question| pod.l2.calls(question));
    let (found, took) = timed_get(&pod).await;
    assert_eq!((found, took), (Some(1), SECOND * 3 / 4));
    for (question, before) in QUESTIONS.iter().zip(before) {
        assert!(pod.l2.calls(*question) > before, "{question:?}: not asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_whose_poll_comes_late_and_whose_record_never_comes_ends_at_the_read_limit() {
    let store = filled().await;
    let (poll, never) = (Gate::closed(), Gate::closed());
    let faults = [
        (L2Operation::Poll, L2Fault::Hold(poll.clone())),
        (L2Operation::Read, L2Fault::Hold(never.clone())),
    ];
    let pod = starved(&store, SECOND, &faults).await;
    let late = async {
        live(SECOND * 9 / 10).await;
        poll.open();
        never.arrivals(1).await;
    };
    let ((found, took), ()) = tokio::join!(timed_get(&pod), late);
    assert_eq!((found, took), (None, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_holds_up_no_hit_past_its_eager_threshold_and_the_refresh_goes_on() {
    for answers in [true, false] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        live(4 * MINUTE).await;
        truth.commit();
        for operation in [L2Operation::Read, L2Operation::Claim, L2Operation::Fill] {
            a.l2.set(operation, L2Fault::Hold(gate.clone()));
        }
        for _ in 0..10 {
            let begun = Instant::now();
            assert_eq!(read(&a, &truth).await, (1, HIT));
            assert_eq!(begun.elapsed(), Duration::ZERO);
        }
        assert_eq!((gate.arrived(), truth.runs()), (1, 1), "it asks, once");
        if answers {
            gate.open();
            moment().await;
        } else {
            // The soft limit of the read, and that of the write.
            live(SECOND * 12 / 10 + TICK).await;
        }
        assert_eq!(read(&a, &truth).await, (2, HIT), "answers: {answers}");
        assert_eq!(truth.runs(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_waits_for_one_poll_once_however_often_it_asks() {
    let (store, truth) = (store(), Truth::new());
    // A poll may take as long as the bound.
    let a = pod_with(&store, "coherence.bound = '10s'").await;
    a.l2.set(L2Operation::Poll, L2Fault::Hold(Gate::closed()));
    tokio::time::advance(11 * SECOND).await;
    assert!(!a.is_leased());
    for longest in [SECOND, Duration::ZERO] {
        let begun = Instant::now();
        let (value, outcome) = read(&a, &truth).await;
        assert!(value == 1 && !outcome.is_stale());
        assert_eq!(begun.elapsed(), longest);
        assert!(a.remove("key").await.unwrap().is_applied());
    }
}

#[tokio::test(start_paused = true)]
async fn reads_with_next_to_no_time_left_say_nothing_of_the_store() {
    let (store, poll) = (filled().await, Gate::closed());
    let faults = [
        (L2Operation::Poll, L2Fault::Hold(poll.clone())),
        (L2Operation::Read, L2Fault::Delay(TICK * 5)),
    ];
    let pod = starved(&store, SECOND, &faults).await;
    let keys: Vec<String> = (0..20).map(|n| format!("{n}")).collect();
    let gets = join_all(
        keys.iter()
            .map(|key| pod.get::<_, u64>(key.as_str()).into_future()),
    );
    let late = async {
        live(SECOND - TICK).await;
        poll.open();
    };
    let (gets, ()) = tokio::join!(gets, late);
    assert!(gets.iter().all(|got| got.as_ref().unwrap().is_none()));
    assert!(pod.is_leased() && pod.l2.calls(L2Operation::Read) >= 20);
    assert!(!pod.shared_status().unwrap().is_left_alone);
}
