//! Many keys in one call: one factory for those that are missing, and for each what holds for one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use caching_core::{
    CacheError, CacheKey, Cached, EntryOptions, HybridCache, Level, MAX_KEYS, Outcome, Scope,
    ScopeId, Tag,
};
use caching_testkit::Gate;
use support::table::Table;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};
use tokio::task::JoinHandle;

type Values = Vec<Option<usize>>;

async fn read(cache: &HybridCache, keys: &[&'static str], table: &Table) -> Values {
    values(cache.get_or_set_many(keys, table.load()).await.unwrap())
}

fn values(found: Vec<Option<Arc<usize>>>) -> Values {
    found
        .into_iter()
        .map(|value| value.map(|value| *value))
        .collect()
}

/// Reads in a task of its own.
fn reading(cache: &HybridCache, keys: &[&'static str], table: &Table) -> JoinHandle<Values> {
    let (cache, keys, table) = (cache.clone(), keys.to_vec(), table.clone());
    tokio::spawn(async move { read(&cache, &keys, &table).await })
}

fn peek(cache: &HybridCache, key: &str) -> Option<usize> {
    cache.peek::<_, usize>(key).unwrap().map(|value| *value)
}

#[tokio::test(start_paused = true)]
async fn the_factory_runs_once_for_exactly_the_missing_keys() {
    let (cache, table) = (cache(), Table::open());
    cache.set("bb", 20_usize).await.unwrap().accept_queued();
    let keys = ["a", "bb", "ccc"];
    assert_eq!(
        read(&cache, &keys, &table).await,
        [Some(1), Some(20), Some(3)]
    );
    assert_eq!(table.loads(), [["a", "ccc"]]);
    let found = cache
        .get_or_set_many(&keys, table.load())
        .detailed()
        .await
        .unwrap();
    let hit = Outcome::Hit {
        level: Level::L1,
        stale: false,
    };
    assert!(found.iter().all(|one| one.outcome == hit));
    assert_eq!(table.loads().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_factory_leaves_out_is_none_for_the_negative_duration() {
    let (cache, table) = (cache(), Table::open());
    for _ in 0..10 {
        assert_eq!(read(&cache, &["a", "no"], &table).await, [Some(1), None]);
    }
    assert_eq!(table.loads(), [["a", "no"]]);
    pass(31 * SECOND).await;
    read(&cache, &["a", "no"], &table).await;
    assert_eq!(table.loads().last().unwrap(), &["no"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_named_twice_is_loaded_once() {
    let (cache, table) = (cache(), Table::open());
    let keys = ["a", "bb", "a", "a"];
    assert_eq!(
        read(&cache, &keys, &table).await,
        [Some(1), Some(2), Some(1), Some(1)]
    );
    assert_eq!(table.loads(), [["a", "bb"]]);
}

#[tokio::test(start_paused = true)]
async fn without_keys_nothing_is_called() {
    let (cache, table) = (cache(), Table::open());
    assert!(read(&cache, &[], &table).await.is_empty());
    assert!(cache.get_many::<&str, usize>(&[]).await.unwrap().is_empty());
    let none: [(&str, usize); 0] = [];
    assert!(cache.set_many(none).await.unwrap().is_applied());
    assert!(cache.remove_many::<&str>(&[]).await.unwrap().is_applied());
    assert!(table.loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn more_keys_than_the_limit_are_an_error() {
    let (cache, table) = (cache(), Table::open());
    let keys: Vec<String> = (0..=MAX_KEYS).map(|n| n.to_string()).collect();
    let is_refused = |error: CacheError| matches!(error, CacheError::TooManyKeys { .. });
    let read = cache.get_or_set_many(&keys, table.load()).await;
    assert!(is_refused(read.unwrap_err()));
    assert!(is_refused(
        cache.get_many::<_, usize>(&keys).await.unwrap_err()
    ));
    let pairs = keys.iter().map(|key| (key.as_str(), 1));
    assert!(is_refused(cache.set_many(pairs).await.unwrap_err()));
    let read = cache.get_or_set_many(&keys[1..], table.load()).await;
    assert_eq!(read.unwrap().len(), MAX_KEYS);
    assert_eq!(table.loads().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_of_a_key_that_was_not_asked_for_is_an_error() {
    let cache = cache();
    let read = cache
        .get_or_set_many(&["bob"], |_, _| async {
            Ok::<_, io::Error>(HashMap::from([("Bob", 3_usize)]))
        })
        .await;
    let told = read.unwrap_err().to_string();
    assert!(told.contains("brought key \"plain:Bob\""), "{told}");
    assert_eq!(peek(&cache, "bob"), None);
}

#[tokio::test(start_paused = true)]
async fn keys_with_something_stale_are_answered_with_it_when_the_factory_fails() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a"], &table).await;
    pass(6 * MINUTE).await;
    let each = cache
        .get_or_set_many(&["a", "bb"], table.broken().load())
        .each()
        .await
        .unwrap();
    let Ok(Cached { value, outcome }) = &each[0] else {
        panic!("{each:?}");
    };
    assert_eq!((value.as_deref(), outcome.is_stale()), (Some(&1), true));
    let Err(error) = &each[1] else {
        panic!("{each:?}");
    };
    assert!(error.factory_error::<io::Error>().is_some());
    assert!(error.to_string().contains("\"plain:bb\""), "{error}");
    assert_eq!(table.loads().last().unwrap(), &["a", "bb"], "one call");
    // All or nothing, unless one asks for each.
    let read = cache
        .get_or_set_many(&["a", "bb"], table.broken().load())
        .await;
    assert!(matches!(read, Err(CacheError::Factory { .. })));
    // What is throttled is not tried again.
    assert_eq!(table.loads().last().unwrap(), &["bb"]);
}

#[tokio::test(start_paused = true)]
async fn without_fail_safe_nobody_is_given_something_stale() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a"], &table).await;
    pass(6 * MINUTE).await;
    let read = cache
        .get_or_set_many(&["a"], table.broken().load())
        .fail_safe(false)
        .await;
    assert!(matches!(read, Err(CacheError::Factory { .. })));
}

#[derive(Clone, CacheKey)]
#[cache_key(kind = "article", value = usize, tags = ["article:{id}"])]
struct ArticleKey {
    id: usize,
}

#[tokio::test(start_paused = true)]
async fn each_key_has_tags_of_its_own_by_its_type_and_by_the_factory() {
    let cache = cache();
    let keys: Vec<ArticleKey> = (0..3).map(|id| ArticleKey { id }).collect();
    cache
        .get_or_set_many(&keys, |mut cx, keys| async move {
            cx.of(&keys[1]).unwrap().add_tag("red");
            assert!(cx.of(&ArticleKey { id: 7 }).is_none());
            let row = |key: ArticleKey| (key.clone(), key.id);
            Ok::<_, io::Error>(keys.into_iter().map(row).collect::<Vec<_>>())
        })
        .await
        .unwrap();
    let left = || -> Vec<usize> {
        let has = |key: &&ArticleKey| cache.peek(*key).unwrap().is_some();
        keys.iter().filter(has).map(|key| key.id).collect()
    };
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(left(), [0, 2]);
    let tag = Tag::of("article", &2);
    cache.remove_by_tag(tag).await.unwrap().accept_queued();
    assert_eq!(left(), [0]);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_options_of_its_own_by_the_factory() {
    let (cache, table) = (cache(), Table::open());
    let read = cache.get_or_set_many(&["a", "bb", "ccc"], move |mut cx, keys| {
        cx.of("a").unwrap().set_duration(SECOND);
        cx.of("bb").unwrap().do_not_store();
        table.clone().rows(keys)
    });
    assert_eq!(values(read.await.unwrap()), [Some(1), Some(2), Some(3)]);
    let kept = || ["a", "bb", "ccc"].map(|key| peek(&cache, key));
    assert_eq!(kept(), [Some(1), None, Some(3)]);
    pass(2 * SECOND).await;
    assert_eq!(kept(), [None, None, Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn the_factory_finds_the_stale_value_of_each_key() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a"], &table).await;
    pass(6 * MINUTE).await;
    let read = cache
        .get_or_set_many(&["a", "bb"], |mut cx, keys| async move {
            let mut row = |key: &'static str| {
                let stale = cx.of(key).unwrap().stale::<usize>();
                (key, stale.map_or(0, |stale| *stale + 10))
            };
            let rows: Vec<_> = keys.into_iter().map(&mut row).collect();
            Ok::<_, io::Error>(rows)
        })
        .await;
    assert_eq!(values(read.unwrap()), [Some(11), Some(0)]);
}

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

#[tokio::test(start_paused = true)]
async fn many_keys_are_read_in_their_order_without_a_factory() {
    let (cache, table) = (cache(), Table::open());
    read(&cache, &["a", "no", "ccc"], &table).await;
    let keys = ["ccc", "bb", "no", "a"];
    let found = cache.get_many(&keys).await.unwrap();
    assert_eq!(values(found), [Some(3), None, None, Some(1)]);
    let found = cache.get_many::<_, usize>(&keys).detailed().await.unwrap();
    let hits: Vec<bool> = found.iter().map(|one| one.outcome.is_hit()).collect();
    assert_eq!(hits, [true, false, true, true], "known to be none");
    pass(6 * MINUTE).await;
    assert_eq!(values(cache.get_many(&keys).await.unwrap()), [None; 4]);
    let found = cache.get_many(&keys).allow_stale().await.unwrap();
    assert_eq!(values(found), [Some(3), None, None, Some(1)]);
    assert_eq!(table.loads().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_type_is_an_error_and_leaves_the_entry() {
    let (cache, table) = (cache(), Table::open());
    cache
        .set("a", "text".to_owned())
        .await
        .unwrap()
        .accept_queued();
    let is_mismatch = |error: &CacheError| matches!(error, CacheError::TypeMismatch { .. });
    let read = cache.get_many::<_, usize>(&["a", "bb"]).await;
    assert!(is_mismatch(&read.unwrap_err()));
    let each = cache.get_or_set_many(&["a", "bb"], table.load()).each();
    let each = each.await.unwrap();
    assert!(is_mismatch(each[0].as_ref().unwrap_err()));
    assert!(each[1].is_ok());
    assert_eq!(*cache.peek::<_, String>("a").unwrap().unwrap(), "text");
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_read_and_written_in_the_scope_that_is_said() {
    let (cache, table) = (cache(), Table::open());
    let scope = Scope::Of(ScopeId::new(7));
    let read = cache.get_or_set_many(&["a"], table.load()).in_scope(scope);
    read.await.unwrap();
    cache
        .set_many([("bb", 20_usize)])
        .in_scope(scope)
        .await
        .unwrap()
        .accept_queued();
    let keys = ["a", "bb"];
    assert_eq!(values(cache.get_many(&keys).await.unwrap()), [None; 2]);
    let found = cache.get_many(&keys).in_scope(scope).await.unwrap();
    assert_eq!(values(found), [Some(1), Some(20)]);
}

#[tokio::test(start_paused = true)]
async fn many_values_are_put_and_of_two_of_a_key_the_last() {
    let cache = cache();
    let options = EntryOptions::new().duration(SECOND);
    cache
        .set_many([("a", 1), ("bb", 2), ("a", 3_usize)])
        .options(options)
        .tags(["red"])
        .await
        .unwrap()
        .accept_queued();
    assert_eq!([peek(&cache, "a"), peek(&cache, "bb")], [Some(3), Some(2)]);
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!([peek(&cache, "a"), peek(&cache, "bb")], [None; 2]);
    let put = cache.set_many([("a", 1), ("bb", 2_usize)]).duration(SECOND);
    put.await.unwrap().accept_queued();
    pass(2 * SECOND).await;
    assert_eq!(peek(&cache, "a"), None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_is_found_before_anything_is() {
    let cache = cache();
    let long = "x".repeat(2_000);
    let put = cache.set_many([("a", 1_usize), (long.as_str(), 2)]).await;
    assert!(matches!(put, Err(CacheError::KeyTooLong { .. })));
    assert_eq!(peek(&cache, "a"), None);
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_removed_or_expired_together() {
    let (cache, table) = (cache(), Table::open());
    let keys = ["a", "bb", "ccc"];
    for is_kept in [false, true] {
        read(&cache, &keys, &table).await;
        let done = match is_kept {
            false => cache.remove_many(&keys[..2]).await,
            true => cache.expire_many(&keys[..2]).await,
        };
        assert!(done.unwrap().is_applied());
        assert_eq!(
            values(cache.get_many(&keys).await.unwrap()),
            [None, None, Some(3)]
        );
        let stale = values(cache.get_many(&keys).allow_stale().await.unwrap());
        assert_eq!(stale[..2], [is_kept.then_some(1), is_kept.then_some(2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_stop_every_call_for_many_is_an_error() {
    let (cache, table) = (cache(), Table::open());
    cache.stop(SECOND).await;
    let is_stopped = |error: CacheError| matches!(error, CacheError::Stopped);
    let read = cache.get_or_set_many(&["a"], table.load()).await;
    assert!(is_stopped(read.unwrap_err()));
    assert!(is_stopped(
        cache.get_many::<_, usize>(&["a"]).await.unwrap_err()
    ));
    assert!(is_stopped(cache.set_many([("a", 1)]).await.unwrap_err()));
    assert!(is_stopped(cache.remove_many(&["a"]).await.unwrap_err()));
}
