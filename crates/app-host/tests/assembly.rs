//! Modules compose by providing services and contributing to the builders of others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_host::{
    BoxError, Config, ConfigFormat, ConfigureContext, Dependencies, EnabledModules, Enablement,
    Environment, MissingService, Module, ModuleId, ServiceBuilder, Services, WeakServices,
    async_trait,
};
use support::{A, B, C, Diary, Testing, app, module};

#[derive(Default)]
struct MenuBuilder(Vec<&'static str>);

#[derive(Clone, Debug, PartialEq)]
struct Menu(Vec<&'static str>);

#[async_trait]
impl ServiceBuilder for MenuBuilder {
    type Service = Menu;

    async fn build(self, _: &Services) -> Result<Menu, BoxError> {
        tokio::task::yield_now().await;
        Ok(Menu(self.0))
    }
}

fn dish(name: &'static str) -> impl Fn(&mut ConfigureContext<'_>) -> Result<(), BoxError> {
    move |cx| {
        cx.contribute(move |mut menu: MenuBuilder| {
            menu.0.push(name);
            Ok(menu)
        });
        Ok(())
    }
}

#[tokio::test]
async fn a_closure_makes_a_service_of_the_services_of_others_with_what_was_contributed() {
    let app = app()
        .with_module(module::<A>("soup").configure(dish("soup")))
        .with_module(module::<B>("kitchen").configure(|cx| {
            cx.provide(MenuBuilder::default());
            Ok(())
        }))
        .with_module(module::<C>("counter").configure(|cx| {
            cx.provide_with(|services| Ok(services.get::<Menu>()?.0.len()));
            Ok(())
        }))
        .build()
        .await
        .unwrap();
    assert_eq!(app.services().get::<usize>().unwrap(), 1);
}

#[tokio::test]
async fn contributions_are_folded_in_the_order_of_the_modules_before_the_service_is_built() {
    let app = app()
        .with_module(module::<A>("soup").configure(dish("soup")))
        .with_module(module::<B>("kitchen").configure(|cx| {
            cx.provide(MenuBuilder(vec!["bread"]));
            Ok(())
        }))
        .with_module(module::<C>("cake").configure(dish("cake")))
        .build()
        .await
        .unwrap();
    let menu: Menu = app.services().get().unwrap();
    assert_eq!(menu.0, ["bread", "soup", "cake"]);
}

#[derive(Default)]
struct Database;

#[derive(Clone)]
struct Pool;

impl Module for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide_value(Pool);
        Ok(())
    }
}

struct NeedsPool;

#[async_trait]
impl ServiceBuilder for NeedsPool {
    type Service = Arc<str>;

    async fn build(self, services: &Services) -> Result<Arc<str>, BoxError> {
        let Pool = services.get()?;
        Ok("has a pool".into())
    }
}

#[tokio::test]
async fn a_required_module_is_pulled_in_and_its_services_are_built_first() {
    let app = app()
        .with_module(
            module::<A>("invoices")
                .depends_on(|| Dependencies::none().requires::<Database>())
                .configure(|cx| {
                    cx.provide(NeedsPool);
                    Ok(())
                }),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(&*app.services().get::<Arc<str>>().unwrap(), "has a pool");
    let order: Vec<_> = app.report().modules().iter().map(|m| m.name()).collect();
    assert_eq!(order, ["database", "invoices"]);
    let database = app.report().module("database").unwrap();
    assert_eq!(database.pulled_in_by(), Some("invoices"));
}

#[tokio::test]
async fn a_service_of_a_later_module_is_missing_with_a_hint() {
    let seen = Diary::default();
    struct Looks(Diary);
    #[async_trait]
    impl ServiceBuilder for Looks {
        type Service = ();
        async fn build(self, services: &Services) -> Result<(), BoxError> {
            self.0
                .write(services.get::<Pool>().err().unwrap().to_string());
            Ok(())
        }
    }
    let diary = seen.clone();
    app()
        .with_module(module::<A>("early").configure(move |cx| {
            cx.provide(Looks(diary.clone()));
            Ok(())
        }))
        .module::<Database>()
        .build()
        .await
        .unwrap();
    assert_eq!(
        seen.lines(),
        [
            "`Pool` is not built yet; module `database` provides it, so require that module in `depends_on`"
        ]
    );
}

#[tokio::test]
async fn a_replaced_service_is_used_by_everyone_and_the_original_is_not_built() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    #[async_trait]
    impl ServiceBuilder for Counted {
        type Service = &'static str;
        async fn build(self, _: &Services) -> Result<&'static str, BoxError> {
            BUILT.fetch_add(1, Ordering::SeqCst);
            Ok("real")
        }
    }
    struct Depends;
    #[async_trait]
    impl ServiceBuilder for Depends {
        type Service = String;
        async fn build(self, services: &Services) -> Result<String, BoxError> {
            Ok(format!("made of {}", services.get::<&'static str>()?))
        }
    }
    let app = app()
        .replace_service("stand-in")
        .with_module(module::<A>("a").configure(|cx| {
            cx.provide(Counted);
            Ok(())
        }))
        .with_module(module::<B>("b").configure(|cx| {
            cx.provide(Depends);
            Ok(())
        }))
        .build()
        .await
        .unwrap();
    assert_eq!(app.services().get::<String>().unwrap(), "made of stand-in");
    assert_eq!(BUILT.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_replacement_stands_in_for_a_module_that_is_disabled() {
    let app = app()
        .replace_service(Menu(vec!["stand-in"]))
        .with_module(module::<A>("kitchen").disabled("closed"))
        .build()
        .await
        .unwrap();
    assert_eq!(app.services().get::<Menu>().unwrap().0, ["stand-in"]);
}

#[tokio::test]
async fn the_host_provides_configuration_environment_and_enabled_modules() {
    let app = app()
        .environment(Environment::Development)
        .config_str(ConfigFormat::Toml, "app.name = 'shop'")
        .with_module(module::<A>("on"))
        .with_module(module::<B>("off").disabled("not today"))
        .build()
        .await
        .unwrap();
    let services = app.services();
    let enabled: EnabledModules = services.get().unwrap();
    assert!(enabled.contains(ModuleId::of::<Testing<A>>()));
    assert!(enabled.contains_type(TypeId::of::<Testing<A>>()));
    assert!(!enabled.contains(ModuleId::of::<Testing<B>>()));
    assert_eq!(
        services.get::<Environment>().unwrap(),
        Environment::Development
    );
    let config: Config = services.get().unwrap();
    assert_eq!(config.get::<String>("app.name").unwrap().unwrap(), "shop");
    assert_eq!(app.name(), "shop");
}

#[tokio::test]
async fn enablement_is_asked_once_and_seen_by_dependents_and_in_the_report() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (counted, seen) = (Arc::clone(&asked), Diary::default());
    let diary = seen.clone();
    let app = app()
        .with_module(
            module::<A>("dependent")
                .depends_on(|| Dependencies::none().after::<Testing<B>>())
                .configure(move |cx| {
                    diary.write(format!("b is enabled: {}", cx.is_enabled::<Testing<B>>()));
                    Ok(())
                }),
        )
        .with_module(
            module::<B>("redis")
                .enablement(move |config| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    if config.contains("redis.url") {
                        Enablement::Enabled
                    } else {
                        Enablement::disabled("no `redis.url` is set")
                    }
                })
                .configure(|_| panic!("a disabled module is not configured")),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(seen.lines(), ["b is enabled: false"]);
    assert_eq!(
        app.report().module("redis").unwrap().enablement(),
        &Enablement::disabled("no `redis.url` is set")
    );
}

#[tokio::test]
async fn the_order_is_that_of_the_builder_wherever_dependencies_leave_a_choice() {
    let order = || async {
        let app = app()
            .with_module(module::<A>("a").depends_on(|| Dependencies::none().after::<Testing<C>>()))
            .with_module(module::<B>("b"))
            .with_module(module::<C>("c"))
            .with_module(module::<u8>("d"))
            .build()
            .await
            .unwrap();
        let names: Vec<_> = app.report().modules().iter().map(|m| m.name()).collect();
        names
    };
    for _ in 0..10 {
        assert_eq!(order().await, ["c", "a", "b", "d"]);
    }
}

#[tokio::test]
async fn services_that_keep_a_weak_handle_do_not_keep_the_application_alive() {
    struct Bus(WeakServices);
    struct BusBuilder;
    #[async_trait]
    impl ServiceBuilder for BusBuilder {
        type Service = Arc<Bus>;
        async fn build(self, services: &Services) -> Result<Arc<Bus>, BoxError> {
            Ok(Arc::new(Bus(services.downgrade())))
        }
    }
    let app = app()
        .with_module(module::<A>("events").configure(|cx| {
            cx.provide(BusBuilder);
            Ok(())
        }))
        .module::<Database>()
        .build()
        .await
        .unwrap();
    let bus: Arc<Bus> = app.services().get().unwrap();
    // The pool came later than the bus, and the bus finds it now.
    assert!(bus.0.upgrade().unwrap().contains(TypeId::of::<Pool>()));
    drop(app);
    assert!(bus.0.upgrade().is_none());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_none_or_an_error_never_a_panic() {
    let app = app().build().await.unwrap();
    assert!(app.services().try_get::<Menu>().is_none());
    assert!(matches!(
        app.services().get::<Menu>(),
        Err(MissingService::NotProvided { service, .. }) if service == "Menu"
    ));
}

#[tokio::test]
async fn the_report_is_a_table_of_modules_states_and_services() {
    let app = app()
        .name("shop")
        .environment(Environment::Development)
        .with_module(
            module::<A>("kitchen")
                .depends_on(|| Dependencies::none().requires::<Database>())
                .configure(|cx| {
                    cx.provide(MenuBuilder::default());
                    Ok(())
                }),
        )
        .with_module(module::<B>("soup").configure(dish("soup")))
        .with_module(module::<C>("redis").disabled("no `redis.url` is set"))
        .build()
        .await
        .unwrap();
    assert_eq!(
        app.report().to_string(),
        "shop (development), the given text
  module    state                            provides (+ contributes to)
  database  enabled (for kitchen)            Pool
  kitchen   enabled                          Menu
  soup      enabled                          + MenuBuilder
  redis     disabled: no `redis.url` is set"
    );
}

#[tokio::test]
async fn two_applications_of_one_process_share_nothing() {
    let build = |name: &'static str, dish_name: &'static str| {
        app()
            .name(name)
            .with_module(module::<A>("kitchen").configure(|cx| {
                cx.provide(MenuBuilder::default());
                Ok(())
            }))
            .with_module(module::<B>("dish").configure(dish(dish_name)))
            .build()
    };
    let (one, two) = (
        build("one", "soup").await.unwrap(),
        build("two", "cake").await.unwrap(),
    );
    assert_eq!(one.services().get::<Menu>().unwrap().0, ["soup"]);
    assert_eq!(two.services().get::<Menu>().unwrap().0, ["cake"]);
    one.start().await.unwrap();
    assert_eq!(one.health().await.status(), "up");
    assert_eq!(two.health().await.status(), "built");
    two.start().await.unwrap();
    assert!(one.stop().await.is_clean());
    assert_eq!(two.health().await.status(), "up");
    assert_eq!(two.name(), "two");
    two.stop().await;
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn cloned<T: Clone + Send + Sync>() {}
    fn sent<T: Send>(_: T) {}
    shared::<app_host::App>();
    cloned::<Services>();
    cloned::<WeakServices>();
    cloned::<Config>();
    cloned::<app_host::AppContext>();
    cloned::<EnabledModules>();
    sent(app());
    sent(app().build());
    sent(async { app().build().await.unwrap().run().await });
}
