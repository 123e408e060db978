//! Routes that collide or cannot be made are errors of the build.
#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use app_host::BuildError;
use support::{A, B, Testing, app, module, only_error};

use axum::Router;
use axum::routing::get;

fn with_route<Id>(name: &'static str, path: &'static str) -> Testing<Id> {
    module::<Id>(name).configure(move |cx| {
        cx.routes(move |_| Ok(Router::new().route(path, get(|| async {}))));
        Ok(())
    })
}

#[tokio::test]
async fn colliding_routes_are_an_error_that_names_the_second_module_and_the_path() {
    let error = only_error(
        app()
            .with_module(with_route::<A>("a", "/invoices/{id}"))
            .with_module(with_route::<B>("b", "/invoices/{number}")),
    )
    .await;
    let BuildError::RouteConflict { module, reason } = error else {
        panic!("{error}");
    };
    assert_eq!(module, "b");
    assert!(reason.contains("/invoices/{number}"), "{reason}");
}

#[tokio::test]
async fn a_route_of_the_host_is_not_for_modules() {
    let error = only_error(app().with_module(with_route::<A>("a", "/health/live"))).await;
    assert!(
        matches!(error, BuildError::RouteConflict { module: "a", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn routes_that_cannot_be_made_are_an_error() {
    let error = only_error(app().with_module(module::<A>("a").configure(|cx| {
        cx.routes(|_| Err("no template".into()));
        Ok(())
    })))
    .await;
    assert!(
        matches!(error, BuildError::RoutesFailed { module: "a", .. }),
        "{error}"
    );

    let error = only_error(app().with_module(with_route::<A>("a", "no slash"))).await;
    assert!(
        matches!(&error, BuildError::RoutesFailed { module: "a", source } if source.to_string().contains("panicked")),
        "{error}"
    );
}
