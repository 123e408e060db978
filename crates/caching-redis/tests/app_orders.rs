//! Notices, fills and loads of several applications over a real server, in whatever order they arrive.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::{Duration, Instant};

use app_support::*;
use caching_core::EntryOptions;
use caching_testkit::{Fault, FaultProxy, Gate, RedisServer};

const OLD: u64 = 7_000_000;
const CHANNEL: &str = "{shop}:@notices";
const LOG: &str = "{shop}:@log";

/// Which of the two arrives first at the pod that loads, or leaves it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    NoticeThenFill,
    FillThenNotice,
}

/// The old value stands in Redis, and not as a fallback only.
async fn has_old(server: &RedisServer, key: &str) -> bool {
    value_in(server, key).await == Some(OLD) && !is_marked_expired(server, key).await
}

/// One pod loads a key, the other invalidates it; what is later of notice and fill is so by this delay.
async fn late_by(server: &RedisServer, how: &str, order: Order, delay: Duration) {
    let case = format!("{how}-{order:?}-{delay:?}");
    let key = case.as_str();
    let (loader, proxy) = through(server, "").await;
    let (writer, source) = (Pod::start(server).await, Source::of(OLD));
    let (gate, none) = (Gate::closed(), EntryOptions::new());
    until("it hears", async || {
        loader.read("warm", &source).await;
        loader.shared_status().unwrap().is_hearing
    })
    .await;
    let before = read_behind(&loader, key, &source, &gate, none);
    gate.arrivals(1).await;
    match order {
        Order::NoticeThenFill => {
            proxy.set_to_server(Fault::Hold);
            gate.open();
            // Until it has sent its fill, which shows nowhere.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Order::FillThenNotice => {
            proxy.set_to_client(Fault::Hold);
            gate.open();
            until("it is filled", async || has_old(server, key).await).await;
        }
    }
    source.commit();
    let done = invalidate(&writer, how, key, &source).await;
    let invalidated = Instant::now();
    assert!(done.is_applied(), "{case}");
    while invalidated.elapsed() < delay {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let asked = invalidated.elapsed();
        let kept = loader.peek::<_, u64>(key).unwrap();
        let is_old = kept.is_some_and(|kept| *kept == OLD);
        assert!(!is_old || asked < BOUND, "{case}: given after {asked:?}");
    }
    proxy.heal();
    assert_eq!(before.await.unwrap().0, OLD, "{case}: it had asked before");
    after_the_bound(async {}).await;
    // What a purge has hidden may stand there.
    if ["remove", "expire", "set"].contains(&how) {
        assert!(!has_old(server, key).await, "{case}");
    }
    agree(&[&loader, &writer], key, &source, &case).await;
    assert_eq!(value_in(server, key).await, Some(source.value()), "{case}");
}

const DELAYS: [u64; 4] = [0, 100, 700, 2_200];

/// All delays in both orders at the same time.
async fn late_by_anything(server: &RedisServer, how: &str) {
    let mut cases = Vec::new();
    for delay in DELAYS.map(Duration::from_millis) {
        for order in [Order::NoticeThenFill, Order::FillThenNotice] {
            cases.push(late_by(server, how, order, delay));
        }
    }
    together(cases).await;
}

#[tokio::test]
async fn notice_and_fill_in_either_order_and_delayed_by_any_amount_end_the_same() {
    let server = RedisServer::start().await.unwrap();
    let hows = ["remove", "expire", "set"].map(|how| late_by_anything(&server, how));
    together(hows).await;
}

#[tokio::test]
async fn a_purge_and_a_fill_in_either_order_and_delayed_by_any_amount_end_the_same() {
    // A purge is about all keys of a server, so that each case has one of its own.
    let mut cases = Vec::new();
    for (how, delay) in [("remove_by_tag", 100), ("clear", 2_200)] {
        for order in [Order::NoticeThenFill, Order::FillThenNotice] {
            cases.push(async move {
                let server = RedisServer::start().await.unwrap();
                late_by(&server, how, order, Duration::from_millis(delay)).await;
            });
        }
    }
    together(cases).await;
}

/// Every notice that was sent so far, as it was.
async fn notices(server: &RedisServer) -> Vec<String> {
    let epoch = redis(server, ["HGET", "{shop}:@control", "e"]).await;
    let log = redis(server, ["XRANGE", LOG, "-", "+"]).await;
    let entries = log.items().iter().map(|entry| {
        let [id, change] = entry.items() else {
            unreachable!("an entry is an id and its fields")
        };
        let number = id.text().unwrap().trim_end_matches("-0");
        let change = change.items()[1].text().unwrap();
        format!("1 {} {number} {change}", epoch.text().unwrap())
    });
    entries.collect()
}

#[tokio::test]
async fn notices_out_of_order_twice_late_or_from_nowhere_bring_nothing_back_and_take_nothing() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let source = Source::of(OLD);
    fill(&[&one, &two], "a", &source).await;
    for how in INVALIDATIONS {
        heard_of(&[&one, &two], &one, how, "a", &source).await;
    }
    agree(&[&one, &two], "a", &source, "at first").await;
    let sent = notices(&server).await;
    assert_eq!(sent.len(), INVALIDATIONS.len());
    let (runs, heard) = (source.runs(), two.stats().notices);
    let late = sent.iter().rev().chain(&sent).chain(sent.iter().rev());
    for notice in late {
        redis(&server, ["PUBLISH", CHANNEL, notice]).await;
    }
    until("all of them came", async || {
        two.stats().notices == heard + 3 * sent.len() as u64
    })
    .await;
    assert_eq!(two.stats().gaps, 0, "what is known already is no news");

    // One that is ahead, and one of another epoch: the pod asks Redis, which knows of neither.
    let (known, _) = sent[0].split_at(35);
    let ahead = format!("{known}999 kr shared plain:a");
    let elsewhere = format!("1 {} 1 kr shared plain:a", "7".repeat(32));
    for notice in [&ahead, &elsewhere] {
        redis(&server, ["PUBLISH", CHANNEL, notice]).await;
    }
    until("they were noticed", async || two.stats().gaps == 2).await;
    agree(&[&one, &two], "a", &source, "after all of them").await;
    assert_eq!(source.runs(), runs, "nothing had to be loaded again");
    assert_eq!(two.stats().breaks, 0);
    // And what comes then is heard.
    heard_of(&[&one, &two], &one, "remove", "a", &source).await;
    agree(&[&one, &two], "a", &source, "what came then").await;
}

/// A load stands still on a pod that loses touch with Redis; then another pod invalidates.
async fn loaded_across_a_lapse(server: &RedisServer, case: &str) {
    let (lost, proxy): (Pod, FaultProxy) = through(server, "").await;
    let (writer, source) = (Pod::start(server).await, Source::of(OLD));
    let (gate, none) = (Gate::closed(), EntryOptions::new());
    let before = read_behind(&lost, case, &source, &gate, none.clone());
    gate.arrivals(1).await;
    let joined = match case {
        "joined-before-a-lapse" => Some(&lost),
        "of-another-pod" => Some(&writer),
        _ => None,
    };
    let joined = joined.map(|pod| read_behind(pod, case, &source, &gate, none.clone()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    proxy.set(Fault::Hold);
    until("its lease is over", async || {
        !lost.shared_status().unwrap().is_current()
    })
    .await;
    let (newest, heard) = (source.commit(), has_heard(&lost));
    assert!(writer.remove(case).await.unwrap().is_applied());
    after_the_bound(async {}).await;
    assert_eq!(has_heard(&lost), heard, "{case}: nobody has told it");
    let late = read_with(&lost, case, &source, none).await;
    assert_eq!(late.0, newest, "{case}: it joined the past");
    gate.open();
    assert_eq!(before.await.unwrap().0, OLD, "{case}");
    if let Some(joined) = joined {
        joined.await.unwrap();
    }
    proxy.heal();
    after_the_bound(async {}).await;
    agree(&[&lost, &writer], case, &source, case).await;
    assert!(!has_old(server, case).await, "{case}");
}

#[tokio::test]
async fn a_load_that_joined_nobody_joined_before_a_lapse_or_was_of_another_pod_obeys_the_same_rule()
{
    let server = RedisServer::start().await.unwrap();
    let cases = ["joined-nobody", "joined-before-a-lapse", "of-another-pod"];
    let cases = cases.map(|case| loaded_across_a_lapse(&server, case));
    together(cases).await;
}
