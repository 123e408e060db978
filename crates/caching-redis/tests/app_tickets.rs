//! `set` in several applications over a real server: which of two writers wins, with a ticket and without.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use app_support::*;
use caching_core::Ticket;
use caching_testkit::{Fault, RedisServer};

const OLD: u64 = 7_000_000;

async fn set(pod: &Pod, key: &str, value: u64, since: Option<Ticket>) {
    let set = pod.set(key, value).tags(["red"]);
    let set = match since {
        Some(ticket) => set.since(ticket),
        None => set,
    };
    assert!(set.await.unwrap().is_applied());
}

#[tokio::test]
async fn a_set_with_a_ticket_never_leaves_the_older_of_two_commits() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let [one, two] = &pods;
    for (key, other) in [("same", one), ("other", two)] {
        let source = Source::of(OLD);
        fill(&[one, two], key, &source).await;
        let (first, second) = (one.ticket(key), other.ticket(key));
        let (older, newer) = (source.commit(), source.commit());
        set(other, key, newer, Some(second)).await;
        assert_eq!(value_in(&server, key).await, Some(newer), "{key}");
        set(one, key, older, Some(first)).await; // late
        assert_eq!(
            value_in(&server, key).await,
            None,
            "{key}: it only invalidates"
        );
        after_the_bound(async {}).await;
        agree(&[one, two], key, &source, key).await;
        assert_eq!(value_in(&server, key).await, Some(newer), "{key}");
    }
}

#[tokio::test]
async fn a_ticket_from_before_any_invalidation_brings_nothing_back() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let [one, two] = &pods;
    for how in INVALIDATIONS {
        for (by, writer) in [("own", one), ("other", two)] {
            let (key, source) = (format!("{how}-{by}"), Source::of(OLD));
            fill(&[one, two], &key, &source).await;
            let ticket = one.ticket(&*key);
            heard_of(&[one, two], writer, how, &key, &source).await;
            let before = have_heard(&[one, two]).await;
            set(one, &key, OLD, Some(ticket)).await;
            // What a purge hides may be stored.
            if ["remove", "expire", "batch", "set"].contains(&how) {
                assert_eq!(value_in(&server, &key).await, None, "{key}");
            }
            // The other one has to hear of the set.
            until("both have heard", async || {
                has_heard(one) > before[0] && has_heard(two) > before[1]
            })
            .await;
            agree(&[one, two], &key, &source, &key).await;
        }
    }
}

#[tokio::test]
async fn a_ticket_that_nothing_came_after_stores_the_value_for_all_pods() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let source = Source::of(OLD);
    fill(&[&one, &two], "a", &source).await;
    let ticket = one.ticket("a");
    let newest = source.commit();
    set(&one, "a", newest, Some(ticket)).await;
    assert_eq!(value_in(&server, "a").await, Some(newest));
    after_the_bound(async {}).await;
    agree(&[&one, &two], "a", &source, "a").await;
    assert_eq!(source.runs(), 1, "nobody had to load it");
}

#[tokio::test]
async fn without_a_ticket_the_last_in_redis_wins_on_every_pod_whatever_answer_comes_first() {
    let server = RedisServer::start().await.unwrap();
    let (one, first) = through(&server, "").await;
    let (two, second) = through(&server, "").await;
    let cold = Pod::start(&server).await;
    let source = Source::of(OLD);
    let links = [&first, &second];
    for (key, order) in [("a", [0, 1]), ("b", [1, 0])] {
        source.write(OLD);
        fill(&[&one, &two], key, &source).await;
        let mut sets = Vec::new();
        for (pod, link) in [&one, &two].into_iter().zip(links) {
            let heard = have_heard(&[&two]).await[0];
            link.set_to_client(Fault::Hold);
            let (cache, value) = ((**pod).clone(), source.commit());
            sets.push(tokio::spawn(async move { cache.set(key, value).await }));
            until("it is there", async || {
                value_in(&server, key).await == Some(value)
            })
            .await;
            // Who has not heard of another write puts the value once more, after an answer.
            until("the other has heard", async || {
                value == OLD + 2 || has_heard(&two) > heard
            })
            .await;
        }
        for answered in order {
            links[answered].heal();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        for set in sets {
            assert!(set.await.unwrap().unwrap().is_applied());
        }
        after_the_bound(async {}).await;
        let runs = source.runs();
        agree(&[&one, &two, &cold], key, &source, key).await;
        assert_eq!(source.runs(), runs, "{key}: nobody had to load it");
        assert_eq!(value_in(&server, key).await, Some(OLD + 2));
    }
}
