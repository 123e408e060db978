//! Each rule of coherence left out, and the old value that then comes back: with it, it does not.
#![cfg(feature = "switches")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use caching_core::{Clock, HybridCacheBuilder, MemoryStore, Rule, Tick};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::SECOND;
use support::pods::{
    BOUND, HEARTBEAT, Pod, Truth, fill, live, moment, pod, read, read_behind, started, store,
    unstarted,
};

/// A pod that leaves this rule out, if one is named.
async fn pod_without(store: &MemoryStore, rule: Option<Rule>) -> Pod {
    let leave_out = |builder: HybridCacheBuilder| match rule {
        Some(rule) => builder.leave_out(rule),
        None => builder,
    };
    started(unstarted(store, "", leave_out)).await
}

/// Two pods, the first without the rule, and a source at version 1.
async fn pods(rule: Option<Rule>) -> (MemoryStore, Pod, Pod, Truth) {
    let store = store();
    let (a, b) = (pod_without(&store, rule).await, pod(&store).await);
    (store, a, b, Truth::new())
}

/// Commits version 2 and removes the key from this pod.
async fn write(writer: &Pod, truth: &Truth) {
    truth.commit();
    assert!(writer.remove("key").await.unwrap().is_applied());
}

/// Runs a case with the rule and without it. A case gives the version that a strict read found which
/// began past the bound: 2 is right, 1 is what must not be.
macro_rules! switch {
    ($name:ident, $rule:expr, $case:expr) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            assert_eq!($case(None).await, 2, "the rule is kept");
            assert_eq!($case(Some($rule)).await, 1, "nobody noticed its absence");
        }
    };
}

switch!(
    without_the_rule_at_l2_an_old_value_lands_there_after_the_invalidation,
    Rule::StoreInL2,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        write(&b, &truth).await;
        live(2 * BOUND).await;
        gate.open();
        before.await.unwrap();
        read(&b, &truth).await.0
    }
);

switch!(
    without_the_rule_at_l1_the_old_value_is_put_back_after_the_notice,
    Rule::StoreInL1,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        fill(&[&b], &truth).await;
        let gate = Gate::closed();
        a.l2.next(L2Operation::Read, L2Fault::HoldAnswer(gate.clone()));
        let before = read_behind(&a, &truth, &Gate::opened());
        gate.arrivals(1).await;
        write(&b, &truth).await;
        moment().await;
        gate.open();
        before.await.unwrap();
        live(2 * BOUND).await;
        read(&a, &truth).await.0
    }
);

switch!(
    without_the_log_a_message_that_was_lost_is_never_noticed,
    Rule::Log,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        fill(&[&a], &truth).await;
        a.backplane.next(NoticeFault::Drop);
        write(&b, &truth).await;
        assert!(b.remove("other").await.unwrap().is_applied());
        live(2 * BOUND).await;
        read(&a, &truth).await.0
    }
);

/// The store is flushed right after an invalidation that the pod has not heard.
async fn flushed(rule: Option<Rule>) -> u64 {
    let (store, a, b, truth) = pods(rule).await;
    fill(&[&a], &truth).await;
    a.backplane.set(NoticeFault::Drop);
    write(&b, &truth).await;
    store.forget_everything();
    live(2 * BOUND).await;
    read(&a, &truth).await.0
}

switch!(
    without_the_floor_entries_of_before_a_break_are_trusted_again,
    Rule::Floor,
    flushed
);

switch!(
    without_the_epoch_a_flushed_store_looks_like_nothing_new,
    Rule::Epoch,
    flushed
);

switch!(
    without_the_tag_clock_of_before_the_load_a_purge_during_it_is_lost,
    Rule::TagClock,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        truth.commit();
        assert!(b.remove_by_tag("red").await.unwrap().is_applied());
        moment().await;
        gate.open();
        before.await.unwrap();
        live(2 * BOUND).await;
        read(&a, &truth).await.0
    }
);

switch!(
    without_the_join_rule_a_late_reader_joins_a_flight_that_an_invalidation_passed_unheard,
    Rule::Join,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        a.be_deaf();
        live(2 * BOUND).await;
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        write(&b, &truth).await;
        live(BOUND + HEARTBEAT).await;
        let late = read_behind(&a, &truth, &Gate::opened());
        moment().await;
        gate.open();
        before.await.unwrap();
        late.await.unwrap().0
    }
);

switch!(
    without_dropping_again_the_old_value_is_put_back_while_the_store_is_told,
    Rule::DropAgain,
    |rule| async move {
        let (_store, a, _b, truth) = pods(rule).await;
        fill(&[&a], &truth).await;
        a.backplane.set(NoticeFault::Drop);
        let gate = Gate::closed();
        a.l2.next(L2Operation::Invalidate, L2Fault::Hold(gate.clone()));
        truth.commit();
        let removing = tokio::spawn(a.remove("key"));
        gate.arrivals(1).await;
        assert_eq!(read(&a, &truth).await.0, 1, "the store still has it");
        gate.open();
        assert!(removing.await.unwrap().unwrap().is_applied());
        read(&a, &truth).await.0
    }
);

switch!(
    without_a_clock_that_is_read_on_the_hit_a_starved_ticker_keeps_a_dead_lease_alive,
    Rule::ClockOnHit,
    |rule: Option<Rule>| async move {
        let (store, time, truth) = (store(), Hand::default(), Truth::new());
        let clock = time.clone();
        let on_hand = |builder: HybridCacheBuilder| {
            let builder = builder.clock(clock);
            match rule {
                Some(rule) => builder.leave_out(rule),
                None => builder,
            }
        };
        let a = started(unstarted(&store, "", on_hand)).await;
        let b = pod(&store).await;
        fill(&[&a], &truth).await;
        a.be_deaf();
        write(&b, &truth).await;
        // Nothing of this process runs while time passes.
        time.pass(2 * BOUND);
        match a.peek::<_, u64>("key").unwrap() {
            Some(old) => *old,
            None => read(&a, &truth).await.0,
        }
    }
);

switch!(
    without_a_poll_beside_the_read_a_deposed_primary_answers_for_ever,
    Rule::PollBesideRead,
    |rule| async move {
        let (store, a, b, truth) = pods(rule).await;
        fill(&[&b], &truth).await;
        // The pod is left with the old primary, which refuses polls and answers reads.
        a.be_deaf();
        let promoted = support::pods::store();
        promoted.restore(&store.snapshot());
        let c = pod(&promoted).await;
        write(&c, &truth).await;
        live(2 * BOUND).await;
        read(&a, &truth).await.0
    }
);

switch!(
    without_comparing_the_number_of_a_hit_a_data_set_that_went_back_is_served,
    Rule::SeqOnL2Hit,
    |rule| async move {
        let (store, a, b, truth) = pods(rule).await;
        fill(&[&b], &truth).await;
        let old = store.snapshot();
        write(&a, &truth).await;
        store.restore(&old);
        read(&a, &truth).await.0
    }
);

switch!(
    without_the_lease_a_pod_that_hears_nothing_serves_for_ever,
    Rule::Lease,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        fill(&[&a], &truth).await;
        a.be_deaf();
        write(&b, &truth).await;
        live(60 * SECOND).await;
        read(&a, &truth).await.0
    }
);

switch!(
    without_the_ticket_of_a_set_the_older_of_two_commits_stays,
    Rule::Ticket,
    |rule| async move {
        let (_store, a, b, truth) = pods(rule).await;
        let (first, second) = (a.ticket("key"), b.ticket("key"));
        truth.commit();
        let set = b.set("key", 2_u64).since(second);
        assert!(set.await.unwrap().is_applied());
        let set = a.set("key", 1_u64).since(first);
        assert!(set.await.unwrap().is_applied());
        live(2 * BOUND).await;
        read(&b, &truth).await.0
    }
);

/// A clock that a test moves by hand.
#[derive(Clone, Debug, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn pass(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap();
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Tick {
        Tick::from_nanos(1 + self.0.load(Ordering::SeqCst))
    }
}
