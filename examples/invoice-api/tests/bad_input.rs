//! Bad input gets a clear answer and harms nothing.

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{Answer, Api, answer, invoice};

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.media, "application/problem+json", "{answer:?}");
    assert_eq!(answer.body["status"], status, "{answer:?}");
    assert!(answer.body["detail"].is_string(), "{answer:?}");
}

#[tokio::test]
async fn a_request_without_a_tenant_or_with_a_wrong_one_is_refused() {
    let api = Api::start().await;
    let path = "/invoices?number=A-1";
    is_problem(&answer(api.client.request(Method::GET, path)).await, 400);
    is_problem(&api.client.get("nobody", path).await, 403);
    for forged in [
        "acme:invoice",
        "../acme",
        "ACME",
        "acme acme",
        "acme,globex",
        "*",
        "",
        "acme%00",
    ] {
        let refused = api.client.get(forged, path).await;
        is_problem(&refused, 400);
    }
    let two = api
        .client
        .request(Method::GET, path)
        .header("x-tenant-id", "acme")
        .header("x-tenant-id", "globex");
    let two = answer(two).await;
    assert!(two.status.is_client_error(), "{two:?}");
    api.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused() {
    let api = Api::start().await;
    let send = async |media: &str, body: &str| {
        let request = api
            .client
            .request(Method::POST, "/invoices")
            .header("x-tenant-id", "acme")
            .header("content-type", media)
            .body(body.to_owned());
        answer(request).await
    };
    for malformed in ["", "{", "{\"number\":", "[1,]", "{\"number\":\"\\ud8\"}"] {
        is_problem(&send("application/json", malformed).await, 400);
    }
    is_problem(&send("application/json", &"[".repeat(100_000)).await, 400);
    is_problem(&send("text/plain", "{}").await, 415);
    for shape in ["{}", "[]", "7", "null", "{\"number\":7}"] {
        is_problem(&send("application/json", shape).await, 422);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused() {
    let api = Api::start().await;
    let mut body = invoice("A-1", "7", "1");
    body["lines"][0]["description"] = Value::String("x".repeat(10 * 1024 * 1024));
    // The server may close the connection while the client still writes, which is an answer, too.
    let sent = api
        .client
        .request(Method::POST, "/invoices")
        .header("x-tenant-id", "acme")
        .json(&body)
        .send()
        .await;
    if let Ok(response) = sent {
        assert_eq!(response.status(), 413);
    }
    let invoices = api.client.get("acme", "/invoices?number=A-1").await;
    assert_eq!(invoices.body, json!([]));
    api.stop().await;
}

#[tokio::test]
async fn amounts_that_are_negative_overflow_or_are_no_decimals_are_refused() {
    let api = Api::start().await;
    let huge = "9".repeat(400);
    for price in [
        "-1",
        "-0.01",
        "1e9",
        "NaN",
        "1,00",
        "",
        "0.00001",
        "1000000000000.01",
        &huge,
    ] {
        let body = invoice("A-1", "7", price);
        let refused = api.client.post("acme", "/invoices", &body).await;
        is_problem(&refused, 422);
        assert_eq!(refused.body["errors"][0]["pointer"], "#/lines/0/unit_price");
    }
    for quantity in [
        json!(-1),
        json!(1_000_000_001),
        json!(1e30),
        json!(1.5),
        json!("1"),
    ] {
        let mut body = invoice("A-1", "7", "1");
        body["lines"][0]["quantity"] = quantity;
        is_problem(&api.client.post("acme", "/invoices", &body).await, 422);
    }
    let mut body = invoice("A-1", "7", "999999999999");
    body["lines"][0]["quantity"] = json!(1_000_000_000);
    is_problem(&api.client.post("acme", "/invoices", &body).await, 422);
    let mut body = invoice("A-1", "7", "999999999999");
    body["lines"] = json!([body["lines"][0], body["lines"][0]]);
    is_problem(&api.client.post("acme", "/invoices", &body).await, 422);
    let summary = api.client.get("acme", "/customers/7/summary").await;
    assert_eq!(summary.body["invoices"], 0);
    api.stop().await;
}

#[tokio::test]
async fn sums_of_the_largest_invoices_stay_exact() {
    let api = Api::start().await;
    for number in ["A-1", "A-2", "A-3"] {
        let body = invoice(number, "7", "999999999999.9999");
        let created = api.client.post("acme", "/invoices", &body).await;
        assert_eq!(created.status, 201);
    }
    let summary = api.client.get("acme", "/customers/7/summary").await;
    assert_eq!(summary.body["total"], "2999999999999.9997");
    api.stop().await;
}

#[tokio::test]
async fn ids_with_separators_and_control_characters_reach_nothing_else() {
    let api = Api::start().await;
    let client = &api.client;
    client.create("acme", "A-1", "7").await;
    for id in ["not-a-uuid", "%00", "..%2F..", "7:x", "%F0%9F%92%A5", "*"] {
        is_problem(&client.get("acme", &format!("/invoices/{id}")).await, 400);
    }
    is_problem(&client.get("acme", "/invoices/%ff").await, 400);
    is_problem(&client.get("acme", "/customers/a%00b/summary").await, 400);
    is_problem(&client.get("acme", "/customers/a%0Ab/invoices").await, 400);
    is_problem(
        &client
            .get("acme", &format!("/customers/{}/summary", "x".repeat(65)))
            .await,
        400,
    );
    is_problem(&client.get("acme", "/features/a%3Ab").await, 400);
    is_problem(&client.get("acme", "/invoices?number=%00").await, 400);
    is_problem(&client.get("acme", "/invoices").await, 400);
    for page in [
        "page=0",
        "page=-1",
        "page=x",
        "page=4294967296",
        "per_page=0",
        "per_page=101",
    ] {
        is_problem(
            &client
                .get("acme", &format!("/customers/7/invoices?{page}"))
                .await,
            400,
        );
    }
    // Separators are part of the id and escape nowhere.
    let odd = client.create("acme", "A-2", "7:x").await;
    let summary = client.get("acme", "/customers/7/summary").await;
    assert_eq!(summary.body["invoices"], 1);
    let listed = client.get("acme", "/customers/7%3Ax/invoices").await;
    assert_eq!(listed.body[0]["id"], *odd);
    api.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let api = Api::start().await;
    is_problem(&api.client.get("acme", "/nothing").await, 404);
    is_problem(&api.client.delete("acme", "/invoices").await, 405);
    is_problem(
        &api.client
            .post("acme", "/customers/7/summary", &json!({}))
            .await,
        405,
    );
    api.stop().await;
}
