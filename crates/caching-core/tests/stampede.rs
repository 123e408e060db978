//! One factory a key, whatever its callers do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, HybridCache, Outcome};
use support::{SECOND, Source, cache, settle};

async fn callers_of_a_cold_key(callers: usize) {
    let cache = HybridCache::builder().build().unwrap();
    let source = Source::gated();
    let calls: Vec<_> = (0..callers)
        .map(|n| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { cache.get_or_set("key", source.gives(n)).await.map(|v| *v) })
        })
        .collect();
    while (cache.stats().misses as usize) < 1 {
        tokio::task::yield_now().await;
    }
    source.let_through().await;
    let mut values = Vec::new();
    for call in calls {
        values.push(call.await.unwrap().unwrap());
    }
    values.dedup();
    assert_eq!((source.runs(), values.len()), (1, 1), "{callers} callers");
}

#[tokio::test]
async fn many_callers_on_one_thread_run_the_factory_once() {
    for callers in [10, 100, 1_000, 10_000] {
        callers_of_a_cold_key(callers).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_on_many_threads_run_the_factory_once() {
    for callers in [10, 100, 1_000, 10_000] {
        callers_of_a_cold_key(callers).await;
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_are_told_that_they_shared() {
    let (cache, source) = (cache(), Source::gated());
    let call = |value: u32| {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move {
            let read = cache
                .get_or_set("key", source.gives(value))
                .detailed()
                .await;
            read.map(|read| read.outcome)
        })
    };
    let (first, second) = (call(1), call(2));
    settle().await;
    source.let_through().await;
    let shared = |collapsed| Outcome::Miss {
        was_stale: false,
        stored: true,
        collapsed,
    };
    assert_eq!(first.await.unwrap().unwrap(), shared(false));
    assert_eq!(second.await.unwrap().unwrap(), shared(true));
    assert_eq!(cache.stats().joins, 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_caller_is_dropped_the_others_get_the_value_of_the_same_run() {
    let (cache, source) = (cache(), Source::gated());
    let call = || {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.gives(1_u32)).await })
    };
    let (first, second) = (call(), call());
    settle().await;
    first.abort();
    settle().await;
    source.let_through().await;
    assert_eq!(*second.await.unwrap().unwrap(), 1);
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_caller_leaves_the_factory_ends() {
    struct Ends(tokio::sync::mpsc::UnboundedSender<()>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let cache = cache();
    let (ends, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let caller = {
        let cache = cache.clone();
        tokio::spawn(async move {
            let load = cache.get_or_set("key", move |_| async move {
                let _ends = Ends(ends);
                std::future::pending::<Result<u32, std::io::Error>>().await
            });
            load.await
        })
    };
    settle().await;
    let begun = tokio::time::Instant::now();
    caller.abort();
    ended.recv().await.unwrap();
    assert!(begun.elapsed() < SECOND, "only its hard limit ended it");
    let open = Source::open();
    assert_eq!(
        *cache.get_or_set("key", open.gives(2_u32)).await.unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_factory_gives_its_error_to_all_and_frees_the_key() {
    let (cache, source) = (cache(), Source::gated());
    let call = || {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.fails::<u32>()).await })
    };
    let (first, second) = (call(), call());
    settle().await;
    source.let_through().await;
    for caller in [first, second] {
        let error = caller.await.unwrap().unwrap_err();
        assert!(error.factory_error::<std::io::Error>().is_some());
    }
    let open = Source::open();
    assert_eq!(
        *cache.get_or_set("key", open.gives(2_u32)).await.unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_panicking_factory_is_an_error_with_its_message_and_frees_the_key() {
    let (cache, open) = (cache(), Source::open());
    let late = cache
        .get_or_set("key", |cx| async move {
            tokio::task::yield_now().await;
            assert!(cx.key().is_empty(), "bug number {}", 7);
            Ok::<_, std::io::Error>(1_u32)
        })
        .await;
    assert!(
        matches!(&late, Err(CacheError::FactoryPanicked { message, .. }) if message == "bug number 7"),
        "{late:?}"
    );
    fn early(_: caching_core::FactoryContext) -> impl Future<Output = Result<u32, std::io::Error>> {
        assert!(std::hint::black_box(false), "before the first await");
        async { Ok(1) }
    }
    let early = cache.get_or_set("key", early).await;
    assert!(matches!(early, Err(CacheError::FactoryPanicked { .. })));
    assert_eq!(
        *cache.get_or_set("key", open.gives(2_u32)).await.unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn who_needs_a_value_does_not_take_the_none_of_a_flight_it_joined() {
    let (cache, none, some) = (cache(), Source::gated(), Source::open());
    let optional = {
        let (cache, none) = (cache.clone(), none.clone());
        tokio::spawn(async move {
            cache
                .get_or_set_optional("key", none.gives(None::<u32>))
                .await
        })
    };
    settle().await;
    let required = {
        let (cache, some) = (cache.clone(), some.clone());
        tokio::spawn(async move { cache.get_or_set("key", some.gives(1_u32)).await })
    };
    settle().await;
    none.let_through().await;
    assert_eq!(optional.await.unwrap().unwrap(), None);
    assert_eq!(*required.await.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn different_keys_do_not_wait_for_each_other() {
    let (cache, slow, open) = (cache(), Source::gated(), Source::open());
    let waiting = {
        let (cache, slow) = (cache.clone(), slow.clone());
        tokio::spawn(async move { cache.get_or_set("slow", slow.gives(1_u32)).await })
    };
    settle().await;
    cache.get_or_set("other", open.gives(2_u32)).await.unwrap();
    assert!(!waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_factory_of_a_caller_that_gave_up_stores_nothing() {
    let (cache, slow) = (cache(), Source::gated());
    let call = cache.get_or_set("key", slow.gives(1_u32));
    let timed = tokio::time::timeout(SECOND, call).await;
    assert!(timed.is_err());
    slow.let_through().await;
    assert_eq!((slow.runs(), cache.stats().entries), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_ends_with_its_last_caller_frees_the_key_for_the_next_one() {
    let (cache, never, open) = (cache(), Source::gated(), Source::open());
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let (cache, never) = (cache.clone(), never.clone());
            tokio::spawn(async move { cache.get_or_set("key", never.gives(1_u32)).await })
        })
        .collect();
    settle().await;
    for caller in &callers {
        assert_eq!(never.runs(), 1);
        caller.abort();
        settle().await;
    }
    let begun = tokio::time::Instant::now();
    let value = cache.get_or_set("key", open.gives(2_u32)).await.unwrap();
    assert_eq!((*value, open.runs()), (2, 1));
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    never.let_through().await;
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_factory_whose_own_task_is_aborted_fails_and_frees_the_key() {
    let (cache, open) = (cache(), Source::open());
    let aborted = cache.get_or_set("key", |_| async {
        let task = tokio::spawn(std::future::pending::<u32>());
        task.abort();
        task.await
    });
    let error = aborted.await.unwrap_err();
    let cause = error.factory_error::<tokio::task::JoinError>();
    assert!(cause.is_some_and(tokio::task::JoinError::is_cancelled));
    let value = cache.get_or_set("key", open.gives(2_u32)).await.unwrap();
    assert_eq!((*value, open.runs()), (2, 1));
}
