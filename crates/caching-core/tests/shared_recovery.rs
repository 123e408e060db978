//! A store that goes away and comes back: writes are queued, never forgotten, and all agree in the end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::{Batch, L2ErrorKind};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, INVALIDATIONS, Truth, agree, fill, invalidate, live, moment, pod, pod_with, read,
    read_broken, store,
};
use support::{MINUTE, SECOND};

#[tokio::test(start_paused = true)]
async fn pods_go_on_while_the_store_is_away_and_all_converge_to_the_newest() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let pods = [&pod(&store).await, &pod(&store).await, &pod(&store).await];
        fill(&pods, &truth).await;
        pods.iter().for_each(|pod| pod.lose_store());
        live(2 * BOUND).await;
        for writer in pods {
            truth.commit();
            assert!(!invalidate(writer, how, &truth).await.is_applied(), "{how}");
            assert_eq!(read(writer, &truth).await.0, truth.version(), "{how}: own");
        }
        for pod in pods {
            read(pod, &truth).await; // goes on
        }
        pods.iter().for_each(|pod| pod.heal());
        live(2 * BOUND).await;
        agree(&pods, &truth).await;
        for pod in pods {
            assert_eq!(pod.shared_status().unwrap().queued, 0, "{how}");
        }
        let runs = truth.runs();
        agree(&pods, &truth).await;
        assert_eq!(truth.runs(), runs, "{how}: and then it is kept again");
    }
}

#[tokio::test(start_paused = true)]
async fn three_pods_that_write_different_values_converge_to_one() {
    let store = store();
    let pods = [&pod(&store).await, &pod(&store).await, &pod(&store).await];
    let truth = Truth::new();
    pods.iter().for_each(|pod| pod.lose_store());
    for (value, pod) in (10_u64..).zip(pods) {
        assert!(!pod.set("key", value).await.unwrap().is_applied());
        let here = pod.get::<_, u64>("key").await.unwrap();
        assert_eq!(here, None, "what could not be told is not kept");
    }
    pods.iter().for_each(|pod| pod.heal());
    live(2 * BOUND).await;
    agree(&pods, &truth).await;
}

#[tokio::test(start_paused = true)]
async fn where_only_the_fill_failed_the_pods_end_consistent() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
    a.l2.next(L2Operation::Fill, gone);
    fill(&[&a, &b], &truth).await;
    assert_eq!(truth.runs(), 2, "each its own");
    truth.commit();
    assert!(b.remove("key").await.unwrap().is_applied());
    moment().await;
    agree(&[&a, &b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn where_only_the_publish_failed_the_pods_end_consistent() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        b.backplane.next(NoticeFault::Drop);
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        live(BOUND).await;
        agree(&[&a, &b], &truth).await;
        // The next notice finds no gap.
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        moment().await;
        agree(&[&a, &b], &truth).await;
        assert_eq!(b.stats().gaps, 0, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_the_answer_was_lost_it_is_sent_again_and_the_pods_end_consistent() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        truth.commit();
        for operation in [L2Operation::Invalidate, L2Operation::Put] {
            let lost = L2Fault::LoseAnswer(L2ErrorKind::Timeout);
            a.l2.next(operation, lost);
        }
        invalidate(&a, how, &truth).await.accept_queued();
        live(BOUND).await;
        assert_eq!(a.shared_status().unwrap().queued, 0, "{how}");
        agree(&[&a, &b], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_dies_before_it_could_tell_leaves_the_old_value_for_its_duration_at_most() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    truth.commit();
    a.lose_store();
    a.remove("key").await.unwrap().accept_queued();
    drop(a); // With its queue.
    assert_eq!(read(&b, &truth).await.0, 1, "nobody can know");
    live(5 * MINUTE).await;
    agree(&[&b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn queued_is_not_applied_and_the_status_says_so_too() {
    let store = store();
    let a = pod(&store).await;
    assert!(a.remove("key").await.unwrap().is_applied());
    a.lose_store();
    assert!(!a.remove("key").await.unwrap().is_applied());
    let batch = Batch::new().remove("other").remove_tag("red");
    assert!(!a.invalidate(batch).await.unwrap().is_applied());
    assert!(!a.set("third", 1_u64).await.unwrap().is_applied());
    assert_eq!(a.shared_status().unwrap().queued, 4);
    live(BOUND).await;
    assert!(!a.shared_status().unwrap().is_answering);
    a.heal();
    live(BOUND).await;
    let status = a.shared_status().unwrap();
    assert!(status.is_answering && status.queued == 0);
    assert!(a.remove("key").await.unwrap().is_applied());
}

#[tokio::test(start_paused = true)]
async fn the_queue_holds_one_invalidation_a_key_however_often_it_was_written() {
    let store = store();
    let a = pod(&store).await;
    a.lose_store();
    for _ in 0..100 {
        for key in ["one", "two"] {
            a.remove(key).await.unwrap().accept_queued();
            a.expire(key).await.unwrap().accept_queued();
        }
        a.remove_by_tag("red").await.unwrap().accept_queued();
    }
    assert_eq!(a.shared_status().unwrap().queued, 3);
    a.heal();
    live(BOUND).await;
    assert_eq!(a.shared_status().unwrap().queued, 0);
}

#[tokio::test(start_paused = true)]
async fn an_overflowing_queue_clears_the_cache_everywhere() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (
        pod_with(&store, "[l2]\nqueue_limit = 10").await,
        pod(&store).await,
    );
    fill(&[&a, &b], &truth).await;
    truth.commit();
    a.lose_store();
    a.remove("key").await.unwrap().accept_queued();
    for n in 0..100 {
        let removed = a.remove(&format!("{n}")).await.unwrap();
        assert!(!removed.is_applied());
        assert!(a.shared_status().unwrap().queued <= 10);
    }
    a.heal();
    live(BOUND).await;
    assert_eq!(a.shared_status().unwrap().queued, 0);
    for pod in [&a, &b] {
        assert_eq!(read_broken(pod, &truth).await, None, "no fallback either");
    }
    agree(&[&b, &a], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn a_dirty_key_is_neither_read_from_the_store_nor_filled_into_it() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    let before = store.records();
    truth.commit();
    // The store answers everything but invalidations.
    let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
    a.l2.set(L2Operation::Invalidate, gone);
    assert!(!a.remove("key").await.unwrap().is_applied());
    let reads = a.l2.calls(L2Operation::Read);
    for _ in 0..3 {
        assert_eq!(read(&a, &truth).await.0, 2);
        live(SECOND).await;
    }
    assert_eq!(a.l2.calls(L2Operation::Read), reads);
    let values = |records: Vec<caching_core::MemoryRecord>| {
        let values = records.into_iter().map(|it| it.record.payload);
        values.collect::<Vec<_>>()
    };
    assert_eq!(values(store.records()), values(before), "not filled");
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_what_is_queued_if_it_can() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    truth.commit();
    let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
    a.l2.set(L2Operation::Invalidate, gone);
    assert!(!a.remove("key").await.unwrap().is_applied());
    a.heal();
    assert!(a.stop(SECOND).await);
    live(BOUND).await;
    agree(&[&b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_holds_up_a_stop_no_longer_than_its_deadline() {
    let store = store();
    let a = pod(&store).await;
    a.lose_store();
    a.remove("key").await.unwrap().accept_queued();
    a.freeze_store(&Gate::closed());
    let begun = tokio::time::Instant::now();
    a.stop(Duration::from_millis(700)).await;
    assert!(begun.elapsed() <= Duration::from_millis(900));
}
