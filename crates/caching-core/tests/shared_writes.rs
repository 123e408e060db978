//! `set` on a shared store, with and without a ticket: which of two writers wins, on every pod.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Change, MemoryStore, Notice, Ticket};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, INVALIDATIONS, Pod, Truth, agree, fill, invalidate, live, moment, pod, read,
    read_behind, store,
};

async fn two_pods() -> (MemoryStore, Pod, Pod, Truth) {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    (store, a, b, Truth::new())
}

async fn set(pod: &Pod, value: u64, since: Option<Ticket>) {
    let set = pod.set("key", value);
    let set = match since {
        Some(ticket) => set.since(ticket),
        None => set,
    };
    assert!(set.await.unwrap().is_applied());
}

#[tokio::test(start_paused = true)]
async fn a_set_on_one_pod_is_given_by_all_without_a_load() {
    let (_store, a, b, truth) = two_pods().await;
    fill(&[&a, &b], &truth).await;
    set(&a, truth.commit(), None).await;
    moment().await;
    agree(&[&a, &b], &truth).await;
    assert_eq!(truth.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_ticket_the_last_in_the_store_wins_on_every_pod() {
    for answers in [[0, 1], [1, 0]] {
        let (_store, a, b, truth) = two_pods().await;
        // Both are on their way; the store has the one of `b` last, whatever answer comes first.
        let gates = [Gate::closed(), Gate::closed()];
        let mut sets = Vec::new();
        for (n, pod) in [&a, &b].into_iter().enumerate() {
            let held = L2Fault::HoldAnswer(gates[n].clone());
            pod.l2.next(L2Operation::Put, held);
            let (cache, value) = (pod.cache.clone(), 10 + n as u64);
            sets.push(tokio::spawn(async move { cache.set("key", value).await }));
            gates[n].arrivals(1).await;
        }
        moment().await;
        for n in answers {
            gates[n].open();
            moment().await;
        }
        for set in sets {
            assert!(set.await.unwrap().unwrap().is_applied());
        }
        for pod in [&a, &b] {
            assert_eq!(read(pod, &truth).await.0, 11, "{answers:?}");
        }
        assert_eq!(truth.runs(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_never_leaves_the_older_of_two_commits() {
    for same_pod in [true, false] {
        let (_store, a, b, truth) = two_pods().await;
        fill(&[&a, &b], &truth).await;
        let other = if same_pod { &a } else { &b };
        let (first, second) = (a.ticket("key"), other.ticket("key"));
        let (one, two) = (truth.commit(), truth.commit());
        set(other, two, Some(second)).await;
        set(&a, one, Some(first)).await; // late
        moment().await;
        agree(&[&a, &b], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_from_before_any_invalidation_brings_nothing_back() {
    for how in INVALIDATIONS {
        for same_pod in [true, false] {
            let (_store, a, b, truth) = two_pods().await;
            let writer = if same_pod { &a } else { &b };
            let ticket = a.ticket("key");
            let old = truth.version();
            truth.commit();
            assert!(invalidate(writer, how, &truth).await.is_applied());
            moment().await;
            let set = a.set("key", old).tags(["red"]).since(ticket);
            assert!(set.await.unwrap().is_applied());
            moment().await;
            agree(&[&a, &b], &truth).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_of_a_cache_on_its_own_is_outdone_by_any_invalidation() {
    for how in INVALIDATIONS {
        let (cache, truth) = (support::cache(), Truth::new());
        let ticket = cache.ticket("key");
        let old = truth.version();
        truth.commit();
        assert!(invalidate(&cache, how, &truth).await.is_applied());
        let set = cache.set("key", old).tags(["red"]).since(ticket);
        assert!(set.await.unwrap().is_applied());
        assert_eq!(read(&cache, &truth).await.0, 2, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_nothing_came_after_stores_the_value() {
    let (_store, a, b, truth) = two_pods().await;
    fill(&[&a, &b], &truth).await;
    let ticket = a.ticket("key");
    set(&a, truth.commit(), Some(ticket)).await;
    moment().await;
    agree(&[&a, &b], &truth).await;
    assert_eq!(truth.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_of_an_epoch_that_has_ended_stores_nothing() {
    let (store, a, b, truth) = two_pods().await;
    let ticket = a.ticket("key");
    let old = truth.version();
    store.forget_everything();
    truth.commit();
    assert!(b.remove("key").await.unwrap().is_applied());
    live(BOUND).await;
    set(&a, old, Some(ticket)).await;
    live(BOUND).await;
    agree(&[&a, &b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_that_reaches_the_store_late_puts_nothing_back_over_a_later_write() {
    for how in INVALIDATIONS {
        let (_store, a, b, truth) = two_pods().await;
        let gate = Gate::closed();
        a.l2.next(L2Operation::Put, L2Fault::Hold(gate.clone()));
        // Its limit passes, and it is told as an invalidation.
        set(&a, truth.commit(), None).await;
        truth.commit();
        assert!(invalidate(&b, how, &truth).await.is_applied());
        gate.open();
        moment().await;
        agree(&[&a, &b], &truth).await;
        live(BOUND).await;
        agree(&[&b, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_during_a_load_beats_it() {
    let (_store, a, b, truth) = two_pods().await;
    let gate = Gate::closed();
    let before = read_behind(&a, &truth, &gate);
    gate.arrivals(1).await;
    set(&b, truth.commit(), None).await;
    moment().await;
    gate.open();
    before.await.unwrap();
    agree(&[&a, &b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn notices_that_come_out_of_order_twice_or_late_never_bring_anything_back() {
    type Order = fn(&mut Vec<Notice>);
    let orders: [Order; 4] = [
        |notices| notices.reverse(),
        |notices| notices.extend(notices.clone()),
        |notices| notices.rotate_left(1),
        |notices| {
            let twice: Vec<_> = notices
                .iter()
                .flat_map(|it| [it.clone(), it.clone()])
                .collect();
            *notices = twice.into_iter().rev().collect();
        },
    ];
    for order in orders {
        let (_store, a, b, truth) = two_pods().await;
        fill(&[&a, &b], &truth).await;
        b.backplane.set(NoticeFault::Hold);
        for how in INVALIDATIONS {
            truth.commit();
            assert!(invalidate(&a, how, &truth).await.is_applied());
        }
        live(BOUND).await;
        agree(&[&b, &a], &truth).await;
        let runs = truth.runs();
        b.backplane.deliver_held_in(order);
        b.backplane.heal();
        moment().await;
        agree(&[&b, &a], &truth).await;
        live(BOUND).await;
        agree(&[&b, &a], &truth).await;
        assert_eq!(truth.runs(), runs, "late notices take nothing away either");
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_names_keys_and_groups_and_carries_no_value() {
    let (_store, a, b, truth) = two_pods().await;
    b.backplane.set(NoticeFault::Hold);
    for how in INVALIDATIONS {
        assert!(invalidate(&a, how, &truth).await.is_applied());
    }
    let secret = String::from("a secret value");
    a.set("other", secret.clone())
        .await
        .unwrap()
        .accept_queued();
    moment().await;
    let mut seen = 0;
    b.backplane.deliver_held_in(|notices| {
        for notice in &*notices {
            seen += 1;
            assert!(!format!("{notice:?}").contains(&secret));
            assert!(matches!(
                notice.change,
                Change::Keys { .. } | Change::Group { .. }
            ));
        }
    });
    assert_eq!(seen, 10);
}
