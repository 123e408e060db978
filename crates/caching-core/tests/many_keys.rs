//! Many keys in one call: one factory for those that are missing, and for each what holds for one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::HashMap;
use std::io;

use caching_core::{
    CacheError, Cached, EntryOptions, Level, MAX_KEYS, Outcome, Scope, ScopeId, Tag,
};
use support::table::{ArticleKey, Table, peek, read, values};
use support::{MINUTE, SECOND, cache, pass};

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
