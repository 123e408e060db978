//! Loads of many keys at once, and who shares them: joined, invalidated, left, panicking, late.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use caching_core::{CacheError, Tag};
use caching_testkit::Gate;
use support::table::{ArticleKey, Table, peek, read, reading, values};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

#[tokio::test(start_paused = true)]
async fn a_caller_of_one_key_joins_the_load_of_many() {
    let (cache, table, source) = (cache(), Table::behind(&Gate::closed()), Source::open());
    let many = reading(&cache, &["a", "bb"], &table);
    table.gate.arrivals(1).await;
    let one = tokio::spawn({
        let (cache, factory) = (cache.clone(), source.gives(100_usize));
        async move { *cache.get_or_set("bb", factory).await.unwrap() }
    });
    settle().await;
    table.gate.open();
    assert_eq!(one.await.unwrap(), 2);
    assert_eq!(many.await.unwrap(), [Some(1), Some(2)]);
    assert_eq!((source.runs(), cache.stats().joins), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_of_many_joins_that_of_one_key_and_does_not_load_it_again() {
    let (cache, table, source) = (cache(), Table::open(), Source::gated());
    let one = tokio::spawn({
        let (cache, factory) = (cache.clone(), source.gives(100_usize));
        async move { *cache.get_or_set("bb", factory).await.unwrap() }
    });
    settle().await;
    let many = reading(&cache, &["a", "bb", "ccc"], &table);
    settle().await;
    assert_eq!(table.loads(), [["a", "ccc"]], "they wait for nobody");
    assert_eq!(peek(&cache, "a"), Some(1));
    source.let_through().await;
    assert_eq!(many.await.unwrap(), [Some(1), Some(100), Some(3)]);
    assert_eq!((one.await.unwrap(), table.loads().len()), (100, 1));
}

#[tokio::test(start_paused = true)]
async fn two_loads_of_the_same_keys_in_opposite_order_do_not_wait_for_each_other() {
    let (cache, table) = (cache(), Table::behind(&Gate::closed()));
    let first = reading(&cache, &["a", "bb", "ccc"], &table);
    settle().await;
    let second = reading(&cache, &["dddd", "ccc", "bb"], &table);
    settle().await;
    let third = reading(&cache, &["dddd", "eeeee", "a"], &table);
    settle().await;
    let loads: [&[&str]; 3] = [&["a", "bb", "ccc"], &["dddd"], &["eeeee"]];
    assert_eq!(table.loads(), loads);
    table.gate.open();
    assert_eq!(first.await.unwrap(), [Some(1), Some(2), Some(3)]);
    assert_eq!(second.await.unwrap(), [Some(4), Some(3), Some(2)]);
    assert_eq!(third.await.unwrap(), [Some(4), Some(5), Some(1)]);
    assert_eq!(table.loads().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_another_caller_kept_to_itself_is_loaded_in_one_more_call() {
    let (cache, table, gate) = (cache(), Table::open(), Gate::closed());
    let private = |key: &'static str| {
        let (cache, gate) = (cache.clone(), gate.clone());
        tokio::spawn(async move {
            let read = cache.get_or_set(key, move |mut cx| async move {
                cx.do_not_store();
                gate.pass().await;
                Ok::<_, io::Error>(100_usize)
            });
            *read.await.unwrap()
        })
    };
    let singles = [private("a"), private("bb")];
    gate.arrivals(2).await;
    let many = reading(&cache, &["a", "bb", "ccc"], &table);
    settle().await;
    assert_eq!(table.loads(), [["ccc"]]);
    gate.open();
    assert_eq!(many.await.unwrap(), [Some(1), Some(2), Some(3)]);
    assert_eq!(table.loads().last().unwrap(), &["a", "bb"]);
    assert_eq!(table.loads().len(), 2);
    for single in singles {
        assert_eq!(single.await.unwrap(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_of_a_key_during_the_load_concerns_that_key_alone() {
    for how in ["remove", "expire", "tag", "set"] {
        let (cache, gate) = (cache(), Gate::closed());
        let table = Table::behind(&gate);
        let keys: Vec<ArticleKey> = (0..3).map(|id| ArticleKey { id }).collect();
        let many = tokio::spawn({
            let (cache, keys, gate) = (cache.clone(), keys.clone(), gate.clone());
            async move {
                let read = cache.get_or_set_many(&keys, move |_, keys| {
                    let gate = gate.clone();
                    async move {
                        gate.pass().await;
                        let row = |key: ArticleKey| (key.clone(), key.id);
                        Ok::<_, io::Error>(keys.into_iter().map(row).collect::<Vec<_>>())
                    }
                });
                values(read.await.unwrap())
            }
        });
        gate.arrivals(1).await;
        let done = match how {
            "remove" => cache.remove(&keys[1]).await,
            "expire" => cache.expire(&keys[1]).await,
            "tag" => cache.remove_by_tag(Tag::of("article", &1)).await,
            _ => cache.set(&keys[1], 100).await,
        };
        done.unwrap().accept_queued();
        let newer = (how != "set").then(|| {
            let (cache, key) = (cache.clone(), keys[1].clone());
            tokio::spawn(async move {
                let factory = |_| async { Ok::<_, io::Error>(100) };
                *cache.get_or_set(&key, factory).await.unwrap()
            })
        });
        settle().await;
        gate.open();
        // The late value goes to its own callers only.
        assert_eq!(many.await.unwrap(), [Some(0), Some(1), Some(2)], "{how}");
        if let Some(newer) = newer {
            assert_eq!(newer.await.unwrap(), 100, "{how}");
        }
        let kept: Vec<_> = keys
            .iter()
            .map(|key| cache.peek(key).unwrap().map(|value| *value))
            .collect();
        assert_eq!(kept, [Some(0), Some(100), Some(2)], "{how}");
        assert!(table.loads().is_empty());
    }
}

/// Sets a flag when it is dropped.
struct Watched(Arc<AtomicBool>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_factory_ends_when_nobody_waits_for_any_of_its_keys() {
    for stays in [false, true] {
        let (cache, gate) = (cache(), Gate::closed());
        let is_over = Arc::new(AtomicBool::new(false));
        let many = tokio::spawn({
            let (cache, gate, is_over) = (cache.clone(), gate.clone(), is_over.clone());
            async move {
                let read = cache.get_or_set_many(&["a", "bb"], move |_, keys| {
                    let (gate, watched) = (gate.clone(), Watched(is_over.clone()));
                    async move {
                        gate.pass().await;
                        drop(watched);
                        let row = |key: &'static str| (key, key.len());
                        Ok::<_, io::Error>(keys.into_iter().map(row).collect::<Vec<_>>())
                    }
                });
                read.await.unwrap()
            }
        });
        gate.arrivals(1).await;
        let other = reading(
            &cache,
            if stays { &["bb"] } else { &["ccc"] },
            &Table::open(),
        );
        settle().await;
        many.abort();
        settle().await;
        assert_eq!(is_over.load(Ordering::SeqCst), !stays);
        gate.open();
        settle().await;
        if stays {
            assert_eq!(other.await.unwrap(), [Some(2)]);
            assert_eq!(peek(&cache, "a"), None, "nobody waited for that");
        }
        assert_eq!(peek(&cache, "bb"), stays.then_some(2));
    }
}

/// Polls a future so often at most, and drops it; whether it came to its end.
async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_at_any_await_leaves_nothing_half_done() {
    let keys = ["a", "bb", "ccc", "no"];
    for polls in 0.. {
        assert!(polls < 100);
        let (cache, slow) = (cache(), Table::open());
        let left = cache.get_or_set_many(&keys, move |_, keys| {
            let table = slow.clone();
            async move {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                table.rows(keys).await
            }
        });
        let is_done = dropped_after(polls, left.into_future()).await;
        settle().await;
        let table = Table::open();
        let again = read(&cache, &keys, &table).await;
        assert_eq!(again, [Some(1), Some(2), Some(3), None], "{polls}");
        assert_eq!(table.loads().len(), usize::from(!is_done), "{polls}");
        assert!(cache.stop(SECOND).await, "nothing is left running");
        if is_done {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_of_many_that_panics_frees_its_keys() {
    let (cache, table) = (cache(), Table::open());
    for late in [false, true] {
        let each = cache
            .get_or_set_many(&["a", "bb"], move |_, _| {
                assert!(late, "a row is torn");
                async move {
                    tokio::task::yield_now().await;
                    panic!("a row is torn");
                    #[allow(unreachable_code)]
                    Ok::<Vec<(&'static str, usize)>, io::Error>(Vec::new())
                }
            })
            .each()
            .await
            .unwrap();
        for (one, key) in each.into_iter().zip(["plain:a", "plain:bb"]) {
            let told = one.unwrap_err().to_string();
            assert!(
                told.contains(key) && told.contains("a row is torn"),
                "{told}"
            );
        }
    }
    assert_eq!(read(&cache, &["a", "bb"], &table).await, [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn past_the_hard_limit_the_factory_of_many_is_dropped() {
    let (cache, table) = (cache(), Table::behind(&Gate::closed()));
    let each = cache.get_or_set_many(&["a", "bb"], table.load()).each();
    for one in each.await.unwrap() {
        assert!(matches!(one, Err(CacheError::FactoryTimeout { .. })));
    }
    table.gate.open();
    assert_eq!(read(&cache, &["a", "bb"], &table).await, [Some(1), Some(2)]);
    assert_eq!(table.loads().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn past_the_soft_limit_stale_keys_are_answered_and_the_factory_goes_on_behind() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a", "bb"], &table).await;
    pass(6 * MINUTE).await;
    let slow = Table::behind(&Gate::closed());
    let found = cache
        .get_or_set_many(&["a", "bb"], slow.load())
        .detailed()
        .await
        .unwrap();
    assert!(found.iter().all(|one| one.outcome.is_stale()));
    assert_eq!(peek(&cache, "bb"), None);
    slow.gate.open();
    settle().await;
    assert_eq!([peek(&cache, "a"), peek(&cache, "bb")], [Some(1), Some(2)]);
    assert_eq!(slow.loads(), [["a", "bb"]]);
}

#[tokio::test(start_paused = true)]
async fn a_factory_of_many_that_asks_for_one_of_its_keys_is_an_error() {
    let cache = cache();
    let read = cache
        .get_or_set_many(&["a", "bb"], {
            let cache = cache.clone();
            move |_, _| {
                let cache = cache.clone();
                async move {
                    let factory = |_| async { Ok::<_, io::Error>(1_usize) };
                    let bb = cache.get_or_set("bb", factory).await?;
                    Ok::<_, CacheError>(vec![("a", *bb)])
                }
            }
        })
        .await;
    let error = read.unwrap_err();
    let inner = error.factory_error::<CacheError>().unwrap();
    assert!(matches!(inner, CacheError::Reentrant { key } if key == "plain:bb"));
}

#[tokio::test(start_paused = true)]
async fn past_the_threshold_many_keys_are_refreshed_by_one_call() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a", "bb"], &table).await;
    pass(2 * MINUTE).await;
    read(&cache, &["ccc"], &table).await;
    pass(2 * MINUTE + SECOND).await;
    read(&cache, &["a", "bb", "ccc"], &table).await;
    settle().await;
    assert_eq!(table.loads().len(), 3);
    assert_eq!(table.loads().last().unwrap(), &["a", "bb"]);
    assert_eq!(cache.stats().eager_refreshes, 2);
    pass(MINUTE).await;
    assert_eq!(peek(&cache, "bb"), Some(2), "it lives on");
}

#[tokio::test(start_paused = true)]
async fn a_factory_of_many_takes_one_of_the_turns() {
    let cache = configured("concurrent_factories = 1");
    let begun = tokio::time::Instant::now();
    let keys = ["a", "bb", "ccc", "dddd"];
    let table = Table::open();
    assert_eq!(read(&cache, &keys, &table).await.len(), 4);
    assert_eq!((begun.elapsed().as_millis(), table.loads().len()), (0, 1));
    let (one, two) = (Table::behind(&Gate::closed()), Table::open());
    let first = reading(&cache, &["x"], &one);
    one.gate.arrivals(1).await;
    let second = reading(&cache, &["y"], &two);
    settle().await;
    assert!(two.loads().is_empty(), "it waits for its turn");
    one.gate.open();
    first.await.unwrap();
    assert_eq!(second.await.unwrap(), [Some(1)]);
}
