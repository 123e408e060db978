//! All that is wrong is told at once, numbered and in a stable order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use app_host::{
    BoxError, ConfigFormat, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use support::{A, B, C, D, Testing, app, errors, module};

#[derive(Default)]
struct ListBuilder;

#[derive(Clone, Debug)]
struct List;

#[async_trait]
impl ServiceBuilder for ListBuilder {
    type Service = List;

    async fn build(self, _: &Services) -> Result<List, BoxError> {
        Ok(List)
    }
}

struct FailingBuilder;

#[async_trait]
impl ServiceBuilder for FailingBuilder {
    type Service = u8;

    async fn build(self, _: &Services) -> Result<u8, BoxError> {
        Err("no room".into())
    }
}

#[derive(Default)]
struct Off;

impl Module for Off {
    fn name(&self) -> &'static str {
        "off"
    }

    fn enablement(&self, _: &app_host::Config) -> app_host::Enablement {
        app_host::Enablement::disabled("no `off.url` is set")
    }
}

/// One of each kind that can stand beside the others.
fn all_wrong() -> app_host::AppBuilder {
    app()
        .config_str(
            ConfigFormat::Toml,
            "server.port = 80\n server.drain_delay = 'soon'\n[dd]\nsize = 'big'\n[servre]\nx = 1\n",
        )
        .with_module(module::<A>("a").depends_on(|| Dependencies::none().after::<Testing<B>>()))
        .with_module(module::<B>("b").depends_on(|| {
            Dependencies::none()
                .after::<Testing<A>>()
                .requires::<Off>()
                .requires_added::<Testing<u64>>()
        }))
        .with_module(module::<C>("c").configure(|cx| {
            cx.provide(FailingBuilder);
            cx.provide_value(List);
            cx.contribute(|list: ListBuilder| Ok(list));
            cx.check(|_| Err("unchecked".into()));
            Ok(())
        }))
        .with_module(module::<D>("d").configure(|cx| {
            cx.provide_value(List);
            let section: std::collections::HashMap<String, u32> = cx.section("dd")?;
            assert!(section.is_empty());
            Ok(())
        }))
        .with_module(module::<A>("a"))
        .with_module(module::<u8>("e").configure(|_| Err("wrong".into())))
}

#[tokio::test]
async fn all_errors_are_told_at_once_in_a_stable_order() {
    let told = errors(all_wrong()).await;
    let kinds: Vec<_> = told
        .errors()
        .iter()
        .map(|error| {
            let debug = format!("{error:?}");
            debug.split([' ', '(']).next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "DuplicateModule",
            "MissingRequirement",
            "Cycle",
            "DisabledRequirement",
            "Configuration", // server.drain_delay
            "Configuration", // server.port
            "Configuration", // dd.size
            "ConfigureFailed",
            "Configuration", // servre
            "DuplicateProvider",
            "ContributionWithoutProvider",
            "ServiceFailed",
            "CheckFailed",
        ],
        "{told}"
    );
    for _ in 0..10 {
        assert_eq!(errors(all_wrong()).await.to_string(), told.to_string());
    }
}

#[tokio::test]
async fn the_list_of_errors_is_numbered_and_readable_and_debug_is_the_same() {
    let told = errors(
        app()
            .with_module(module::<A>("a").configure(|_| Err("first".into())))
            .with_module(module::<B>("b").configure(|_| Err("second".into()))),
    )
    .await;
    assert_eq!(
        told.to_string(),
        "the application cannot be built (2 errors):\n  \
         1. module `a` could not be configured: first\n  \
         2. module `b` could not be configured: second"
    );
    assert_eq!(format!("{told:?}"), told.to_string());
}
