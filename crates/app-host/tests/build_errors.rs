//! Everything that can be wrong is found by `build`, and told at once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use app_host::{
    BoxError, BuildError, ConfigFormat, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use support::{A, B, C, Testing, app, module, only_error};

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

#[tokio::test]
async fn a_module_added_twice_is_an_error() {
    let error = only_error(
        app()
            .with_module(module::<A>("a"))
            .with_module(module::<A>("a")),
    )
    .await;
    assert!(
        matches!(error, BuildError::DuplicateModule { module: "a" }),
        "{error}"
    );
}

#[tokio::test]
async fn a_cycle_is_an_error_with_its_path() {
    let error = only_error(
        app()
            .with_module(module::<A>("a").depends_on(|| Dependencies::none().after::<Testing<B>>()))
            .with_module(module::<B>("b").depends_on(|| Dependencies::none().after::<Testing<C>>()))
            .with_module(
                module::<C>("c").depends_on(|| Dependencies::none().requires_added::<Testing<A>>()),
            ),
    )
    .await;
    assert!(error.to_string().contains("a -> b -> c -> a"), "{error}");
    assert!(matches!(error, BuildError::Cycle { path } if path == ["a", "b", "c", "a"]));
}

#[tokio::test]
async fn a_module_that_depends_on_itself_is_a_cycle() {
    let error =
        only_error(app().with_module(
            module::<A>("a").depends_on(|| Dependencies::none().after::<Testing<A>>()),
        ))
        .await;
    assert!(matches!(error, BuildError::Cycle { path } if path == ["a", "a"]));
}

#[tokio::test]
async fn a_requirement_that_nobody_added_is_an_error() {
    let error = only_error(app().with_module(
        module::<A>("a").depends_on(|| Dependencies::none().requires_added::<Testing<B>>()),
    ))
    .await;
    assert_eq!(
        error.to_string(),
        "module `a` requires `Testing<B>`; add one with `.with_module(…)`"
    );
    assert!(matches!(
        error,
        BuildError::MissingRequirement { module: "a", .. }
    ));
}

#[tokio::test]
async fn a_disabled_requirement_is_an_error_that_says_why() {
    let error = only_error(
        app().with_module(module::<A>("a").depends_on(|| Dependencies::none().requires::<Off>())),
    )
    .await;
    let BuildError::DisabledRequirement {
        module,
        requirement,
        reason,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((module, requirement), ("a", "off"));
    assert_eq!(reason, "no `off.url` is set");
}

#[tokio::test]
async fn a_disabled_module_may_require_a_disabled_one() {
    let built = app()
        .with_module(
            module::<A>("a")
                .disabled("not today")
                .depends_on(|| Dependencies::none().requires::<Off>()),
        )
        .build()
        .await;
    built.expect("nothing is wrong");
}

#[tokio::test]
async fn two_providers_of_a_service_are_an_error_that_names_both() {
    let provides = |cx: &mut app_host::ConfigureContext<'_>| {
        cx.provide(ListBuilder);
        Ok(())
    };
    let error = only_error(
        app()
            .with_module(module::<A>("a").configure(provides))
            .with_module(module::<B>("b").configure(provides)),
    )
    .await;
    let BuildError::DuplicateProvider {
        service,
        first,
        second,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((service.as_str(), first, second), ("List", "a", "b"));
}

#[tokio::test]
async fn a_contribution_without_a_provider_is_an_error() {
    let error = only_error(app().with_module(module::<A>("a").configure(|cx| {
        cx.contribute(|list: ListBuilder| Ok(list));
        Ok(())
    })))
    .await;
    assert!(
        matches!(&error, BuildError::ContributionWithoutProvider { module: "a", builder } if builder == "ListBuilder"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_contribution_is_an_error_and_its_service_is_not_reported_again() {
    let error = only_error(
        app()
            .with_module(module::<A>("a").configure(|cx| {
                cx.provide(ListBuilder);
                cx.check(|services| {
                    services.get::<List>()?;
                    Ok(())
                });
                Ok(())
            }))
            .with_module(module::<B>("b").configure(|cx| {
                cx.contribute(|_: ListBuilder| Err("too long".into()));
                Ok(())
            })),
    )
    .await;
    assert!(
        matches!(&error, BuildError::ContributionFailed { module: "b", source, .. } if source.to_string() == "too long")
    );
}

#[tokio::test]
async fn bad_configuration_names_file_key_and_expectation() {
    let error = only_error(
        app()
            .config_str(ConfigFormat::Toml, "server.body_limit = 7")
            .with_module(module::<A>("a")),
    )
    .await;
    let BuildError::Configuration(problem) = &error else {
        panic!("{error}");
    };
    assert_eq!(problem.key(), "server.body_limit");
    assert_eq!(problem.origin(), Some("given text 2"));
    assert_eq!(
        problem.expectation(),
        "expected a size with a unit, such as \"64KiB\" or \"2MiB\", found integer `7`"
    );
}

#[tokio::test]
async fn a_failed_configure_is_an_error() {
    let error = only_error(
        app().with_module(module::<A>("a").configure(|_| Err("nothing to configure".into()))),
    )
    .await;
    assert!(
        matches!(error, BuildError::ConfigureFailed { module: "a", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_panic_in_configure_is_an_error() {
    let error =
        only_error(app().with_module(module::<A>("a").configure(|_| panic!("oh no")))).await;
    assert!(
        matches!(&error, BuildError::ConfigureFailed { module: "a", source } if source.to_string() == "panicked: oh no"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_service_is_an_error_and_what_follows_from_it_is_left_out() {
    let error = only_error(
        app()
            .with_module(module::<A>("a").configure(|cx| {
                cx.provide(FailingBuilder);
                Ok(())
            }))
            .with_module(module::<B>("b").configure(|cx| {
                cx.check(|services| Ok(services.get::<u8>().map(|_| ())?));
                Ok(())
            })),
    )
    .await;
    let BuildError::ServiceFailed {
        module,
        service,
        source,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((module, service.as_str()), ("a", "u8"));
    assert_eq!(source.to_string(), "no room");
}

#[tokio::test]
async fn a_service_that_lacks_what_a_failed_module_would_have_brought_is_no_second_error() {
    let error = only_error(
        app()
            .with_module(module::<A>("a").configure(|cx| {
                cx.provide(FailingBuilder);
                Ok(())
            }))
            .with_module(
                module::<B>("b")
                    .depends_on(|| Dependencies::none().requires_added::<Testing<A>>())
                    .configure(|_| Err("the key has 12 bytes".into())),
            ),
    )
    .await;
    assert!(
        matches!(error, BuildError::ConfigureFailed { module: "b", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_check_is_an_error() {
    let error = only_error(app().with_module(module::<A>("a").configure(|cx| {
        cx.check(|_| Err("handler is not linked".into()));
        Ok(())
    })))
    .await;
    assert!(
        matches!(error, BuildError::CheckFailed { module: "a", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_service_says_who_may_provide_it() {
    let error = only_error(
        app()
            .with_module(module::<B>("quiet").disabled("not wanted"))
            .with_module(module::<A>("a").configure(|cx| {
                cx.check(|services| Ok(services.get::<List>().map(|_| ())?));
                Ok(())
            })),
    )
    .await;
    let BuildError::CheckFailed { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        source.to_string(),
        "no module provides `List`; add the module that does, or require it in `depends_on`; disabled here: `quiet` (not wanted)"
    );
}
