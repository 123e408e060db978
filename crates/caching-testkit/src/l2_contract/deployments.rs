//! Connections: who shares a store, and who does not.

use caching_core::{Asof, Deployment, L2, L2ErrorKind, Mode, PollAnswer};

use super::L2Fixture;
use super::peer::{BOUND, Peer, key};

/// What one stores the other reads, and what one invalidates is gone for both.
pub async fn two_connections_see_one_store<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    one.store(&key("a"), "1").await;
    assert_eq!(two.value(&key("a")).await.as_deref(), Some("1"));
    assert_eq!(one.known().await, two.known().await);
    let applied = two.remove(&key("a")).await;
    assert_eq!(one.value(&key("a")).await, None);
    assert_eq!(one.known().await, applied.at);
}

/// Neither records nor numbers, purges nor notices, although one prefix begins with the other.
pub async fn deployments_with_different_prefixes_do_not_meet<F: L2Fixture>(fixture: &F) {
    let one = Peer::join(fixture).await;
    let prefix = format!("{}-other", fixture.key_prefix());
    let other = Peer::join_as(fixture, &Deployment::new(prefix, BOUND)).await;
    let (at, of_other) = (one.known().await, other.known().await);
    assert_ne!(at.epoch, of_other.epoch);
    one.store(&key("a"), "1").await;
    assert_eq!(other.value(&key("a")).await, None);

    let mut heard = other.listen().await;
    one.remove(&key("a")).await;
    one.purge("*", Mode::Remove).await;
    assert_eq!(other.poll(of_other).await, PollAnswer::UpToDate);
    let purged = other.l2.purged(other.partition(), &["*".to_owned()]).await;
    assert_eq!(purged.expect("it is answered").times[0].removed, 0);
    let own = other.remove(&key("a")).await;
    assert_eq!(heard.next().await.at, own.at);
}

/// Closing one is no matter of the others.
pub async fn a_closed_connection_fails_and_others_go_on<F: L2Fixture>(fixture: &F) {
    let (one, two) = (Peer::join(fixture).await, Peer::join(fixture).await);
    let at = one.known().await;
    one.l2.close().await;
    let answer = one.l2.poll(one.partition(), Asof::default()).await;
    let error = answer.expect_err("it was closed");
    assert_eq!(error.kind, L2ErrorKind::Unavailable);
    assert_eq!(two.poll(at).await, PollAnswer::UpToDate);
}
