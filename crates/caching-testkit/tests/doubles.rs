//! Gates and sources, alone and behind a cache.
#![allow(clippy::unwrap_used)]

use caching_core::HybridCache;
use caching_testkit::{Gate, Source};

#[tokio::test]
async fn a_closed_gate_lets_through_as_many_as_it_is_told_in_order() {
    let gate = Gate::closed();
    let (sender, mut passed) = tokio::sync::mpsc::unbounded_channel();
    for number in 1..=3 {
        let (at_gate, sender) = (gate.clone(), sender.clone());
        tokio::spawn(async move {
            at_gate.pass().await;
            sender.send(number).unwrap();
        });
        gate.arrivals(number).await;
    }
    assert_eq!(gate.arrived(), 3);
    assert!(passed.try_recv().is_err());
    gate.let_through(2);
    assert_eq!(
        (passed.recv().await, passed.recv().await),
        (Some(1), Some(2))
    );
    tokio::task::yield_now().await;
    assert!(passed.try_recv().is_err());
    gate.open();
    assert_eq!(passed.recv().await, Some(3));
    gate.pass().await;
}

#[tokio::test]
async fn permits_that_nobody_used_wait_for_who_comes() {
    let gate = Gate::closed();
    gate.let_through(1);
    gate.pass().await;
    // More than there can be is no panic.
    gate.let_through(usize::MAX);
    gate.let_through(usize::MAX);
    gate.pass().await;
    Gate::opened().pass().await;
}

#[tokio::test]
async fn who_gives_up_waiting_takes_no_permit() {
    let gate = Gate::closed();
    let task = tokio::spawn({
        let gate = gate.clone();
        async move { gate.pass().await }
    });
    gate.arrivals(1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    gate.let_through(1);
    gate.pass().await;
}

#[tokio::test]
async fn runs_are_counted_when_they_begin_and_answers_come_when_let_through() {
    let cache = HybridCache::builder().build().unwrap();
    let source = Source::gated();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (cache, factory) = (cache.clone(), source.gives(7));
            tokio::spawn(async move { cache.get_or_set("a", factory).await.map(|value| *value) })
        })
        .collect();
    source.started(1).await;
    source.let_through(1);
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), 7);
    }
    assert_eq!(source.runs(), 1);
}

#[tokio::test]
async fn a_source_can_fail() {
    let cache = HybridCache::builder().build().unwrap();
    let source = Source::open();
    let failed = cache.get_or_set("a", source.fails::<i32, _>()).await;
    let error = failed.unwrap_err();
    let mut causes = vec![error.to_string()];
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    assert!(
        causes
            .iter()
            .any(|said| said.contains("the source is broken")),
        "{causes:?}"
    );
    assert_eq!(source.runs(), 1);
}
