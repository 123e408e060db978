//! A value that ends at an instant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::SystemTime;

use caching_core::{EntryOptions, Limit};
use support::{MINUTE, SECOND, Source, cache, pass};

fn until(instant: SystemTime) -> EntryOptions {
    EntryOptions::new()
        .until(instant)
        .jitter(Limit::After(MINUTE))
}

#[tokio::test(start_paused = true)]
async fn a_value_with_an_instant_is_fresh_until_then_and_no_longer_whatever_duration_and_jitter() {
    // Before the clock of the cache begins, so that it is no later than said.
    let end = SystemTime::now() + 60 * MINUTE;
    let cache = cache();
    let set = cache.set("key", 1_u32).options(until(end));
    set.await.unwrap().accept_queued();
    pass(60 * MINUTE - 5 * SECOND).await;
    assert!(cache.get::<_, u32>("key").await.unwrap().is_some());
    pass(5 * SECOND).await;
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_instant_that_is_over_stores_nothing_and_drops_what_was_there() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let set = cache
        .set("key", 2_u32)
        .options(until(SystemTime::UNIX_EPOCH));
    set.await.unwrap().accept_queued();
    assert_eq!(cache.stats().entries, 0);
    for runs in 1..3 {
        let read = cache.get_or_set("key", source.gives(3_u32));
        assert_eq!(
            *read.options(until(SystemTime::UNIX_EPOCH)).await.unwrap(),
            3
        );
        assert_eq!(source.runs(), runs);
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_may_say_when_its_value_ends() {
    let end = SystemTime::now() + 10 * MINUTE;
    let cache = cache();
    let read = cache.get_or_set("key", move |mut cx| async move {
        cx.set_options(EntryOptions::new().until(end));
        Ok::<_, std::io::Error>(1_u32)
    });
    read.await.unwrap();
    pass(10 * MINUTE - 5 * SECOND).await;
    assert!(cache.get::<_, u32>("key").await.unwrap().is_some());
    pass(5 * SECOND).await;
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
}
