//! Many requests at once for what is not in the cache.

mod support;

use futures::future::join_all;
use support::Api;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_for_one_cold_invoice_are_one_query() {
    let api = Api::start().await;
    let id = api.client.create("acme", "A-1", "7").await;
    let path = format!("/invoices/{id}");
    assert_eq!(api.queries("invoice_by_id").await, 0);

    let answers = join_all((0..200).map(|_| api.client.get("acme", &path))).await;

    assert_eq!(api.queries("invoice_by_id").await, 1);
    assert!(answers.iter().all(|answer| answer.body["id"] == *id));
    let stored = answers.iter().filter(|a| a.cache == support::MISS).count();
    assert_eq!(stored, 1);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_for_one_cold_summary_are_one_query() {
    let api = Api::start().await;
    api.client.create("acme", "A-1", "7").await;
    join_all((0..200).map(|_| api.client.get("acme", "/customers/7/summary"))).await;
    assert_eq!(api.queries("customer_summary").await, 1);
    api.stop().await;
}
