//! What applications that encrypt send to Redis, and what stands there: ciphertext, by every way.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::collections::BTreeSet;
use std::io;

use app_support::{spy::Spy, *};
use caching_core::{CacheKey, EagerRefresh, EntryOptions, FactoryContext, Limit, Scope};
use caching_testkit::{FaultProxy, Gate, RedisServer};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Invoice {
    customer: String,
    lines: Vec<(String, u32)>,
    note: Option<String>,
}

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = Invoice, template = "{id}", tags = ["invoices"], version = 3)]
struct InvoiceKey {
    id: u32,
}

fn invoice() -> Invoice {
    Invoice {
        customer: SECRET.to_owned(),
        lines: vec![(SECRET.to_owned(), 7)],
        note: None,
    }
}

fn load(word: &str) -> impl FnOnce(FactoryContext) -> std::future::Ready<io::Result<String>> {
    let value = format!("{SECRET} {word}");
    move |_| std::future::ready(Ok(value))
}

/// Every way on which a payload, a fallback or something tagged comes to Redis; and how many records it makes.
async fn every_way(server: &RedisServer, pod: &Pod, proxy: &FaultProxy) -> usize {
    payloads(pod).await;
    fallbacks(server, pod).await;
    tagged(pod).await;
    // Redis is away while something is written: what waits is an invalidation, and no value.
    proxy.cut();
    let set = pod.set("away", format!("{SECRET} away")).await.unwrap();
    assert!(!set.is_applied());
    proxy.heal();
    until("it was sent", async || {
        pod.shared_status().unwrap().queued == 0
    })
    .await;
    until("it can be loaded again", async || {
        pod.get_or_set("away", load("away")).await.unwrap();
        records(server).await.contains_key(&record("acme", "away"))
    })
    .await;
    14
}

/// Loaded, set, of every shape.
async fn payloads(pod: &Pod) {
    pod.get_or_set("loaded", load("loaded")).await.unwrap();
    pod.set("set", format!("{SECRET} set"))
        .await
        .unwrap()
        .accept_queued();
    let ticket = pod.ticket("ticket");
    let since = pod.set("ticket", format!("{SECRET} ticket")).since(ticket);
    assert!(since.await.unwrap().is_applied());
    let long = pod.set("compressed", SECRET.repeat(5_000)).await;
    assert!(long.unwrap().is_applied());
    let blob: Vec<u32> = (0..20_000).collect();
    pod.set("blob", (SECRET.to_owned(), blob))
        .await
        .unwrap()
        .accept_queued();
    pod.set("empty", String::new())
        .await
        .unwrap()
        .accept_queued();
    let none = |_| async { io::Result::Ok(None::<String>) };
    pod.get_or_set_optional("none", none).await.unwrap();
    let typed = |_| async { io::Result::Ok(invoice()) };
    pod.get_or_set(&InvoiceKey { id: 7 }, typed).await.unwrap();
    let everybodys = pod.in_scope(Scope::Shared);
    everybodys
        .get_or_set("shared", load("shared"))
        .await
        .unwrap();
}

/// Kept past its duration, given instead of an error, refreshed behind a caller, early and late.
async fn fallbacks(server: &RedisServer, pod: &Pod) {
    pod.get_or_set("fallback", load("fallback")).await.unwrap();
    assert!(pod.expire("fallback").await.unwrap().is_applied());
    let fail = |cx: FactoryContext| async move { Err::<String, _>(cx.fail("the source is away")) };
    let stale = pod.get_or_set("fallback", fail).detailed().await.unwrap();
    assert!(stale.outcome.is_stale());

    let gate = Gate::closed();
    pod.get_or_set("late", load("early")).await.unwrap();
    assert!(pod.expire("late").await.unwrap().is_applied());
    let early = stored(server, &record("acme", "late")).await;
    let behind = gate.clone();
    let slow = move |_| async move {
        behind.pass().await;
        io::Result::Ok(format!("{SECRET} late"))
    };
    let soft = EntryOptions::new().factory_soft_limit(Limit::After(std::time::Duration::ZERO));
    let stale = pod.get_or_set("late", slow).options(soft).detailed().await;
    assert!(stale.unwrap().outcome.is_stale());
    gate.open();
    until("it came late", async || {
        stored(server, &record("acme", "late")).await != early
    })
    .await;

    let eager = EntryOptions::new().eager_refresh(EagerRefresh::At(0.000_01));
    pod.get_or_set("eager", load("first"))
        .options(eager.clone())
        .await
        .unwrap();
    let first = stored(server, &record("acme", "eager")).await;
    until("it was refreshed", async || {
        pod.get_or_set("eager", load("again"))
            .options(eager.clone())
            .await
            .unwrap();
        stored(server, &record("acme", "eager")).await != first
    })
    .await;
}

/// Tagged by the caller and by the factory, purged, expired, loaded again.
async fn tagged(pod: &Pod) {
    for round in 0..3 {
        let load = |mut cx: FactoryContext| async move {
            cx.add_tag("blue");
            io::Result::Ok(format!("{SECRET} tagged"))
        };
        pod.get_or_set("tagged", load)
            .tags(|| ["red"])
            .await
            .unwrap();
        let purged = match round {
            0 => pod.expire_by_tag("red").await,
            1 => pod.remove_by_tag("blue").await,
            _ => break,
        };
        assert!(purged.unwrap().is_applied());
    }
}

/// All that a server was sent and all that it keeps, after a value has gone every way.
async fn seen(settings: &str) -> (RedisServer, Vec<u8>, Vec<u8>) {
    let server = RedisServer::builder().directive("rdbcompression", "no");
    let server = server.start().await.unwrap();
    let spy = Spy::on(&server).await;
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let pod = Pod::of(builder(&server.url_at(proxy.address()), settings)).await;
    let count = as_tenant("acme", every_way(&server, &pod, &proxy)).await;
    until("all are stored", async || {
        records(&server).await.len() == count
    })
    .await;
    let sent = spy.heard(&server).await;
    let kept = server.snapshot().await.unwrap().as_rdb().to_vec();
    (server, sent, kept)
}

#[tokio::test]
async fn values_are_ciphertext_for_every_payload_fallback_and_tag_and_notices_carry_none() {
    let (server, sent, kept) = seen(&key(ONE)).await;
    for (name, (_, value)) in records(&server).await {
        // The flags of the header say that it is sealed, and it is.
        assert_eq!(value[2] & 4, 4, "{name}: {value:?}");
        assert!(holds(&value, MAGIC), "{name}: {value:?}");
    }
    for (what, bytes) in [("sent", &sent), ("kept", &kept)] {
        assert!(!holds(bytes, "SECRET"), "Redis was {what} a value");
        assert!(!holds(bytes, "customer"), "Redis was {what} a field of one");
        assert!(!holds(bytes, &ONE[..10]), "Redis was {what} the key");
    }
    let text = String::from_utf8_lossy(&sent).to_lowercase();
    let notices = text.matches("\"publish\" \"{shop}:@notices\"").count();
    assert!(notices >= 6, "{notices} notices were looked at");
}

#[tokio::test]
async fn without_encryption_the_same_look_finds_values_in_what_is_sent_and_what_is_kept() {
    let (server, sent, kept) = seen("cache.encryption.allow_plaintext = true").await;
    assert!(holds(&sent, "SECRET") && holds(&kept, "SECRET"));
    assert!(holds(&sent, "customer") && holds(&kept, "customer"));
    for (name, (_, value)) in records(&server).await {
        assert!(!holds(&value, MAGIC), "{name}");
    }
}

#[tokio::test]
async fn the_same_plaintext_twice_gives_different_bytes_and_never_a_nonce_again() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let (mut nonces, mut ciphertexts, mut keys) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for round in 0..40 {
        // The same text in the same record, and in another's.
        let tenant = ["acme", "globex"][round % 2];
        let set = as_tenant(tenant, async {
            pods[round / 2 % 2].set("a", SECRET.to_owned()).await
        });
        assert!(set.await.unwrap().is_applied());
        let (_, value) = stored(&server, &record(tenant, "a")).await;
        let [key, nonce, ciphertext] = sealed(&value);
        assert_eq!(ciphertext.len(), SECRET.len() + 2 + 16, "JSON, and the tag");
        nonces.insert(nonce.to_vec());
        ciphertexts.insert(ciphertext.to_vec());
        keys.insert(key.to_vec());
    }
    assert_eq!((nonces.len(), ciphertexts.len(), keys.len()), (40, 40, 1));
}

#[tokio::test]
async fn in_the_process_values_are_plain_and_a_hit_opens_nothing() {
    let server = RedisServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, ONE).unwrap();
    let settings = format!("cache.encryption.key = {{ file = '{}' }}", file.display());
    let pod = Pod::with(&server, &settings).await;
    pod.read("acme", "a").await;
    let before = stored(&server, &record("acme", "a")).await;
    // The key goes, and the one of before with it.
    let files = pod
        .app
        .services()
        .get::<caching_encryption::KeyFiles>()
        .unwrap();
    for key in [TWO, "pIlpLFfTbAeTpl0NSmMFb+m6WSWvrYClROqd1FzJIXY="] {
        std::fs::write(&file, key).unwrap();
        files.reload().unwrap();
    }
    assert_eq!(pod.read("acme", "a").await, L1_HIT);
    assert_eq!(stored(&server, &record("acme", "a")).await, before);
    // Without what is kept here it is a miss: it is the process that had it plain.
    let late = Pod::with(&server, &settings).await;
    assert!(!late.read("acme", "a").await.is_hit());
}
