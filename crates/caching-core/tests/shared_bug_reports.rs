//! Bugs that users of other caches have reported in public, each by its number: they are not here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{L2ErrorKind, Level, Outcome};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, Pod, Truth, agree, fill, live, moment, pod, read, read_behind, read_broken, store,
};
use support::{MINUTE, cache};

/// A purge by tag while an entry is being loaded is ignored, since the entry is dated when its
/// factory ends: <https://github.com/ZiggyCreatures/FusionCache/issues/535>.
#[tokio::test(start_paused = true)]
async fn fusioncache_535_a_tag_that_is_removed_during_a_load_is_not_ignored() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let alone = cache();
    let (a, b) = (pod(&store).await, pod(&store).await);
    for (loader, remover) in [(&alone, &alone), (&a.cache, &a.cache), (&a.cache, &b.cache)] {
        let loading = read_behind(loader, &truth, &gate);
        moment().await;
        let newest = truth.commit();
        assert!(remover.remove_by_tag("red").await.unwrap().is_applied());
        moment().await;
        gate.let_through(1);
        assert_eq!(loading.await.unwrap().0, newest - 1, "its own caller");
        assert_eq!(read(loader, &truth).await.0, newest);
        assert_eq!(read(remover, &truth).await.0, newest);
        assert!(remover.clear().await.unwrap().is_applied());
        moment().await;
    }
}

/// A request between the invalidation of L1 and that of L2 puts the old value of L2 back into L1,
/// where it stays: <https://github.com/ZiggyCreatures/FusionCache/issues/613>.
#[tokio::test(start_paused = true)]
async fn fusioncache_613_a_fetch_during_an_invalidation_puts_nothing_old_into_l1() {
    for is_expire in [true, false] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        // Even where the own notice never comes.
        a.backplane.set(NoticeFault::Drop);
        a.l2.next(L2Operation::Invalidate, L2Fault::Hold(gate.clone()));
        truth.commit();
        let cache = a.cache.clone();
        let invalidating = tokio::spawn(async move {
            match is_expire {
                true => cache.expire("key").await,
                false => cache.remove("key").await,
            }
        });
        gate.arrivals(1).await;
        let (value, outcome) = read(&a, &truth).await;
        assert!(value == 1 && outcome.is_hit(), "the store still has it");
        gate.open();
        assert!(invalidating.await.unwrap().unwrap().is_applied());
        agree(&[&a], &truth).await;
    }
}

/// A removal during a load: the load still populates the cache, and a reader that comes after it
/// joins the load: <https://github.com/ZiggyCreatures/FusionCache/issues/625>.
#[tokio::test(start_paused = true)]
async fn fusioncache_625_a_remove_during_a_load_is_not_followed_by_the_old_value() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let (alone, shared) = (cache(), pod(&store).await);
    for cache in [&alone, &shared.cache] {
        let first = read_behind(cache, &truth, &gate);
        moment().await;
        let newest = truth.commit();
        assert!(cache.remove("key").await.unwrap().is_applied());
        assert_eq!(read(cache, &truth).await.0, newest, "while it still runs");
        gate.let_through(1);
        assert_eq!(first.await.unwrap().0, newest - 1);
        assert_eq!(read(cache, &truth).await.0, newest, "after it has ended");
    }
}

/// A removal by tag is lost when it races an early refresh, whose entry is dated when its factory
/// ends: <https://github.com/ZiggyCreatures/FusionCache/issues/628>.
#[tokio::test(start_paused = true)]
async fn fusioncache_628_a_tag_that_is_removed_during_an_early_refresh_is_not_lost() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let alone = cache();
    let (a, b) = (pod(&store).await, pod(&store).await);
    for (loader, remover) in [(&alone, &alone), (&a.cache, &a.cache), (&a.cache, &b.cache)] {
        assert!(remover.clear().await.unwrap().is_applied());
        moment().await;
        read(loader, &truth).await;
        live(4 * MINUTE).await;
        let runs = truth.runs();
        read_behind(loader, &truth, &gate).await.unwrap();
        moment().await;
        assert_eq!(truth.runs(), runs + 1, "it is being refreshed");
        let newest = truth.commit();
        assert!(remover.remove_by_tag("red").await.unwrap().is_applied());
        moment().await;
        gate.let_through(1);
        moment().await;
        assert_eq!(read(loader, &truth).await.0, newest);
        assert_eq!(read(remover, &truth).await.0, newest);
    }
}

/// After a clear that shall leave no fallback, fail-safe gives a value that had expired in L2
/// before: <https://github.com/ZiggyCreatures/FusionCache/issues/648>.
#[tokio::test(start_paused = true)]
async fn fusioncache_648_a_clear_leaves_no_fallback_of_what_had_expired_in_the_store() {
    for clears_all in [true, false] {
        let (store, truth) = (store(), Truth::new());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        live(6 * MINUTE).await; // past its duration, within its retention
        let before = pod(&store).await;
        let fallback = read_broken(&before, &truth).await.unwrap();
        assert!(fallback.1.is_stale(), "up to here it is one");
        let cleared = match clears_all {
            true => a.clear_all_scopes().await,
            false => a.clear().await,
        };
        assert!(cleared.unwrap().is_applied());
        moment().await;
        // One with nothing in L1, too.
        let after = pod(&store).await;
        for pod in [&a, &before, &after] {
            assert_eq!(read_broken(pod, &truth).await, None);
        }
    }
}

/// An instance that has once looked up when a tag was removed never learns of a later removal by
/// another, and goes on taking the entry from L2:
/// <https://github.com/dotnet/extensions/issues/7411>.
#[tokio::test(start_paused = true)]
async fn dotnet_extensions_7411_what_was_known_of_a_tag_does_not_stay_for_ever() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    assert!(b.remove_by_tag("blue").await.unwrap().is_applied());
    fill(&[&b], &truth).await;
    let a_late = pod(&store).await; // has looked the tags up
    a.backplane.set(NoticeFault::Drop);
    a_late.backplane.set(NoticeFault::Drop);
    fill(&[&a, &a_late], &truth).await;
    truth.commit();
    assert!(b.remove_by_tag("red").await.unwrap().is_applied());
    live(BOUND).await;
    agree(&[&a, &a_late], &truth).await;
    live(6 * MINUTE).await; // L1 has let it go; the store may be asked again
    agree(&[&a, &a_late], &truth).await;
}

/// While the time of a tag's removal is still on its way from L2, the removal is missed and the
/// removed entry given: <https://github.com/dotnet/extensions/issues/7771>.
#[tokio::test(start_paused = true)]
async fn dotnet_extensions_7771_an_entry_is_not_given_before_it_is_known_when_its_tags_were_removed()
 {
    for fault in ["late", "failing", "silent"] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        truth.commit();
        assert!(a.remove_by_tag("red").await.unwrap().is_applied());
        let b = pod(&store).await;
        let asked = match fault {
            "failing" => L2Fault::Fail(L2ErrorKind::Unavailable),
            _ => L2Fault::HoldAnswer(gate.clone()),
        };
        b.l2.set(L2Operation::Purged, asked);
        let reading = read_behind(&b, &truth, &Gate::opened());
        moment().await;
        if fault == "late" {
            assert!(!reading.is_finished(), "nobody knows yet");
            gate.open();
        }
        assert_eq!(reading.await.unwrap().0, 2, "{fault}");
        assert_eq!(b.stats().l2_hits, 0, "{fault}");
    }
}

/// The update of another node overtakes the answer to an own put: the near cache keeps the own,
/// older value for ever and is told of nothing any more:
/// <https://issues.apache.org/jira/browse/IGNITE-627>, <https://github.com/apache/ignite/pull/13316>.
#[tokio::test(start_paused = true)]
async fn ignite_627_a_notice_that_overtakes_the_answer_to_an_own_set_is_not_lost() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let (a, b) = (pod(&store).await, pod(&store).await);
    a.l2.next(L2Operation::Put, L2Fault::HoldAnswer(gate.clone()));
    let cache = a.cache.clone();
    let setting = tokio::spawn(async move { cache.set("key", 10_u64).await });
    gate.arrivals(1).await;
    assert!(b.set("key", 11_u64).await.unwrap().is_applied());
    moment().await;
    assert_eq!(a.stats().notices, 2, "it was told before it was answered");
    gate.open();
    assert!(setting.await.unwrap().unwrap().is_applied());
    let value = |pod: &Pod| {
        let (cache, truth) = (pod.cache.clone(), truth.clone());
        async move { read(&cache, &truth).await.0 }
    };
    assert_eq!((value(&a).await, value(&b).await), (11, 11));
    // And it goes on being told.
    assert!(b.set("key", 12_u64).await.unwrap().is_applied());
    moment().await;
    assert_eq!(value(&a).await, 12);
}

/// An invalidation before a refresh has ended: the refresh still stores its value:
/// <https://github.com/ben-manes/caffeine/issues/193>.
#[tokio::test(start_paused = true)]
async fn caffeine_193_a_refresh_that_ends_after_an_invalidation_stores_nothing() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let (alone, shared) = (cache(), pod(&store).await);
    for cache in [&alone, &shared.cache] {
        read(cache, &truth).await;
        live(4 * MINUTE).await;
        let runs = truth.runs();
        read_behind(cache, &truth, &gate).await.unwrap();
        moment().await;
        assert_eq!(truth.runs(), runs + 1, "it is being refreshed");
        assert!(cache.remove("key").await.unwrap().is_applied());
        gate.let_through(1);
        moment().await;
        let found = cache.get::<_, u64>("key").await.unwrap();
        assert_eq!(found, None, "it came back");
    }
}

/// A refresh that does not end keeps the old value alive past its expiration:
/// <https://github.com/ben-manes/caffeine/issues/251>, as
/// <https://github.com/ben-manes/caffeine/issues/373> sums it up.
#[tokio::test(start_paused = true)]
async fn caffeine_251_a_refresh_that_does_not_end_keeps_no_value_past_its_duration() {
    let (store, truth) = (store(), Truth::new());
    let (alone, shared) = (cache(), pod(&store).await);
    for cache in [&alone, &shared.cache] {
        read(cache, &truth).await;
        live(5 * MINUTE - BOUND).await;
        let old = truth.version();
        let never = Gate::closed();
        assert_eq!(read_behind(cache, &truth, &never).await.unwrap().0, old);
        live(BOUND).await;
        let newest = truth.commit();
        assert_eq!(cache.get::<_, u64>("key").await.unwrap(), None, "strict");
        live(11 * BOUND).await; // its hard limit
        let (value, outcome) = read(cache, &truth).await;
        // The refresh that failed left the stale value for its throttle at most, labelled so.
        assert!(
            value == newest || outcome.is_stale(),
            "{value}: {outcome:?}"
        );
        live(MINUTE).await;
        let (value, outcome) = read(cache, &truth).await;
        assert_eq!((value, outcome.is_stale()), (newest, false));
        let hit = Outcome::Hit {
            level: Level::L1,
            stale: false,
        };
        assert_eq!(read(cache, &truth).await, (newest, hit));
    }
}
