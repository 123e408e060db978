//! A replay of much that was missed: others have their turn meanwhile, and the lease comes after it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Batch, L2ErrorKind, MemoryStore};
use caching_testkit::{L2Fault, L2Operation, NoticeFault};
use support::SECOND;
use support::pods::{BOUND, HEARTBEAT, Pod, Truth, live, pod, read, store};
use tokio::runtime::Builder;
use tokio::time::{advance, timeout};

/// How many invalidations are missed: what fits in one answer.
const MISSED: u64 = 500;

/// Of two pods, the second misses much of what the first invalidates, last of all `key`.
async fn miss_much(a: &Pod, b: &Pod, truth: &Truth) {
    read(b, truth).await;
    b.backplane.set(NoticeFault::Drop);
    let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
    b.l2.set(L2Operation::Poll, gone);
    for n in 1..MISSED {
        let batch = Batch::new().remove(&format!("{n}"));
        a.invalidate(batch).await.unwrap().accept_queued();
    }
    truth.commit();
    a.remove("key").await.unwrap().accept_queued();
}

#[tokio::test(start_paused = true)]
async fn a_long_replay_lets_others_have_their_turn() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    miss_much(&a, &b, &truth).await;
    b.heal();
    advance(HEARTBEAT).await;
    let (mut last, mut longest) = (b.stats().replays, 0);
    for _ in 0..100_000 {
        let replays = b.stats().replays;
        longest = longest.max(replays - last);
        last = replays;
        if replays == MISSED {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(last, MISSED);
    assert!(longest <= 64, "{longest} in one go");
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_only_after_all_of_a_replay() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    miss_much(&a, &b, &truth).await;
    live(BOUND).await;
    assert!(!b.is_leased());
    b.heal();
    advance(HEARTBEAT).await;
    for _ in 0..100_000 {
        let replays = b.stats().replays;
        assert!(replays == MISSED || !b.is_leased(), "after {replays}");
        if b.is_leased() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(b.is_leased());
    assert_eq!(read(&b, &truth).await.0, 2);
}

#[test]
fn a_replay_that_ends_half_way_with_its_runtime_is_told_again() {
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let (first, second) = (runtime(), runtime());
    // Not on paused time, which is of one runtime.
    let (store, truth) = (MemoryStore::new(), Truth::new());
    let b = first.block_on(pod(&store));
    let replays = first.block_on(async {
        let a = pod(&store).await;
        miss_much(&a, &b, &truth).await;
        b.heal();
        while b.stats().replays == 0 {
            tokio::task::yield_now().await;
        }
        b.stats().replays
    });
    drop(first);
    assert!(replays < MISSED);
    second.block_on(async {
        assert!(b.start(SECOND).await);
        let all_again = async {
            while b.stats().replays < replays + MISSED {
                tokio::task::yield_now().await;
            }
        };
        timeout(10 * SECOND, all_again).await.unwrap();
        assert_eq!(b.peek::<_, u64>("key").unwrap(), None);
    });
}
