//! Several pods on one store: what one of them writes, the others give.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Level, Outcome};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, HEARTBEAT, INVALIDATIONS, Truth, agree, fill, invalidate, live, moment, pod, read,
    read_behind, read_broken, started, store, unstarted,
};
use support::{MINUTE, SECOND};

#[tokio::test(start_paused = true)]
async fn what_one_loads_the_others_find_in_the_store() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let (_, outcome) = read(&a, &truth).await;
    assert!(matches!(outcome, Outcome::Miss { stored: true, .. }));
    for level in [Level::L2, Level::L1] {
        let hit = Outcome::Hit {
            level,
            stale: false,
        };
        assert_eq!(read(&b, &truth).await, (1, hit));
    }
    assert_eq!(truth.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_backplane_a_peer_keeps_its_value_until_it_polls() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        b.backplane.set(NoticeFault::Drop);
        fill(&[&a, &b], &truth).await;
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        moment().await;
        assert_eq!(read(&b, &truth).await.0, 1, "{how}: nobody has told it");
        live(HEARTBEAT).await;
        assert_eq!(read(&b, &truth).await.0, 2, "{how}: the poll has");
        assert_eq!(b.stats().breaks, 0, "{how}: replayed, not forgotten");
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_backplane_each_invalidation_on_one_is_seen_by_all_at_once() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b, c) = (pod(&store).await, pod(&store).await, pod(&store).await);
        fill(&[&a, &b, &c], &truth).await;
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        assert_eq!(read(&a, &truth).await.0, 2, "{how}: at once on its own pod");
        moment().await;
        agree(&[&b, &c], &truth).await;
        for pod in [&a, &b, &c] {
            let stats = pod.stats();
            assert_eq!(
                (stats.gaps, stats.replays, stats.breaks),
                (0, 0, 0),
                "{how}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_applies_its_own_invalidation_when_the_answer_comes() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let a = pod(&store).await;
        a.backplane.set(NoticeFault::Hold);
        fill(&[&a], &truth).await;
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        assert_eq!(a.backplane.arrived(), 1, "{how}: the notice is on its way");
        assert_eq!(read(&a, &truth).await.0, 2, "{how}");
        // And when its notice comes after all, it takes nothing away.
        let runs = truth.runs();
        a.backplane.heal();
        moment().await;
        agree(&[&a], &truth).await;
        assert_eq!(truth.runs(), runs, "{how}: loaded again for an own notice");
        assert_eq!(a.stats().gaps, 0, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn caches_of_different_names_do_not_interfere() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    let named = |builder: caching_core::HybridCacheBuilder| {
        let config = toml::from_str("key_prefix = 'other'").unwrap();
        builder.config(config)
    };
    let other = started(unstarted(&store, "", named)).await;
    fill(&[&a], &truth).await;
    let (_, outcome) = read(&other, &truth).await;
    assert!(!outcome.is_hit(), "another cache's entry");
    for how in INVALIDATIONS {
        assert!(invalidate(&other, how, &truth).await.is_applied());
    }
    moment().await;
    assert!(read(&a, &truth).await.1.is_hit());
    assert_eq!(a.stats().notices, 0);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_had_a_key_ignores_its_notice_and_nobody_reads_the_store_for_one() {
    for how in INVALIDATIONS {
        let (store, truth) = (store(), Truth::new());
        let (a, b, c) = (pod(&store).await, pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        let reads = [&b, &c].map(|pod| pod.l2.calls(L2Operation::Read));
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        live(BOUND).await;
        let after = [&b, &c].map(|pod| pod.l2.calls(L2Operation::Read));
        assert_eq!(reads, after, "{how}");
        assert_eq!((c.stats().notices, c.stats().entries), (1, 0), "{how}");
        assert_eq!(truth.runs(), 1, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn expire_is_a_miss_everywhere_and_a_fallback_for_those_who_had_the_value() {
    let (store, truth) = (store(), Truth::new());
    let (a, b, c) = (pod(&store).await, pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    truth.commit();
    assert!(a.expire("key").await.unwrap().is_applied());
    moment().await;
    for pod in [&a, &b, &c] {
        assert_eq!(pod.get::<_, u64>("key").await.unwrap(), None, "strict");
    }
    // Those who had it need no store to fall back on it; who had not has nothing of its own.
    for pod in [&a, &b] {
        pod.lose_store();
        let (value, outcome) = read_broken(pod, &truth).await.unwrap();
        assert!(value == 1 && outcome.is_stale());
    }
    let d = pod(&store).await;
    d.lose_store();
    assert_eq!(read_broken(&d, &truth).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_remove_leaves_no_fallback_anywhere() {
    for how in ["remove", "remove tag", "clear", "clear all scopes", "batch"] {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        assert!(invalidate(&a, how, &truth).await.is_applied());
        moment().await;
        let c = pod(&store).await;
        for pod in [&a, &b, &c] {
            assert_eq!(read_broken(pod, &truth).await, None, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_background_value_reaches_peers_under_the_same_fences() {
    for how in INVALIDATIONS.map(Some).into_iter().chain([None]) {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        live(5 * MINUTE).await;
        truth.commit();
        let gate = Gate::closed();
        let slow = read_behind(&a, &truth, &gate);
        let (value, outcome) = slow.await.unwrap();
        assert!(value == 1 && outcome.is_stale(), "past its soft limit");
        if let Some(how) = how {
            truth.commit();
            assert!(invalidate(&b, how, &truth).await.is_applied());
        }
        gate.open();
        moment().await;
        let runs = truth.runs();
        agree(&[&b, &a], &truth).await;
        if how.is_none() {
            assert_eq!(truth.runs(), runs, "it was shared");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_cut_is_made_again_and_nothing_is_missed() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    b.backplane.refuse(true);
    b.backplane.cut();
    moment().await;
    assert!(!b.shared_status().unwrap().is_hearing);
    truth.commit();
    assert!(a.remove("key").await.unwrap().is_applied());
    live(HEARTBEAT).await;
    assert_eq!(read(&b, &truth).await.0, 2, "by the poll");
    b.backplane.refuse(false);
    live(2 * SECOND).await;
    assert!(b.shared_status().unwrap().is_hearing);
    truth.commit();
    assert!(a.remove("key").await.unwrap().is_applied());
    moment().await;
    assert_eq!(read(&b, &truth).await.0, 3, "by the notice");
    assert_eq!(b.stats().breaks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_pod_serves_its_first_read_only_once_it_knows_what_was_invalidated() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    let b = unstarted(&store, "", |builder| builder);
    let gate = Gate::closed();
    b.l2.next(L2Operation::Poll, L2Fault::Hold(gate.clone()));
    let reading = read_behind(&b, &truth, &Gate::opened());
    gate.arrivals(1).await;
    truth.commit();
    assert!(a.remove("key").await.unwrap().is_applied());
    gate.open();
    assert_eq!(reading.await.unwrap().0, 2);
}
