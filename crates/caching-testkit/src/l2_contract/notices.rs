//! Notices: what processes hear of each other's invalidations, where nothing is wrong.

use caching_core::{Backplane, L2, Mode, Notice};

use super::L2Fixture;
use super::invalidations::after;
use super::peer::{Peer, group_change, key, keys_change};

/// With keys, modes, groups and their clocks, as the log has them.
pub async fn each_invalidation_is_heard_with_its_number_in_order<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let [a, b, c] = one.keys();
    let at = one.known().await;
    let mut heard = two.listen().await;
    let group = "t:acme tag:customer 7, \u{e9} \"x\"";
    one.remove(&a).await;
    one.invalidate(&keys_change(&[&b, &c], Mode::Expire)).await;
    one.purge(group, Mode::Expire).await;
    one.put(&a, "1", None).await;
    one.put(&a, "2", Some(at)).await;
    let changes = [
        keys_change(&[&a], Mode::Remove),
        keys_change(&[&b, &c], Mode::Expire),
        group_change(group, 1, Mode::Expire),
        keys_change(&[&a], Mode::Remove),
        keys_change(&[&a], Mode::Remove),
    ];
    for (number, change) in (1..).zip(changes) {
        let notice = Notice {
            partition: one.partition(),
            at: after(at, number),
            change,
        };
        assert_eq!(heard.next().await, notice);
    }
}

/// It does not tell them from others', and need not.
pub async fn a_process_hears_its_own_invalidations<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let mut heard = peer.listen().await;
    let applied = peer.remove(&key("a")).await;
    assert_eq!(heard.next().await.at, applied.at);
}

/// Nor a refused one: nobody has anything to drop because of it.
pub async fn a_fill_is_heard_by_nobody<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let at = peer.known().await;
    let mut heard = peer.listen().await;
    peer.fill(&key("a"), "1", at).await;
    peer.remove(&key("a")).await;
    peer.fill(&key("a"), "1", at).await;
    peer.remove(&key("a")).await;
    assert_eq!(heard.next().await.at, after(at, 1));
    assert_eq!(heard.next().await.at, after(at, 2));
}

/// Each once, whoever sends them.
pub async fn concurrent_invalidations_are_heard_in_the_order_of_their_numbers<F: L2Fixture>(
    fixture: &F,
) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let at = one.known().await;
    let mut heard = one.listen().await;
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let l2 = if number % 2 == 0 { &one.l2 } else { &two.l2 };
            let (l2, partition) = (l2.clone(), one.partition());
            tokio::spawn(async move {
                let change = keys_change(&[&key("a")], Mode::Remove);
                l2.invalidate(partition, &change).await
            })
        })
        .collect();
    for number in 1..=200 {
        assert_eq!(heard.next().await.at, after(at, number));
    }
    for task in tasks {
        let applied = task.await.expect("none panics");
        applied.expect("an invalidation is answered");
    }
}

/// Others do.
pub async fn a_dropped_subscription_hears_nothing_more<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let listener = Box::new(move |notice| drop(sender.send(notice)));
    let subscription = peer.backplane.subscribe(listener).await;
    drop(subscription.expect("one can subscribe"));
    let mut heard = peer.listen().await;
    peer.remove(&key("a")).await;
    heard.next().await;
    // Its listener is dropped, or was not called.
    assert!(told.try_recv().is_err());
}

/// With why, so that who drives it does not wait for ever.
pub async fn a_closed_backplane_ends_its_subscriptions<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let heard = one.listen().await;
    let mut others = two.listen().await;
    one.backplane.close().await;
    heard.ended().await;
    let applied = two.remove(&key("a")).await;
    assert_eq!(others.next().await.at, applied.at);
}
