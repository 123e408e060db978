//! Whose event it is: the tenant of the event around everything that it causes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use caching_core::{CacheKey, HybridCache, Scope, ScopeId, Tag};
use caching_events::{
    DomainEvent, EventBus, HandlerError, PublishError, event_handler, invalidates,
};
use common::{Journal, Tenant, cache_of_tenants};

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "rate", value = String, template = "{currency}", scope = shared)]
struct RateKey {
    currency: String,
}

/// Belongs to whoever publishes it.
#[derive(DomainEvent)]
#[event(name = "invoice.seen")]
struct InvoiceSeen {
    id: u64,
}

/// Belongs to the tenant in it.
#[derive(DomainEvent)]
#[event(name = "invoice.paid", scope = tenant)]
struct InvoicePaid {
    tenant: Tenant,
    id: u64,
}

/// Belongs to everybody.
#[derive(DomainEvent)]
#[event(name = "rate.changed", scope = shared)]
struct RateChanged {
    currency: String,
}

#[invalidates(manual, key = InvoiceKey { id: event.id }, tag = Tag::of("paid", &event.id))]
fn invoice_paid(event: &InvoicePaid) {}

#[invalidates(manual, key = InvoiceKey { id: event.id })]
fn invoice_seen(event: &InvoiceSeen) {}

#[invalidates(manual, key = RateKey { currency: event.currency.clone() })]
fn rate_changed(event: &RateChanged) {}

#[event_handler(manual)]
async fn whose(_event: &InvoicePaid, journal: Journal) -> Result<(), HandlerError> {
    journal.write(Tenant::current());
    if journal.lines().len() < 2 {
        return Err("once more".into());
    }
    Ok(())
}

#[event_handler(manual)]
async fn whose_seen(_event: &InvoiceSeen, journal: Journal) -> Result<(), HandlerError> {
    journal.write(Tenant::current());
    Ok(())
}

#[event_handler(manual)]
async fn whose_rate(_event: &RateChanged, journal: Journal) -> Result<(), HandlerError> {
    journal.write(Tenant::current());
    Ok(())
}

const ACME: Tenant = Tenant(1);
const GLOBEX: Tenant = Tenant(2);

async fn fill(cache: &HybridCache, tenant: Tenant, id: u64) {
    cache
        .set(&InvoiceKey { id }, "open".to_owned())
        .in_scope(Scope::Of(ScopeId::new(tenant.0)))
        .await
        .unwrap()
        .accept_queued();
}

fn has(cache: &HybridCache, tenant: Tenant, id: u64) -> bool {
    let cache = cache.in_scope(Scope::Of(ScopeId::new(tenant.0)));
    cache.peek(&InvoiceKey { id }).unwrap().is_some()
}

#[tokio::test(start_paused = true)]
async fn handlers_act_in_the_tenant_of_the_event_on_retries_too() {
    let journal = Journal::default();
    let bus = EventBus::builder()
        .handler(whose::HANDLER)
        .service(journal.clone())
        .build(cache_of_tenants())
        .unwrap();

    let event = InvoicePaid {
        tenant: ACME,
        id: 7,
    };
    GLOBEX.call(|| bus.publish(event)).await.unwrap();
    bus.idle().await;

    assert_eq!(journal.lines(), ["t:1", "t:1"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_invalidates_in_its_own_tenant_only() {
    let cache = cache_of_tenants();
    let bus = EventBus::builder()
        .handler(invoice_paid::HANDLER)
        .build(cache.clone())
        .unwrap();
    fill(&cache, ACME, 7).await;
    fill(&cache, GLOBEX, 7).await;

    let event = InvoicePaid {
        tenant: ACME,
        id: 7,
    };
    GLOBEX.call(|| bus.publish(event)).await.unwrap();

    assert!(!has(&cache, ACME, 7));
    assert!(has(&cache, GLOBEX, 7));
}

#[tokio::test(start_paused = true)]
async fn without_a_scope_an_event_is_its_publishers_as_of_the_call() {
    let (cache, journal) = (cache_of_tenants(), Journal::default());
    let bus = EventBus::builder()
        .handler(invoice_seen::HANDLER)
        .handler(whose_seen::HANDLER)
        .service(journal.clone())
        .build(cache.clone())
        .unwrap();
    fill(&cache, ACME, 7).await;
    fill(&cache, GLOBEX, 7).await;

    let publish = ACME.call(|| bus.publish(InvoiceSeen { id: 7 }));
    GLOBEX.run(publish).await.unwrap();
    bus.idle().await;

    assert!(!has(&cache, ACME, 7));
    assert!(has(&cache, GLOBEX, 7));
    assert_eq!(journal.lines(), ["t:1"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_tenant_is_refused_with_the_way_out() {
    let bus = EventBus::builder()
        .handler(invoice_seen::HANDLER)
        .build(cache_of_tenants())
        .unwrap();

    let error = bus.publish(InvoiceSeen { id: 7 }).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        "no scope for event `invoice.seen`: wrap the call in `Tenant::run`"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_tenant_is_refused() {
    let bus = EventBus::builder().build(cache_of_tenants()).unwrap();
    let event = InvoicePaid {
        tenant: Tenant(10),
        id: 7,
    };
    let error = ACME.call(|| bus.publish(event)).await.unwrap_err();
    assert!(matches!(error, PublishError::NoScope { .. }), "{error}");
    assert!(
        error.to_string().contains("there is no tenant `t:10`"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shared_event_is_everybodys_and_needs_no_tenant() {
    let (cache, journal) = (cache_of_tenants(), Journal::default());
    let bus = EventBus::builder()
        .handler(rate_changed::HANDLER)
        .handler(whose_rate::HANDLER)
        .service(journal.clone())
        .build(cache.clone())
        .unwrap();
    let key = RateKey {
        currency: "EUR".to_owned(),
    };
    cache
        .set(&key, "1.1".to_owned())
        .await
        .unwrap()
        .accept_queued();

    let event = RateChanged {
        currency: "EUR".to_owned(),
    };
    bus.publish(event).await.unwrap();
    bus.idle().await;

    assert!(cache.peek(&key).unwrap().is_none());
    assert_eq!(journal.lines(), ["shared"]);
}
