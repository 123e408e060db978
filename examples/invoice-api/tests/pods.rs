//! Several pods over one Redis: what one writes, all see, and what Redis holds nobody can read.

mod support;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use support::{Answer, Client, HIT, Program, deployment::Deployment, invoice, until};

/// The settings of the repository; generous for a busy machine.
const BOUND: Duration = Duration::from_secs(1);

/// Asks each pod until it gives what is expected, and fails where that takes longer than the bound.
async fn seen_by_all(pods: &[Program], written: Instant, path: &str, expected: (&str, &Value)) {
    for pod in pods {
        loop {
            let asked = Instant::now();
            let answer = pod.client.get("acme", path).await;
            if answer.body.pointer(expected.0) == Some(expected.1) {
                break;
            }
            let late = asked.duration_since(written);
            assert!(
                late < BOUND,
                "{late:?} after the write: {path} gives {answer:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_one_pod_is_seen_on_the_others_within_the_bound() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let id = pods[0].client.create("acme", "A-1", "7").await;
    let one = format!("/invoices/{id}");
    let paths = [
        one.clone(),
        "/invoices?number=A-1".to_owned(),
        "/customers/7/summary".to_owned(),
        "/customers/7/invoices".to_owned(),
        "/features/dark".to_owned(),
    ];
    for turn in 0..6_usize {
        // Everybody keeps everything.
        for pod in &pods {
            for path in &paths {
                pod.client.get("acme", path).await;
                let again = pod.client.get("acme", path).await;
                assert_eq!(again.cache, HIT, "{path}");
            }
        }
        let writer = &pods[turn % 3].client;
        let price = format!("{turn}.50");
        let put = writer.put("acme", &one, &invoice("A-1", "7", &price)).await;
        assert_eq!(put.status, 200, "{put:?}");
        let written = Instant::now();
        let total = json!(price);
        for (path, place) in [
            (one.as_str(), "/total"),
            ("/invoices?number=A-1", "/0/total"),
            ("/customers/7/summary", "/total"),
            ("/customers/7/invoices", "/0/total"),
        ] {
            seen_by_all(&pods, written, path, (place, &total)).await;
        }
        let flag = json!({"enabled": turn % 2 == 0, "scope": "global"});
        let put = writer.put("globex", "/features/dark", &flag).await;
        assert!(put.status.is_success(), "{put:?}");
        let written = Instant::now();
        seen_by_all(
            &pods,
            written,
            "/features/dark",
            ("/enabled", &flag["enabled"]),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_that_was_not_there_is_found_on_all_pods_once_it_is_created() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<2>().await;
    let path = "/invoices?number=A-1";
    for pod in &pods {
        assert_eq!(pod.client.get("acme", path).await.body, json!([]));
        assert_eq!(pod.client.get("acme", path).await.cache, HIT);
    }
    pods[1].client.create("acme", "A-1", "7").await;
    seen_by_all(&pods, Instant::now(), path, ("/0/number", &json!("A-1"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_pod_loaded_another_finds_in_redis() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<2>().await;
    let id = pods[0].client.create("acme", "A-1", "7").await;
    let path = format!("/invoices/{id}");
    let loaded = pods[0].client.get("acme", &path).await;
    assert_eq!(loaded.cache, "invoice-api; fwd=miss; stored");
    let found = pods[1].client.get("acme", &path).await;
    assert_eq!(found.cache, "invoice-api; hit; detail=l2");
    assert_eq!(found.body, loaded.body);
    assert_eq!(pods[1].client.get("acme", &path).await.cache, HIT);
    // Another tenant finds neither.
    assert_eq!(pods[1].client.get("globex", &path).await.status, 404);
}

/// Fills every kind of record there is.
async fn fill(client: &Client) -> String {
    let line = json!({
        "sku": "SECRET-SKU", "description": "SECRET ".repeat(100), "quantity": 1, "unit_price": "12345.67",
    });
    // Long enough to be compressed, too.
    let body = json!({
        "number": "SECRET-NUMBER", "customer_id": "secret-customer", "currency": "GBP", "lines": vec![line; 5],
    });
    let created: Answer = client.post("acme", "/invoices", &body).await;
    assert_eq!(created.status, 201, "{created:?}");
    for path in [
        created.location.as_str(),
        "/invoices?number=SECRET-NUMBER",
        "/customers/secret-customer/summary",
        "/customers/secret-customer/invoices",
        "/features/dark",
        "/invoices/00000000-0000-7000-8000-000000000000",
    ] {
        client.get("acme", path).await;
    }
    created.body["id"].as_str().expect("an id").to_owned()
}

/// The records that are no records of the cache itself, once as many are there as were stored.
async fn records(deployment: &Deployment) -> Vec<String> {
    let mut found = Vec::new();
    until("all records are in Redis", async || {
        found = deployment.keys().await;
        found.retain(|key| !key.contains("}:@"));
        found.len() >= 8
    })
    .await;
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_redis_name_tenant_and_kind_and_their_values_are_ciphertext() {
    let deployment = Deployment::start().await;
    let [pod] = deployment.pods().await;
    let id = fill(&pod.client).await;
    let keys = records(&deployment).await;
    for expected in [
        format!("{{invoice-api}}:t:acme:invoice:{id}"),
        "{invoice-api}:t:acme:invoice:00000000-0000-7000-8000-000000000000".to_owned(),
        "{invoice-api}:t:acme:invoice_number:SECRET-NUMBER".to_owned(),
        "{invoice-api}:t:acme:customer_summary:secret-customer".to_owned(),
        "{invoice-api}:t:acme:customer_invoices:secret-customer:1:20".to_owned(),
        "{invoice-api}:t:acme:feature:dark".to_owned(),
        "{invoice-api}:shared:feature_global:dark".to_owned(),
        "{invoice-api}:shared:tenants:all".to_owned(),
    ] {
        assert!(keys.contains(&expected), "{expected} is not in {keys:#?}");
    }
    for key in &keys {
        let bytes = deployment.bytes(key).await;
        for word in [
            "SECRET",
            "12345",
            "61728",
            "GBP",
            "acme",
            "globex",
            "true",
            "false",
            id.as_str(),
        ] {
            let is_there = bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes());
            assert!(!is_there, "{word} can be read under {key}");
        }
        let sealed = bytes.windows(4).any(|part| part == b"\xC1XG\x01");
        assert!(sealed, "what is under {key} is not sealed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_encryption_values_can_be_read_in_redis_which_the_test_above_would_notice() {
    let deployment = Deployment::start().await;
    let mut command = deployment.plain_command();
    command.env("APP__CACHE__ENCRYPTION__ALLOW_PLAINTEXT", "true");
    let [pod] = deployment.run([command]).await;
    fill(&pod.client).await;
    records(&deployment).await;
    let bytes = deployment
        .bytes("{invoice-api}:t:acme:customer_summary:secret-customer")
        .await;
    assert!(bytes.windows(5).any(|part| part == b"61728"), "{bytes:?}"); // 5 × 12345.67
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_of_coherence_are_exported() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<2>().await;
    let id = pods[0].client.create("acme", "A-1", "7").await;
    pods[1].client.get("acme", &format!("/invoices/{id}")).await;
    let pay = pods[0]
        .client
        .request(Method::POST, &format!("/invoices/{id}/pay"));
    let paid = pay
        .header("x-tenant-id", "acme")
        .send()
        .await
        .expect("an answer");
    assert_eq!(paid.status(), 200);
    until("the other one has heard of it", async || {
        pods[1].client.number("cache_notices_heard_total").await > 0
    })
    .await;
    assert!(pods[0].client.number("cache_notices_sent_total").await > 0);
    assert!(
        pods[0]
            .client
            .number("cache_propagation_seconds_count")
            .await
            > 0
    );
    assert!(pods[1].client.number("cache_lease_left_milliseconds").await <= 1000);
    assert_eq!(
        pods[1].client.number("cache_bound_milliseconds").await,
        1000
    );
    assert_eq!(pods[1].client.number("cache_store_answering").await, 1);
    assert_eq!(pods[1].client.number("cache_notices_hearing").await, 1);
    assert_eq!(pods[1].client.number("cache_queue_length").await, 0);
}
