//! Callers that leave, at every await: nothing that was begun is lost, and nothing is left locked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use caching_core::L2ErrorKind;
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::SECOND;
use support::pods::{
    BOUND, INVALIDATIONS, Truth, agree, fill, invalidate, live, moment, pod, read, read_behind,
    started, store, unstarted,
};
use tokio::time::Instant;

/// Polls a future so often at most, and drops it; whether it came to its end.
async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Every operation takes a while, so that there is something to leave in the middle of.
const SLOW: L2Fault = L2Fault::Delay(Duration::from_millis(20));

#[tokio::test(start_paused = true)]
async fn an_invalidation_whose_caller_leaves_is_done_all_the_same() {
    for how in INVALIDATIONS {
        for polls in 1.. {
            let (store, truth) = (store(), Truth::new());
            let (a, b) = (pod(&store).await, pod(&store).await);
            fill(&[&a, &b], &truth).await;
            a.l2.set_all(SLOW);
            truth.commit();
            let is_done = dropped_after(polls, invalidate(&a, how, &truth)).await;
            live(BOUND).await;
            agree(&[&b, &a], &truth).await;
            assert!(polls < 100);
            if is_done {
                assert!(polls > 1, "{how}: nothing to leave");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_cannot_be_sent_is_queued_although_its_caller_has_left() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        let gate = Gate::closed();
        a.l2.set(L2Operation::Invalidate, L2Fault::Hold(gate.clone()));
        a.l2.set(L2Operation::Put, L2Fault::Hold(gate.clone()));
        truth.commit();
        assert!(!dropped_after(1, invalidate(&a, how, &truth)).await);
        live(3 * BOUND).await;
        let queued = a.shared_status().unwrap().queued;
        assert_eq!(queued, if how == "batch" { 2 } else { 1 }, "{how}");
        a.heal();
        live(BOUND).await;
        assert_eq!(a.shared_status().unwrap().queued, 0, "{how}");
        agree(&[&b, &a], &truth).await;
        // What was sent first arrives at last, and changes nothing.
        gate.open();
        live(BOUND).await;
        agree(&[&b, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_caller_leaves_at_any_time_leaves_nothing_locked() {
    for polls in 1.. {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        a.l2.set_all(SLOW);
        let is_done = dropped_after(polls, read(&a, &truth)).await;
        moment().await;
        a.l2.heal();
        live(SECOND / 10).await;
        for pod in [&b, &a] {
            let begun = Instant::now();
            agree(&[pod], &truth).await;
            assert_eq!(begun.elapsed(), Duration::ZERO, "after {polls} polls");
        }
        assert!(truth.runs() <= 2 && polls < 100);
        if is_done {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_at_any_operation_of_the_store_leaves_nothing_locked() {
    let operations = [
        L2Operation::Poll,
        L2Operation::Read,
        L2Operation::Claim,
        L2Operation::Fill,
    ];
    for operation in operations {
        for answer in [true, false] {
            let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
            let a = unstarted(&store, "", |builder| builder);
            let a = match operation {
                L2Operation::Poll => a,
                _ => started(a).await,
            };
            let b = pod(&store).await;
            let held = match answer {
                true => L2Fault::HoldAnswer(gate.clone()),
                false => L2Fault::Hold(gate.clone()),
            };
            a.l2.next(operation, held);
            let reading = read_behind(&a, &truth, &Gate::opened());
            gate.arrivals(1).await;
            reading.abort();
            moment().await;
            // Written meanwhile; what is still on its way is of before.
            truth.commit();
            assert!(b.remove("key").await.unwrap().is_applied());
            gate.open();
            live(BOUND).await;
            // A claim that reaches the store after who sent it has gone is held for a while; then
            // nobody waits for it.
            let patience = match (operation, answer) {
                (L2Operation::Claim, false) => 2 * SECOND + SECOND / 10,
                _ => Duration::ZERO,
            };
            for pod in [&b, &a] {
                let begun = Instant::now();
                agree(&[pod], &truth).await;
                assert!(begun.elapsed() <= patience, "{operation:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_get_their_value_when_the_first_caller_leaves_at_any_operation() {
    for operation in [L2Operation::Read, L2Operation::Claim, L2Operation::Fill] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let a = pod(&store).await;
        a.l2.next(operation, L2Fault::Hold(gate.clone()));
        let first = read_behind(&a, &truth, &Gate::opened());
        gate.arrivals(1).await;
        let others: Vec<_> = (0..10)
            .map(|_| read_behind(&a, &truth, &Gate::opened()))
            .collect();
        moment().await;
        first.abort();
        moment().await;
        gate.open();
        for other in others {
            assert_eq!(other.await.unwrap().0, 1);
        }
        assert_eq!(truth.runs(), 1, "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_whose_caller_leaves_leaves_nothing_behind() {
    for polls in 1.. {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&b], &truth).await;
        a.l2.set_all(SLOW);
        let is_done = dropped_after(polls, a.get::<_, u64>("key").detailed()).await;
        truth.commit();
        assert!(b.remove("key").await.unwrap().is_applied());
        live(BOUND).await;
        agree(&[&a, &b], &truth).await;
        if is_done {
            break;
        }
    }
}

/// Its runtime goes away under an invalidation, and the cache lives on in another one.
#[test]
fn an_invalidation_whose_runtime_goes_away_is_queued_for_another() {
    for how in ["remove", "remove tag", "set"] {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap()
        };
        let (first, second) = (runtime(), runtime());
        let truth = Truth::new();
        let (a, b) = second.block_on(async {
            let store = store();
            let (a, b) = (pod(&store).await, pod(&store).await);
            fill(&[&a, &b], &truth).await;
            (a, b)
        });
        truth.commit();
        let gate = Gate::closed();
        a.l2.set(L2Operation::Invalidate, L2Fault::Hold(gate.clone()));
        a.l2.set(L2Operation::Put, L2Fault::Hold(gate.clone()));
        first.block_on(async {
            assert!(!dropped_after(1, invalidate(&a, how, &truth)).await);
            gate.arrivals(1).await;
        });
        drop(first);
        assert_eq!(a.shared_status().unwrap().queued, 1, "{how}: lost");
        second.block_on(async {
            a.heal();
            b.backplane.set(NoticeFault::Pass);
            live(2 * BOUND).await;
            agree(&[&b, &a], &truth).await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_an_invalidation_ends_it_or_lets_it_end() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        a.l2.set_all(SLOW);
        truth.commit();
        assert!(!dropped_after(1, invalidate(&a, how, &truth)).await);
        assert!(a.stop(SECOND).await);
        live(BOUND).await;
        agree(&[&b], &truth).await;
        let error = a.remove("key").await.unwrap_err();
        assert!(matches!(error, caching_core::CacheError::Stopped));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_store_after_its_caller_has_left_is_still_queued() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    truth.commit();
    let lost = L2Fault::LoseAnswer(L2ErrorKind::Timeout);
    a.l2.set(L2Operation::Invalidate, lost);
    assert!(!dropped_after(1, invalidate(&a, "remove", &truth)).await);
    moment().await;
    assert_eq!(a.shared_status().unwrap().queued, 1);
    a.heal();
    live(BOUND).await;
    agree(&[&b, &a], &truth).await;
}
