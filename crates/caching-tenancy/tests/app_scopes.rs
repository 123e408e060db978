//! Whose a record in Redis is: a tenant's, everybody's by name, and never anybody's by default or by forgery.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::collections::BTreeSet;

use app_support::*;
use caching_core::{BoxError, CacheError, Scope};
use caching_tenancy::TenantId;
use caching_testkit::RedisServer;

#[tokio::test]
async fn without_a_tenant_every_verb_is_an_error_that_names_the_key_and_redis_hears_nothing() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::start(&server).await;
    pod.read("acme", "motd").await;
    let before = stored(&server, &record("acme", "motd")).await;

    let load = |_| async { Ok::<_, BoxError>("default".to_owned()) };
    let none = |_| async { Ok::<_, BoxError>(None::<String>) };
    let errors = [
        pod.get_or_set("motd", load).await.map(drop),
        pod.get_or_set_optional("motd", none).await.map(drop),
        pod.get::<_, String>("motd").await.map(drop),
        pod.peek::<_, String>("motd").map(drop),
        pod.set("motd", "default".to_owned()).await.map(drop),
        pod.remove("motd").await.map(drop),
        pod.expire("motd").await.map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert!(matches!(error, CacheError::NoScope { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("\"plain:motd\""), "{message}");
        assert!(message.contains("Tenant::scope"), "{message}");
    }
    for purged in [
        pod.clear().await,
        pod.expire_all().await,
        pod.remove_by_tag("red").await,
    ] {
        assert!(matches!(purged, Err(CacheError::NoScope { .. })));
    }
    let records = records(&server).await;
    assert_eq!(
        records.into_iter().collect::<Vec<_>>(),
        [(record("acme", "motd"), before)]
    );
    assert_eq!(pod.stats().invalidations + pod.stats().purges, 0);
}

#[tokio::test]
async fn what_is_everybodys_is_so_by_name_and_has_a_record_of_its_own() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    one.read("acme", "motd").await;
    stored(&server, &record("acme", "motd")).await;

    let shared = "{shop}:shared:plain:motd";
    let load = |_| async { Ok::<_, BoxError>("<everybody's>".to_owned()) };
    let everybody = one.in_scope(Scope::Shared);
    let loaded = as_tenant("acme", async { everybody.get_or_set("motd", load).await }).await;
    assert_eq!(*loaded.unwrap(), "<everybody's>");
    let bytes = stored(&server, shared).await;
    assert!(holds(&bytes, "<everybody's>"), "{bytes:?}");

    // Nobody's clear but its own reaches it, and its own reaches nobody.
    let cleared = as_tenant("acme", async { one.clear().await }).await;
    assert!(cleared.unwrap().is_applied());
    assert_eq!(stored(&server, shared).await, bytes);
    let seen = two.in_scope(Scope::Shared).get::<_, String>("motd").await;
    assert_eq!(seen.unwrap().as_deref().unwrap(), "<everybody's>");

    assert!(!one.read("acme", "motd").await.1.is_hit());
    stored(&server, &record("acme", "motd")).await;
    assert!(everybody.clear().await.unwrap().is_applied());
    let late = Pod::start(&server).await;
    assert_eq!(late.read("acme", "motd").await.1, L2_HIT);
    let seen = late.in_scope(Scope::Shared).get::<_, String>("motd").await;
    assert_eq!(seen.unwrap(), None);
}

#[tokio::test]
async fn no_key_is_forged_into_the_record_of_another_tenant() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::start(&server).await;
    pod.read("acme", "secret").await;
    let of_acme = stored(&server, &record("acme", "secret")).await;

    let forged = [
        "secret",
        "acme:secret",
        "t:acme:secret",
        "t:acme:plain:secret",
        "../t:acme:plain:secret",
        "{shop}:t:acme:plain:secret",
        "}:t:acme:plain:secret",
        ":secret",
        "secret:",
        "secret%",
        "%73ecret",
        "secret\0",
        "secret\n",
        "secret\r\nDEL {shop}:t:acme:plain:secret",
        "\u{1f}acme\u{1f}secret",
        "@control",
        "shared:plain:secret",
        "s\u{e9}cret",
    ];
    for text in forged {
        let (value, outcome) = pod.read("globex", text).await;
        assert_eq!(value, format!("<{text} of globex>"));
        assert!(!outcome.is_hit(), "{text:?} was somebody's");
    }
    // Each is a record of its own, and of the one who asked.
    until("all are stored", async || {
        records(&server).await.len() == forged.len() + 1
    })
    .await;
    let records = records(&server).await;
    let of_others = records
        .keys()
        .filter(|name| **name != record("acme", "secret"));
    for name in of_others {
        assert!(name.starts_with("{shop}:t:globex:plain:"), "{name:?}");
        assert!(
            name.is_ascii() && !name.contains(char::is_control),
            "{name:?}"
        );
    }
    // Whatever globex does to such a key, it does to its own.
    as_tenant("globex", async {
        for text in forged {
            assert!(pod.remove(text).await.unwrap().is_applied());
        }
    })
    .await;
    assert_eq!(stored(&server, &record("acme", "secret")).await, of_acme);
    let late = Pod::start(&server).await;
    assert_eq!(late.read("acme", "secret").await.1, L2_HIT);
}

#[tokio::test]
async fn tenants_whose_names_begin_alike_have_records_of_their_own() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let names = [
        "a", "a-b", "a.b", "a_b", "ab", "a1", "shared", "t", "t-acme", "plain",
    ];
    for tenant in names {
        one.read(tenant, "a").await;
        stored(&server, &record(tenant, "a")).await;
    }
    assert_eq!(records(&server).await.len(), names.len());
    for tenant in names {
        let expected = (format!("<a of {tenant}>"), L2_HIT);
        assert_eq!(two.read(tenant, "a").await, expected);
    }
}

#[test]
fn what_could_be_taken_apart_as_a_key_is_no_tenant() {
    let refused = [
        "",
        "t:acme",
        "acme:plain",
        "acme ",
        "acme\0",
        "acme\n",
        "ac\u{1f}me",
        "{acme}",
        "*",
        "ACME",
        "acm\u{e9}",
        "@control",
        "../acme",
        "%61cme",
    ];
    let accepted: BTreeSet<_> = refused
        .into_iter()
        .filter(|text| TenantId::parse(text).is_ok())
        .collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}
