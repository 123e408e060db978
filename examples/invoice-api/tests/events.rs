//! Every write tells of itself after its commit, and only then.

mod support;

use caching_events::EventBus;
use serde_json::json;
use support::{Api, invoice};

/// Does a write and gives how many events it was followed by; a commit without one fails the test.
async fn events_of<T>(bus: &EventBus, write: impl Future<Output = T>) -> (T, u64) {
    let before = bus.stats();
    let outcome = write.await;
    let after = bus.stats();
    assert_eq!(
        after.silent_commits, before.silent_commits,
        "a silent commit"
    );
    (outcome, after.published - before.published)
}

#[tokio::test]
async fn each_write_raises_one_event_and_a_refused_write_none() {
    let api = Api::start().await;
    let bus = api.services.get::<EventBus>().expect("an event bus");
    let client = &api.client;
    let body = invoice("A-1", "7", "1");

    let (created, events) = events_of(&bus, client.post("acme", "/invoices", &body)).await;
    assert_eq!((created.status.as_u16(), events), (201, 1));
    let taken = events_of(&bus, client.post("acme", "/invoices", &body)).await;
    assert_eq!((taken.0.status.as_u16(), taken.1), (409, 0));

    let path = created.location;
    let put = events_of(&bus, client.put("acme", &path, &body)).await;
    assert_eq!((put.0.status.as_u16(), put.1), (200, 1));

    let pay = format!("{path}/pay");
    let paid = events_of(&bus, client.post("acme", &pay, &json!(null))).await;
    assert_eq!((paid.0.status.as_u16(), paid.1), (200, 1));
    let twice = events_of(&bus, client.post("acme", &pay, &json!(null))).await;
    assert_eq!((twice.0.status.as_u16(), twice.1), (409, 0));

    let deleted = events_of(&bus, client.delete("acme", &path)).await;
    assert_eq!((deleted.0.status.as_u16(), deleted.1), (204, 1));
    let gone = events_of(&bus, client.delete("acme", &path)).await;
    assert_eq!((gone.0.status.as_u16(), gone.1), (404, 0));

    let id = client.create("acme", "A-2", "7").await;
    let cancel = format!("/invoices/{id}/cancel");
    let cancelled = events_of(&bus, client.post("acme", &cancel, &json!(null))).await;
    assert_eq!((cancelled.0.status.as_u16(), cancelled.1), (200, 1));

    for scope in ["tenant", "global"] {
        let body = json!({"enabled": true, "scope": scope});
        let set = events_of(&bus, client.put("acme", "/features/x", &body)).await;
        assert_eq!((set.0.status.as_u16(), set.1), (200, 1));
    }
    assert!(bus.dead_letters().is_empty());
    api.stop().await;
}
