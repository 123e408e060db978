//! A value to give when the factory fails and there is nothing stale.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::{MINUTE, SECOND, Source, cache, pass, settle};

#[tokio::test(start_paused = true)]
async fn a_default_is_given_and_labelled_when_the_factory_fails_and_nothing_stale_exists() {
    let (cache, source) = (cache(), Source::open());
    let read = cache
        .get_or_set("key", source.fails::<u32>())
        .fail_safe_default(7);
    let answer = read.detailed().await.unwrap();
    assert_eq!((*answer.value, answer.outcome.is_stale()), (7, true));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_wins_over_the_default_and_a_good_factory_over_both() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let read = cache
        .get_or_set("key", source.fails::<u32>())
        .fail_safe_default(7);
    assert_eq!(*read.await.unwrap(), 1);
    pass(MINUTE).await;
    let read = cache
        .get_or_set("key", source.gives(2_u32))
        .fail_safe_default(7);
    assert_eq!(*read.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_factory_rests_for_the_throttle_after_a_default_and_then_the_default_is_gone() {
    let (cache, source) = (cache(), Source::open());
    for _ in 0..3 {
        let read = cache
            .get_or_set("key", source.fails::<u32>())
            .fail_safe_default(7);
        assert_eq!((*read.await.unwrap(), source.runs()), (7, 1));
    }
    assert!(
        cache.get::<_, u32>("key").await.unwrap().is_none(),
        "a strict read"
    );
    pass(30 * SECOND).await;
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap_err();
    assert_eq!(source.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_fail_safe_a_default_counts_for_nothing() {
    let (cache, source) = (cache(), Source::open());
    let read = cache
        .get_or_set("key", source.fails::<u32>())
        .fail_safe_default(7);
    read.fail_safe(false).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn who_joined_a_failing_flight_gets_a_default_of_their_own() {
    let (cache, source) = (cache(), Source::gated());
    let first = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.fails::<u32>()).await })
    };
    settle().await;
    let second = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move {
            let read = cache
                .get_or_set("key", source.gives(0_u32))
                .fail_safe_default(7);
            read.await
        })
    };
    settle().await;
    source.let_through().await;
    first.await.unwrap().unwrap_err();
    assert_eq!((*second.await.unwrap().unwrap(), source.runs()), (7, 1));
}

#[tokio::test(start_paused = true)]
async fn a_default_is_given_when_the_factory_takes_too_long() {
    let (cache, source) = (cache(), Source::gated());
    let read = cache
        .get_or_set("key", source.gives(1_u32))
        .fail_safe_default(7);
    assert_eq!(*read.await.unwrap(), 7);
}
