//! Every write, followed by every read of the same and of another tenant.

mod support;

use serde_json::json;
use support::{Api, HIT, MISS, invoice};

/// All reads of one invoice and its customer, as acme and as globex see them.
struct Reads<'a> {
    api: &'a Api,
    id: String,
    number: &'a str,
    customer: &'a str,
}

impl Reads<'_> {
    fn paths(&self) -> [String; 4] {
        [
            format!("/invoices/{}", self.id),
            format!("/invoices?number={}", self.number),
            format!("/customers/{}/invoices", self.customer),
            format!("/customers/{}/summary", self.customer),
        ]
    }

    /// Fills the cache with what is true now.
    async fn warm(&self) {
        for tenant in ["acme", "globex"] {
            for path in self.paths() {
                self.api.client.get(tenant, &path).await;
                let again = self.api.client.get(tenant, &path).await;
                assert_eq!(again.cache, HIT, "{tenant} {path}");
            }
        }
    }

    /// What acme sees: once from the database, once from the cache; and that globex still sees nothing, out of
    /// its own entries, which no write of acme touches.
    async fn see(&self, status: Option<&str>, total: &str, outstanding: &str) {
        let [by_id, by_number, list, summary] = self.paths();
        for expected in [MISS, HIT] {
            let client = &self.api.client;
            let invoice = client.get("acme", &by_id).await;
            assert_eq!(invoice.cache, expected, "by id");
            let found = client.get("acme", &by_number).await;
            let listed = client.get("acme", &list).await;
            let sum = client.get("acme", &summary).await;
            assert_eq!(sum.cache, expected, "summary");
            assert_eq!(sum.body["total"], total);
            assert_eq!(sum.body["outstanding"], outstanding);
            match status {
                Some(status) => {
                    assert_eq!(invoice.status, 200);
                    assert_eq!(invoice.body["status"], status);
                    assert_eq!(found.body, json!([invoice.body]));
                    assert_eq!(listed.body, json!([invoice.body]));
                    assert_eq!(sum.body["invoices"], 1);
                }
                None => {
                    assert_eq!(invoice.status, 404);
                    assert_eq!(found.body, json!([]));
                    assert_eq!(listed.body, json!([]));
                    assert_eq!(sum.body["invoices"], 0);
                }
            }
            if expected == HIT {
                assert_eq!(found.cache, HIT, "by number");
                assert_eq!(listed.cache, HIT, "list");
            }
            self.globex_sees_nothing().await;
        }
    }

    async fn globex_sees_nothing(&self) {
        let [by_id, by_number, list, summary] = self.paths();
        let client = &self.api.client;
        let other = client.get("globex", &by_id).await;
        assert_eq!((other.status.as_u16(), other.cache.as_str()), (404, HIT));
        for path in [by_number, list] {
            let other = client.get("globex", &path).await;
            assert_eq!((other.body, other.cache.as_str()), (json!([]), HIT));
        }
        let other = client.get("globex", &summary).await;
        assert_eq!(other.body["invoices"], 0);
        assert_eq!(other.cache, HIT);
    }
}

#[tokio::test]
async fn each_read_after_each_write_is_right_for_its_tenant_and_says_where_it_came_from() {
    let api = Api::start().await;
    let client = &api.client;

    // Not-found is kept, and cleared by the invoice that then comes.
    let nothing = client.get("acme", "/invoices?number=A-1").await;
    assert_eq!((nothing.body, nothing.cache.as_str()), (json!([]), MISS));
    let kept = client.get("acme", "/invoices?number=A-1").await;
    assert_eq!(kept.cache, HIT);
    client.get("acme", "/customers/7/invoices").await;
    client.get("acme", "/customers/7/summary").await;

    let created = client
        .post("acme", "/invoices", &invoice("A-1", "7", "2.55"))
        .await;
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(created.location, format!("/invoices/{id}"));
    let reads = Reads {
        api: &api,
        id: id.clone(),
        number: "A-1",
        customer: "7",
    };
    for path in reads.paths() {
        client.get("globex", &path).await;
    }
    reads.see(Some("open"), "2.55", "2.55").await;

    reads.warm().await;
    let changed = client
        .put("acme", &created.location, &invoice("A-1", "7", "0.001"))
        .await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["version"], 2);
    reads.see(Some("open"), "0.001", "0.001").await;

    reads.warm().await;
    let paid = client
        .post("acme", &format!("/invoices/{id}/pay"), &json!(null))
        .await;
    assert_eq!(paid.body["status"], "paid");
    reads.see(Some("paid"), "0.001", "0.00").await;

    reads.warm().await;
    assert_eq!(client.delete("acme", &created.location).await.status, 204);
    reads.see(None, "0.00", "0.00").await;

    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_invoice_is_read_as_cancelled() {
    let api = Api::start().await;
    let id = api.client.create("acme", "A-1", "7").await;
    let reads = Reads {
        api: &api,
        id: id.clone(),
        number: "A-1",
        customer: "7",
    };
    reads.warm().await;
    let cancelled = api
        .client
        .post("acme", &format!("/invoices/{id}/cancel"), &json!(null))
        .await;
    assert_eq!(cancelled.body["status"], "cancelled");
    reads.see(Some("cancelled"), "10.00", "0.00").await;
    api.stop().await;
}

#[tokio::test]
async fn an_invoice_that_moves_leaves_its_old_number_and_customer_and_arrives_at_the_new() {
    let api = Api::start().await;
    let client = &api.client;
    let id = client.create("acme", "A-1", "7").await;
    let paths = [
        "/invoices?number=A-1",
        "/invoices?number=A-2",
        "/customers/7/invoices",
        "/customers/8/invoices",
        "/customers/7/summary",
        "/customers/8/summary",
    ];
    for path in paths {
        client.get("acme", path).await;
    }
    let moved = client
        .put(
            "acme",
            &format!("/invoices/{id}"),
            &invoice("A-2", "8", "5"),
        )
        .await;
    assert_eq!(moved.status, 200);

    let mut seen = Vec::new();
    for path in paths {
        let body = client.get("acme", path).await.body;
        seen.push(match body.as_array() {
            Some(list) => list.len() as u64,
            None => body["invoices"].as_u64().expect("a count"),
        });
    }
    assert_eq!(seen, [0, 1, 0, 1, 0, 1]);
    api.stop().await;
}

#[tokio::test]
async fn an_invoice_changes_only_along_its_states() {
    let api = Api::start().await;
    let client = &api.client;
    let paid = client.create("acme", "A-1", "7").await;
    let cancelled = client.create("acme", "A-2", "7").await;
    let act = async |id: &str, action: &str| {
        let path = format!("/invoices/{id}/{action}");
        client
            .post("acme", &path, &json!(null))
            .await
            .status
            .as_u16()
    };
    assert_eq!(act(&paid, "pay").await, 200);
    assert_eq!(act(&cancelled, "cancel").await, 200);
    for id in [&paid, &cancelled] {
        assert_eq!(act(id, "pay").await, 409);
        assert_eq!(act(id, "cancel").await, 409);
    }
    let body = invoice("A-3", "7", "1");
    let put = async |id: &str| {
        let answer = client.put("acme", &format!("/invoices/{id}"), &body).await;
        (answer.status.as_u16(), answer.media)
    };
    assert_eq!(put(&paid).await, (200, "application/json".to_owned()));
    assert_eq!(
        put(&cancelled).await,
        (409, "application/problem+json".to_owned())
    );
    api.stop().await;
}

#[tokio::test]
async fn a_number_is_taken_within_its_tenant_only_and_free_again_after_a_delete() {
    let api = Api::start().await;
    let client = &api.client;
    let id = client.create("acme", "A-1", "7").await;
    let other = client.create("acme", "A-2", "7").await;
    client.create("globex", "A-1", "7").await;

    let again = client
        .post("acme", "/invoices", &invoice("A-1", "9", "1"))
        .await;
    assert_eq!(again.status, 409);
    let onto = client
        .put(
            "acme",
            &format!("/invoices/{other}"),
            &invoice("A-1", "9", "1"),
        )
        .await;
    assert_eq!(onto.status, 409);
    let unchanged = client.get("acme", &format!("/invoices/{other}")).await;
    assert_eq!(unchanged.body["version"], 1);
    assert_eq!(unchanged.body["lines"][0]["unit_price"], "10.00");

    client.delete("acme", &format!("/invoices/{id}")).await;
    client.create("acme", "A-1", "9").await;
    api.stop().await;
}

#[tokio::test]
async fn nobody_reaches_an_invoice_of_another_tenant() {
    let api = Api::start().await;
    let client = &api.client;
    let id = client.create("acme", "A-1", "7").await;
    let path = format!("/invoices/{id}");
    let before = client.get("acme", &path).await.body;

    assert_eq!(client.get("globex", &path).await.status, 404);
    let body = invoice("X", "x", "1");
    assert_eq!(client.put("globex", &path, &body).await.status, 404);
    assert_eq!(client.delete("globex", &path).await.status, 404);
    for action in ["pay", "cancel"] {
        let path = format!("{path}/{action}");
        assert_eq!(client.post("globex", &path, &json!(null)).await.status, 404);
    }
    assert_eq!(client.get("acme", &path).await.body, before);
    api.stop().await;
}

#[tokio::test]
async fn a_feature_of_everybody_reaches_each_tenant_that_has_not_set_its_own() {
    let api = Api::start().await;
    let client = &api.client;
    let path = "/features/new-checkout";
    let see = async |tenant: &str| {
        let answer = client.get(tenant, path).await;
        let again = client.get(tenant, path).await;
        assert_eq!((&again.body, again.cache.as_str()), (&answer.body, HIT));
        (answer.status.as_u16(), answer.body["enabled"].clone())
    };
    let set = async |tenant: &str, enabled: bool, scope: &str| {
        let body = json!({"enabled": enabled, "scope": scope});
        assert_eq!(client.put(tenant, path, &body).await.status, 200);
    };
    assert_eq!(see("acme").await.0, 404);
    assert_eq!(see("globex").await.0, 404);

    set("acme", true, "global").await;
    assert_eq!(see("acme").await, (200, json!(true)));
    assert_eq!(see("globex").await, (200, json!(true)));

    set("globex", false, "tenant").await;
    assert_eq!(see("acme").await, (200, json!(true)));
    assert_eq!(see("globex").await, (200, json!(false)));

    set("globex", false, "global").await;
    assert_eq!(see("acme").await, (200, json!(false)));
    set("acme", true, "global").await;
    assert_eq!(see("acme").await, (200, json!(true)));
    assert_eq!(see("globex").await, (200, json!(false)));
    api.stop().await;
}

#[tokio::test]
async fn a_customers_list_comes_in_pages_the_latest_first() {
    let api = Api::start().await;
    let client = &api.client;
    for number in ["A-1", "A-2", "A-3"] {
        client.create("acme", number, "7").await;
    }
    let numbers = async |page: u32| {
        let path = format!("/customers/7/invoices?page={page}&per_page=2");
        let list = client.get("acme", &path).await.body;
        let list = list.as_array().expect("a list").clone();
        list.iter()
            .map(|i| i["number"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(1).await, ["A-3", "A-2"]);
    assert_eq!(numbers(2).await, ["A-1"]);
    client.create("acme", "A-4", "7").await;
    assert_eq!(numbers(1).await, ["A-4", "A-3"]);
    assert_eq!(numbers(2).await, ["A-2", "A-1"]);
    assert_eq!(numbers(3).await, [""; 0]);
    api.stop().await;
}
