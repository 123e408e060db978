//! The event bus in an app host: the registry, injected services, expectations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![cfg(feature = "host")]

mod common;

use app_host::{
    App, AppBuilder, BoxError, Config, ConfigFormat, ConfigureContext, Dependencies, Enablement,
    Module,
};
use caching_core::{CacheKey, HybridCache};
use caching_events::{
    CachingEventsModule, DomainEvent, EventBus, EventBusBuilder, ExpectHandler, event_handler,
    invalidates,
};
use common::{Gate, Journal, settle};

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "invoice.archived")]
struct InvoiceArchived;

/// Writes a module that brings a journal and whose `configure` ends with these statements.
macro_rules! module {
    ($name:ident, $cx:ident => { $($configure:tt)* }) => {
        #[derive(Default)]
        struct $name;

        impl Module for $name {
            fn name(&self) -> &'static str {
                stringify!($name)
            }

            fn depends_on(&self) -> Dependencies {
                Dependencies::none().requires::<CachingEventsModule>()
            }

            fn configure(&self, $cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
                $($configure)*
                Ok(())
            }
        }
    };
}

module!(Invoices, cx => { cx.provide_value(Journal::default()); });

#[event_handler(module = Invoices)]
async fn notify(event: &InvoicePaid, journal: Journal) -> Result<(), BoxError> {
    journal.write(format!("notify {}", event.id));
    Ok(())
}

#[invalidates(module = Invoices, key = InvoiceKey { id: event.id })]
fn invoice_paid(event: &InvoicePaid) {}

module!(Accounts, cx => { cx.provide_value(Journal::default()); });

#[event_handler(module = Accounts)]
async fn book(event: &InvoicePaid, journal: Journal) -> Result<(), BoxError> {
    journal.write(format!("book {}", event.id));
    Ok(())
}

/// A service that nobody provides.
#[derive(Clone)]
struct Mailer;

module!(Mails, _cx => {});

#[event_handler(module = Mails)]
async fn mail(_event: &InvoiceArchived, _mailer: Mailer) -> Result<(), BoxError> {
    Ok(())
}

fn app(config: &str) -> AppBuilder {
    App::builder()
        .without_environment_variables()
        .config_str(ConfigFormat::Toml, config)
}

async fn refusal(builder: AppBuilder) -> String {
    match builder.build().await {
        Ok(_) => panic!("the application was built"),
        Err(errors) => errors.to_string(),
    }
}

#[tokio::test]
async fn linked_handlers_are_found_and_get_the_services_of_the_application() {
    let app = app("").module::<Invoices>().build().await.unwrap();
    app.start().await.unwrap();
    let bus = app.services().get::<EventBus>().unwrap();
    let cache = app.services().get::<HybridCache>().unwrap();
    let key = InvoiceKey { id: 7 };
    cache
        .set(&key, "open".to_owned())
        .await
        .unwrap()
        .accept_queued();

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    assert!(cache.peek(&key).unwrap().is_none());
    app.stop().await;

    let journal = app.services().get::<Journal>().unwrap();
    assert_eq!(journal.lines(), ["notify 7"]);
}

#[tokio::test]
async fn two_applications_in_one_process_share_no_handlers() {
    let invoices = app("").module::<Invoices>().build().await.unwrap();
    let accounts = app("").module::<Accounts>().build().await.unwrap();
    for app in [&invoices, &accounts] {
        app.start().await.unwrap();
        let bus = app.services().get::<EventBus>().unwrap();
        bus.publish(InvoicePaid { id: 7 }).await.unwrap();
        bus.idle().await;
    }
    let lines = |app: &App| app.services().get::<Journal>().unwrap().lines();
    assert_eq!(lines(&invoices), ["notify 7"]);
    assert_eq!(lines(&accounts), ["book 7"]);
}

#[tokio::test]
async fn a_service_that_nobody_provides_is_a_build_error_that_names_handler_and_type() {
    let text = refusal(app("").module::<Mails>()).await;
    assert!(text.contains("`module::mail`"), "{text}");
    assert!(text.contains("needs a `module::Mailer`"), "{text}");
    assert!(text.contains("no module provides `Mailer`"), "{text}");
}

#[tokio::test]
async fn an_expected_handler_that_is_there_is_fine() {
    module!(Expects, cx => {
        cx.expect_handler::<InvoicePaid>();
        cx.expect_invalidation::<InvoicePaid>();
        cx.expect_handler_at("module::notify");
    });
    let app = app("").module::<Invoices>().module::<Expects>();
    assert!(app.build().await.is_ok());
}

#[tokio::test]
async fn a_handler_that_is_not_linked_is_a_build_error_that_says_what_to_add() {
    #[derive(DomainEvent)]
    #[event(name = "invoice.lost")]
    struct InvoiceLost;

    module!(Expects, cx => {
        cx.expect_handler::<InvoiceLost>();
        cx.expect_handler_at("invoice_handlers::mails::notify");
    });
    let text = refusal(app("").module::<Expects>()).await;
    assert!(
        text.contains("no handler of the event `invoice.lost` is linked"),
        "{text}"
    );
    assert!(
        text.contains("`invoice_handlers::mails::notify` is not linked"),
        "{text}"
    );
    assert!(text.contains("add `use invoice_handlers as _;`"), "{text}");
}

#[tokio::test]
async fn a_handler_of_a_module_that_is_not_enabled_is_named_with_its_module() {
    module!(Expects, cx => { cx.expect_handler::<InvoiceArchived>(); });
    let text = refusal(app("").module::<Expects>()).await;
    assert!(
        text.contains("there is `module::mail` of module::Mails"),
        "{text}"
    );
}

#[tokio::test]
async fn an_event_handler_alone_is_no_invalidation() {
    module!(Expects, cx => { cx.expect_invalidation::<InvoicePaid>(); });
    let text = refusal(app("").module::<Accounts>().module::<Expects>()).await;
    assert!(
        text.contains("no `#[invalidates]` of the event `invoice.paid`"),
        "{text}"
    );
}

#[tokio::test]
async fn handlers_of_a_disabled_module_are_inactive() {
    #[derive(Default)]
    struct Off;

    impl Module for Off {
        fn name(&self) -> &'static str {
            "off"
        }

        fn enablement(&self, _: &Config) -> Enablement {
            Enablement::disabled("not today")
        }
    }

    #[event_handler(module = Off)]
    async fn never(_event: &InvoicePaid) -> Result<(), BoxError> {
        Err("called".into())
    }

    let app = app("").module::<Off>().module::<Invoices>();
    let app = app.build().await.unwrap();
    let bus = app.services().get::<EventBus>().unwrap();
    assert!(
        !bus.handlers()
            .iter()
            .any(|handler| handler.path() == never::HANDLER.path())
    );
    assert!(
        bus.handlers()
            .iter()
            .any(|handler| handler.path() == "module::notify")
    );
}

#[tokio::test]
async fn a_module_may_give_the_builder_a_handler_by_hand() {
    #[event_handler(manual)]
    async fn by_hand(event: &InvoicePaid, journal: Journal) -> Result<(), BoxError> {
        journal.write(format!("by hand {}", event.id));
        Ok(())
    }

    module!(ByHand, cx => {
        cx.contribute::<EventBusBuilder>(|bus| {
            // A linked one that is given by hand as well runs once.
            Ok(bus.handler(by_hand::HANDLER).handler(notify::HANDLER))
        });
    });
    let app = app("").module::<ByHand>().module::<Invoices>();
    let app = app.build().await.unwrap();
    let bus = app.services().get::<EventBus>().unwrap();
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;
    assert_eq!(
        app.services().get::<Journal>().unwrap().lines(),
        ["by hand 7", "notify 7"]
    );
}

#[tokio::test]
async fn the_section_is_read_and_a_misspelt_setting_is_refused() {
    let off = app("cache.events.dead_letters = 7").module::<Invoices>();
    assert!(off.build().await.is_ok());

    let text = refusal(app("cache.events.dead_leters = 7").module::<Invoices>()).await;
    assert!(text.contains("cache.events"), "{text}");
    assert!(text.contains("dead_leters"), "{text}");

    let text = refusal(app("cache.events.concurrency = 0").module::<Invoices>()).await;
    assert!(
        text.contains("`cache.events.concurrency` is zero"),
        "{text}"
    );
}

#[tokio::test]
async fn a_stop_of_the_application_waits_for_handlers_that_run() {
    module!(Slow, cx => {
        cx.provide_value(Journal::default());
        cx.provide_value(Gate::closed());
    });

    #[event_handler(module = Slow)]
    async fn waits(_event: &InvoicePaid, gate: Gate, journal: Journal) -> Result<(), BoxError> {
        gate.pass().await;
        journal.write("passed");
        Ok(())
    }

    let app = app("").module::<Slow>().build().await.unwrap();
    app.start().await.unwrap();
    let services = app.services().clone();
    let bus = services.get::<EventBus>().unwrap();
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    let opens = async {
        settle().await;
        services.get::<Gate>().unwrap().open(1);
    };
    tokio::join!(app.stop(), opens);

    assert_eq!(services.get::<Journal>().unwrap().lines(), ["passed"]);
}
