//! The lease before the look: between the two, another thread replays what was missed.
#![cfg(feature = "switches")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caching_core::{Clock, HybridCache, MemoryStore, Rule, Tick};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::SECOND;
use support::pods::{BOUND, Truth, fill, started, unstarted};

/// A clock that a test moves by hand, and that does something once when it is read.
#[derive(Clone, Default)]
struct Hooked(Arc<Inner>);

#[derive(Default)]
struct Inner {
    now: AtomicU64,
    /// Of the thread that reads, how often it has to before the hook runs.
    readings_left: Mutex<Option<(std::thread::ThreadId, usize)>>,
    hook: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Hooked {
    fn pass(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap();
        self.0.now.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Runs the hook when this thread reads the clock for the second time from now on.
    fn on_second_reading(&self, hook: impl FnOnce() + Send + 'static) {
        *self.0.hook.lock().unwrap() = Some(Box::new(hook));
        let me = std::thread::current().id();
        *self.0.readings_left.lock().unwrap() = Some((me, 2));
    }

    fn is_hook_due(&self) -> bool {
        let mut left = self.0.readings_left.lock().unwrap();
        match &mut *left {
            Some((thread, readings)) if *thread == std::thread::current().id() => {
                *readings -= 1;
                let is_due = *readings == 0;
                if is_due {
                    *left = None;
                }
                is_due
            }
            _ => false,
        }
    }
}

impl Clock for Hooked {
    fn now(&self) -> Tick {
        if self.is_hook_due() {
            let hook = self.0.hook.lock().unwrap().take();
            hook.unwrap()();
        }
        Tick::from_nanos(1 + self.0.now.load(Ordering::SeqCst))
    }
}

/// What a look gives that begins with the lease over, while the lease is renewed between its two
/// halves; and whether that happened.
fn look(rule: Option<Rule>) -> (Option<u64>, bool) {
    let clock = Hooked::default();
    // Drives the pods, beside the thread that looks.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let store = MemoryStore::with_clock(clock.clone());
    let truth = Truth::new();
    let make = |rule: Option<Rule>| {
        let clock = clock.clone();
        unstarted(&store, "", |builder| {
            let builder = builder.clock(clock);
            match rule {
                Some(rule) => builder.leave_out(rule),
                None => builder,
            }
        })
    };
    let gate = Gate::closed();
    let a = runtime.block_on(async {
        let (a, b) = (started(make(rule)).await, started(make(None)).await);
        fill(&[&a], &truth).await;
        a.backplane.set(NoticeFault::Drop);
        a.l2.set(L2Operation::Poll, L2Fault::Hold(gate.clone()));
        gate.arrivals(1).await;
        truth.commit();
        assert!(b.remove("key").await.unwrap().is_applied());
        a
    });
    clock.pass(2 * BOUND);
    let is_renewed = Arc::new(AtomicBool::new(false));
    let renewed = {
        let (is_renewed, cache): (_, HybridCache) = (is_renewed.clone(), a.cache.clone());
        move || {
            gate.open();
            let until = std::time::Instant::now() + 20 * SECOND;
            while !cache.shared_status().unwrap().is_current() {
                assert!(std::time::Instant::now() < until, "no poll was answered");
                std::thread::yield_now();
            }
            is_renewed.store(true, Ordering::SeqCst);
        }
    };
    clock.on_second_reading(renewed);
    let found = a.peek::<_, u64>("key").unwrap();
    (found.as_deref().copied(), is_renewed.load(Ordering::SeqCst))
}

#[test]
fn without_the_lease_before_the_look_an_old_entry_is_approved_by_a_lease_renewed_in_between() {
    assert_eq!(look(None).0, None, "the rule is kept");
    let left_out = look(Some(Rule::LeaseBeforeLook));
    assert_eq!(left_out, (Some(1), true), "nobody noticed its absence");
}
