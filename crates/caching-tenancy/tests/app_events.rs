//! Events in applications of many tenants: what they cause happens in the tenant of the event.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::sync::{Arc, Mutex};

use app_host::{BoxError, ConfigureContext, Dependencies, Module};
use app_support::*;
use caching_core::{CacheKey, HybridCache, Outcome};
use caching_events::{
    CachingEventsModule, DomainEvent, EventBus, HandlerError, event_handler, invalidates,
};
use caching_tenancy::{Tenant, TenantId};
use caching_testkit::RedisServer;

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}", tags = ["invoices"])]
struct InvoiceKey {
    id: u64,
}

/// Belongs to the tenant in it, whoever publishes it.
#[derive(DomainEvent)]
#[event(name = "invoice.paid", scope = tenant)]
struct InvoicePaid {
    tenant: TenantId,
    id: u64,
}

/// Belongs to whoever publishes it.
#[derive(DomainEvent)]
#[event(name = "invoices.imported")]
struct InvoicesImported;

/// For whom handlers worked, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Default)]
struct InvoiceModule;

impl Module for InvoiceModule {
    fn name(&self) -> &'static str {
        "invoices"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingEventsModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide_value(Journal::default());
        Ok(())
    }
}

#[invalidates(module = InvoiceModule, key = InvoiceKey { id: event.id })]
fn invoice_paid(event: &InvoicePaid) {}

#[invalidates(module = InvoiceModule, tag = "invoices")]
fn invoices_imported(_event: &InvoicesImported) {}

/// Reads through the cache, fails at first, and is tried again.
#[event_handler(module = InvoiceModule)]
async fn note(
    _event: &InvoicePaid,
    cache: HybridCache,
    journal: Journal,
) -> Result<(), HandlerError> {
    let tries = {
        let mut lines = journal.0.lock().unwrap();
        lines.push(Tenant::current()?.to_string());
        lines.len()
    };
    if tries < 2 {
        return Err("once more".into());
    }
    let load = |_| async { value_of("note") };
    cache.get_or_set("note", load).await?;
    Ok(())
}

async fn pod(server: &RedisServer) -> (Pod, EventBus, Journal) {
    let settings = format!("{NO_REFRESH}\ncache.events.backoff = \"10ms\"");
    let app = builder(&server.url(), &settings)
        .module::<CachingEventsModule>()
        .module::<InvoiceModule>();
    let pod = Pod::of(app).await;
    let services = pod.app.services();
    let (bus, journal) = (services.get().unwrap(), services.get().unwrap());
    (pod, bus, journal)
}

/// Reads invoice 7 of a tenant.
async fn invoice(pod: &Pod, tenant: &str) -> Outcome {
    let load = |_| async { value_of("invoice") };
    let read = async { pod.get_or_set(&InvoiceKey { id: 7 }, load).detailed().await };
    let cached = as_tenant(tenant, read).await.unwrap();
    assert_eq!(*cached.value, format!("<invoice of {tenant}>"));
    cached.outcome
}

/// The record of invoice 7 of a tenant.
fn record_of(tenant: &str) -> String {
    format!("{{shop}}:t:{tenant}:invoice:7")
}

/// Two pods that keep invoice 7 of both tenants, which is in Redis; and what stands there for globex.
async fn kept_by_all(server: &RedisServer, pods: [&Pod; 2]) -> Vec<u8> {
    for tenant in ["acme", "globex"] {
        invoice(pods[0], tenant).await;
        stored(server, &record_of(tenant)).await;
        until("both pods keep it", async || {
            invoice(pods[0], tenant).await == L1_HIT && invoice(pods[1], tenant).await == L1_HIT
        })
        .await;
    }
    stored(server, &record_of("globex")).await
}

/// Acme's invoice is gone from Redis and from both pods; that of globex is where it was.
async fn is_gone_for_acme_alone(server: &RedisServer, pods: [&Pod; 2], of_globex: &[u8]) {
    until("the other pod has heard of it", async || {
        as_tenant("acme", async {
            pods[1].peek(&InvoiceKey { id: 7 }).unwrap().is_none()
        })
        .await
    })
    .await;
    for pod in pods {
        assert_eq!(invoice(pod, "globex").await, L1_HIT);
    }
    assert_eq!(stored(server, &record_of("globex")).await, of_globex);
    let (late, ..) = pod(server).await;
    assert!(!invoice(&late, "acme").await.is_hit());
    assert_eq!(invoice(&late, "globex").await, L2_HIT);
}

#[tokio::test]
async fn an_event_invalidates_for_its_own_tenant_whoever_publishes_it() {
    let server = RedisServer::start().await.unwrap();
    let ((one, bus, _), (two, ..)) = (pod(&server).await, pod(&server).await);
    let of_globex = kept_by_all(&server, [&one, &two]).await;
    let event = InvoicePaid {
        tenant: TenantId::parse("acme").unwrap(),
        id: 7,
    };
    as_tenant("globex", async { bus.publish(event).await })
        .await
        .unwrap();
    is_gone_for_acme_alone(&server, [&one, &two], &of_globex).await;
}

#[tokio::test]
async fn an_event_without_a_tenant_of_its_own_is_of_the_one_who_published_it() {
    let server = RedisServer::start().await.unwrap();
    let ((one, bus, _), (two, ..)) = (pod(&server).await, pod(&server).await);
    let of_globex = kept_by_all(&server, [&one, &two]).await;
    // As of the call, not of the await.
    let publish = Tenant::sync_scope(TenantId::parse("acme").unwrap(), || {
        bus.publish(InvoicesImported)
    });
    as_tenant("globex", publish).await.unwrap();
    is_gone_for_acme_alone(&server, [&one, &two], &of_globex).await;

    let nobodys = bus.publish(InvoicesImported).await.unwrap_err().to_string();
    assert!(nobodys.contains("Tenant::scope"), "{nobodys}");
}

#[tokio::test]
async fn a_handler_and_its_retries_work_in_the_tenant_of_the_event_and_write_there() {
    let server = RedisServer::start().await.unwrap();
    let (pod, bus, journal) = pod(&server).await;
    let event = InvoicePaid {
        tenant: TenantId::parse("acme").unwrap(),
        id: 7,
    };
    as_tenant("globex", async { bus.publish(event).await })
        .await
        .unwrap();
    let bytes = stored(&server, &record("acme", "note")).await;
    assert!(holds(&bytes, "<note of acme>"), "{bytes:?}");
    assert_eq!(journal.lines(), ["acme", "acme"]);
    let records = records(&server).await;
    assert_eq!(
        records.into_keys().collect::<Vec<_>>(),
        [record("acme", "note")]
    );
    until("it is kept here", async || pod.keeps("acme", "note")).await;
    assert!(!pod.keeps("globex", "note"));
}
