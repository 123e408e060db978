//! Invalidation beats loading, also where loads and invalidations are of different pods.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::Outcome;
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, INVALIDATIONS, Pod, Truth, agree, fill, invalidate, live, moment, pod, read,
    read_behind, store,
};
use support::{MINUTE, SECOND};

/// The pod that invalidates: the one that loads, or another.
const BY: [&str; 2] = ["own", "other"];

/// Two pods and a source; the first loads, the second element is the one that invalidates.
async fn pods(by: &str) -> (Pod, Pod, Truth) {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    // A handle to the same pod would do; its links belong to it, too.
    let writer = match by {
        "own" => Pod {
            cache: a.cache.clone(),
            l2: a.l2.clone(),
            backplane: a.backplane.clone(),
        },
        _ => b,
    };
    (a, writer, Truth::new())
}

/// Invalidates for good: every pod has been told.
async fn invalidate_for_good(writer: &Pod, how: &str, truth: &Truth) {
    truth.commit();
    assert!(invalidate(writer, how, truth).await.is_applied(), "{how}");
    moment().await;
}

#[tokio::test(start_paused = true)]
async fn the_late_value_of_a_running_factory_is_stored_nowhere() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let (a, writer, truth) = pods(by).await;
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        invalidate_for_good(&writer, how, &truth).await;
        gate.open();
        let (value, outcome) = before.await.unwrap();
        assert_eq!(value, 1, "{how} by {by}: it goes to its own caller");
        // A purge hides it where it stands; an invalidation of its key keeps it out.
        let is_purge = !["remove", "expire", "batch", "set"].contains(how);
        let is_stored = matches!(outcome, Outcome::Miss { stored: true, .. });
        assert!(is_purge || !is_stored, "{how} by {by}");
        agree(&[&a, &writer], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_comes_after_an_invalidation_does_not_join_an_older_flight() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let (a, writer, truth) = pods(by).await;
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        invalidate_for_good(&writer, how, &truth).await;
        let (value, _) = read(&a, &truth).await;
        assert_eq!(value, 2, "{how} by {by}: joined the past");
        gate.open();
        before.await.unwrap();
        agree(&[&a, &writer], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_from_before_an_invalidation_is_stored_nowhere() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let (a, writer, truth) = pods(by).await;
        fill(&[&a], &truth).await;
        live(4 * MINUTE).await;
        let gate = Gate::closed();
        read_behind(&a, &truth, &gate).await.unwrap();
        gate.arrivals(1).await;
        assert_eq!(truth.runs(), 2, "it is being refreshed");
        invalidate_for_good(&writer, how, &truth).await;
        gate.open();
        moment().await;
        agree(&[&a, &writer], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_background_completion_from_before_an_invalidation_is_stored_nowhere() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let (a, writer, truth) = pods(by).await;
        fill(&[&a], &truth).await;
        live(5 * MINUTE).await;
        let gate = Gate::closed();
        let (_, outcome) = read_behind(&a, &truth, &gate).await.unwrap();
        assert!(outcome.is_stale(), "past its soft limit");
        invalidate_for_good(&writer, how, &truth).await;
        gate.open();
        moment().await;
        agree(&[&a, &writer], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_store_from_before_an_invalidation_is_not_kept() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let store = store();
        let truth = Truth::new();
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&b], &truth).await;
        let gate = Gate::closed();
        a.l2.next(L2Operation::Read, L2Fault::HoldAnswer(gate.clone()));
        let before = read_behind(&a, &truth, &Gate::opened());
        gate.arrivals(1).await;
        let writer = if by == "own" { &a } else { &b };
        invalidate_for_good(writer, how, &truth).await;
        gate.open();
        before.await.unwrap();
        agree(&[&a, &b], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fill_that_is_late_on_its_way_is_refused_by_the_store() {
    for (how, by) in INVALIDATIONS.iter().flat_map(|how| BY.map(|by| (how, by))) {
        let (a, writer, truth) = pods(by).await;
        let gate = Gate::closed();
        a.l2.next(L2Operation::Fill, L2Fault::Hold(gate.clone()));
        let before = read_behind(&a, &truth, &Gate::opened());
        gate.arrivals(1).await;
        invalidate_for_good(&writer, how, &truth).await;
        gate.open();
        let (value, _) = before.await.unwrap();
        assert_eq!(value, 1, "{how} by {by}: its own caller had asked before");
        agree(&[&writer, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_either_order_of_notice_and_fill_and_however_late_it_is_the_same() {
    let delays = [0, 1, 150, 450, 950, 1_500, 4_000].map(Duration::from_millis);
    for how in INVALIDATIONS {
        for (is_notice_first, delay) in delays.iter().flat_map(|it| [(true, it), (false, it)]) {
            let store = store();
            let truth = Truth::new();
            let (a, b) = (pod(&store).await, pod(&store).await);
            let fill_gate = Gate::closed();
            a.l2.next(L2Operation::Fill, L2Fault::Hold(fill_gate.clone()));
            a.backplane.set(NoticeFault::Hold);
            let before = read_behind(&a, &truth, &Gate::opened());
            fill_gate.arrivals(1).await;
            truth.commit();
            assert!(invalidate(&b, how, &truth).await.is_applied());
            if is_notice_first {
                a.backplane.heal();
                live(*delay).await;
                fill_gate.open();
            } else {
                fill_gate.open();
                live(*delay).await;
                a.backplane.heal();
            }
            before.await.unwrap();
            // Once the bound has passed since the invalidation, at the latest.
            live(BOUND).await;
            let case = format!("{how}, notice first: {is_notice_first}, {delay:?}");
            for pod in [&a, &b] {
                let (value, outcome) = read(pod, &truth).await;
                assert_eq!((value, outcome.is_stale()), (2, false), "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_joined_nobody_joined_before_a_lapse_or_was_of_another_pod_obeys_the_same_rule()
{
    for case in ["joined nobody", "joined before a lapse", "of another pod"] {
        let store = store();
        let truth = Truth::new();
        let (a, b) = (pod(&store).await, pod(&store).await);
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        let joined = match case {
            "joined before a lapse" => Some(read_behind(&a, &truth, &gate)),
            "of another pod" => Some(read_behind(&b, &truth, &Gate::opened())),
            _ => None,
        };
        moment().await;
        a.be_deaf();
        live(BOUND + SECOND / 2).await;
        assert!(!a.is_leased());
        truth.commit();
        assert!(b.remove("key").await.unwrap().is_applied());
        // It begins after the invalidation, more than the bound, on a pod that has heard nothing.
        live(BOUND).await;
        let late = read_behind(&a, &truth, &Gate::opened());
        moment().await;
        gate.open();
        assert_eq!(late.await.unwrap().0, 2, "{case}: joined the past");
        before.await.unwrap();
        if let Some(joined) = joined {
            joined.await.unwrap();
        }
        a.heal();
        live(BOUND).await;
        agree(&[&a, &b], &truth).await;
    }
}
