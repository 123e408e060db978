//! The event bus as a module of an app host.

use app_host::{
    AppContext, BoxError, ConfigureContext, Dependencies, EnabledModules, Module, ServiceBuilder,
    Services, WeakServices, async_trait,
};
use caching_core::{CachingModule, HybridCache};
use tracing::info;

use crate::bus::{EventBus, EventBusBuilder};
use crate::config::EventsConfig;
use crate::event::DomainEvent;
use crate::handler::Handler;
use crate::services::HandlerServices;

inventory::collect!(Handler);

/// Provides an [`EventBus`] with the handlers that the program links, configured by the section
/// `[cache.events]`.
///
/// A handler is active where the module that it names is enabled, so that two applications in one
/// process do not share them. A service that an active handler needs and that nobody provides is a build
/// error. At start each handler is logged.
///
/// When the application stops, handlers that still run are waited for, `drain_deadline` long, after the
/// modules that require this one have stopped. List a module whose services handlers need (a database)
/// before this one, so that it is still there.
///
/// ```
/// use app_host::{App, BoxError, ConfigureContext, Dependencies, Module};
/// use caching_events::{CachingEventsModule, DomainEvent, EventBus, ExpectHandler, event_handler};
///
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid")]
/// struct InvoicePaid {
///     id: u64,
/// }
///
/// #[derive(Default)]
/// struct InvoicesModule;
///
/// impl Module for InvoicesModule {
///     fn name(&self) -> &'static str {
///         "invoices"
///     }
///
///     fn depends_on(&self) -> Dependencies {
///         Dependencies::none().requires::<CachingEventsModule>()
///     }
///
///     fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
///         cx.expect_handler::<InvoicePaid>();
///         Ok(())
///     }
/// }
///
/// #[event_handler(module = InvoicesModule)]
/// async fn notify(event: &InvoicePaid) -> Result<(), BoxError> {
///     println!("invoice {} is paid", event.id);
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let app = App::builder().module::<InvoicesModule>().build().await?;
/// app.start().await?;
/// let bus = app.services().get::<EventBus>()?;
/// assert_eq!(bus.publish(InvoicePaid { id: 7 }).await?.handlers, 1);
/// app.stop().await;
/// assert_eq!(bus.stats().handled, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CachingEventsModule;

#[async_trait]
impl Module for CachingEventsModule {
    fn name(&self) -> &'static str {
        "caching-events"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn sections(&self) -> &'static [&'static str] {
        &["cache.events"]
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: EventsConfig = cx.section("cache.events")?;
        cx.provide(EventBus::builder().config(config));
        // Here and not where the bus is built: services of modules that come later are there only now.
        cx.check(|services| match services.try_get::<EventBus>() {
            Some(bus) => Ok(bus.check_services()?),
            // That it could not be built is an error already.
            None => Ok(()),
        });
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        for handler in cx.services().get::<EventBus>()?.handlers() {
            info!(
                event = handler.event_name(),
                handler = handler.path(),
                module = handler.module_name(),
                order = handler.order(),
                invalidates = handler.is_invalidation(),
                "event handler"
            );
        }
        Ok(())
    }

    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        let bus = cx.services().get::<EventBus>()?;
        let deadline = bus.shared.config.drain_deadline;
        if bus.stop(deadline).await {
            return Ok(());
        }
        Err(format!(
            "event handlers still ran after {deadline:?} and were dropped; raise \
             `cache.events.drain_deadline`, or make them faster"
        )
        .into())
    }
}

#[async_trait]
impl ServiceBuilder for EventBusBuilder {
    type Service = EventBus;

    async fn build(mut self, services: &Services) -> Result<EventBus, BoxError> {
        let enabled = services.get::<EnabledModules>()?;
        for handler in linked().filter(|handler| is_active(handler, &enabled)) {
            // One that a module has given by hand as well is there once.
            if !self.handlers.iter().any(|given| given.is(handler)) {
                self.handlers.push(*handler);
            }
        }
        let host = HostServices(services.downgrade());
        let cache = services.get::<HybridCache>()?;
        Ok(self.build_with_services(cache, HandlerServices::default().with_host(host))?)
    }
}

/// What a module says of handlers that it cannot do without.
///
/// A crate that nothing refers to is left out by the linker, and its handlers with it. A module that
/// expects them finds out when the application is built, instead of when a value is stale.
pub trait ExpectHandler {
    /// Makes it a build error if no active handler of any sort takes the event `E`.
    fn expect_handler<E: DomainEvent>(&mut self);

    /// Makes it a build error if no active `#[invalidates]` takes the event `E`.
    fn expect_invalidation<E: DomainEvent>(&mut self);

    /// Makes it a build error if the handler with this path, `the_crate::handlers::notify`, is not active.
    fn expect_handler_at(&mut self, path: &'static str);
}

impl ExpectHandler for ConfigureContext<'_> {
    fn expect_handler<E: DomainEvent>(&mut self) {
        self.check(|services| expect("handler", E::NAME, services, |_| true));
    }

    fn expect_invalidation<E: DomainEvent>(&mut self) {
        self.check(|services| {
            expect(
                "`#[invalidates]`",
                E::NAME,
                services,
                Handler::is_invalidation,
            )
        });
    }

    fn expect_handler_at(&mut self, path: &'static str) {
        self.check(move |services| {
            let bus = services.get::<EventBus>()?;
            if bus.handlers().iter().any(|handler| handler.path() == path) {
                return Ok(());
            }
            let inactive = inactive(|handler| handler.path() == path);
            let the_crate = path.split("::").next().unwrap_or(path);
            Err(format!(
                "the event handler `{path}` is not linked{inactive}; a crate that nothing refers to is left \
                 out: add `use {the_crate} as _;` to the program's main.rs"
            )
            .into())
        });
    }
}

fn expect(
    what: &str,
    event: &str,
    services: &Services,
    fits: impl Fn(&Handler) -> bool,
) -> Result<(), BoxError> {
    let wanted = |handler: &Handler| handler.event_name() == event && fits(handler);
    if services.get::<EventBus>()?.handlers().iter().any(wanted) {
        return Ok(());
    }
    let inactive = inactive(wanted);
    Err(format!(
        "no {what} of the event `{event}` is linked{inactive}; a crate that nothing refers to is left out: \
         add `use the_crate_with_its_handlers as _;` to the program's main.rs"
    )
    .into())
}

/// The linked handlers that would fit, were their modules enabled.
fn inactive(fits: impl Fn(&Handler) -> bool) -> String {
    let found: Vec<_> = linked()
        .filter(|handler| fits(handler))
        .map(|handler| {
            let module = handler.module_name().unwrap_or("no module");
            format!("`{}` of {module}", handler.path())
        })
        .collect();
    if found.is_empty() {
        String::new()
    } else {
        format!(" into an enabled module (there is {})", found.join(", "))
    }
}

/// Every handler that the program links, in no order.
fn linked() -> impl Iterator<Item = &'static Handler> {
    inventory::iter::<Handler>.into_iter()
}

fn is_active(handler: &Handler, enabled: &EnabledModules) -> bool {
    handler
        .module()
        .is_some_and(|module| enabled.contains_type(module.id))
}

/// The services of the application: held weakly, as the bus is one of them.
#[derive(Clone)]
pub(crate) struct HostServices(WeakServices);

impl HostServices {
    pub(crate) fn find<T: Clone + Send + Sync + 'static>(&self) -> Result<T, String> {
        let services = self.0.upgrade().ok_or("the application is gone")?;
        services.get::<T>().map_err(|missing| missing.to_string())
    }
}
