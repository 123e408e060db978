//! Tenancy in an application made of modules.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

mod support;

use std::sync::Arc;

use app_host::{App, AppBuilder, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module};
use axum::body::{Body, to_bytes};
use axum::{Router, routing::get};
use caching_core::{CacheError, HybridCache};
use caching_tenancy::{
    CachingTenancyModule, KnownTenants, Tenant, TenantDirectory, TenantLayerBuilder,
    TenantRejection,
};
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

use support::{as_tenant, tenant, tenant_seen};

/// Routes that read through the cache; one of them open to everybody.
#[derive(Default)]
struct GreetingModule;

impl Module for GreetingModule {
    fn name(&self) -> &'static str {
        "greeting"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingTenancyModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.routes(|services| {
            let cache: HybridCache = services.get()?;
            let greet = async move || {
                let load = |_| async { tenant_seen() };
                cache.get_or_set("name", load).await.unwrap().to_string()
            };
            Ok(Router::new().route("/name", get(greet)))
        });
        cx.open_routes(|_| {
            let open = async || Tenant::current().is_err().to_string();
            Ok(Router::new().route("/open", get(open)))
        });
        Ok(())
    }
}

/// Knows which tenants there are, and comes after the module that asks.
#[derive(Default)]
struct DirectoryModule;

impl Module for DirectoryModule {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingTenancyModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let tenants: KnownTenants = [tenant("initech")].into_iter().collect();
        cx.provide_value::<Arc<dyn TenantDirectory>>(Arc::new(tenants));
        Ok(())
    }
}

fn builder(config: &str) -> AppBuilder {
    App::builder()
        .module::<GreetingModule>()
        .without_environment_variables()
        .config_str(ConfigFormat::Toml, config)
}

async fn started(builder: AppBuilder) -> App {
    let app = builder.build().await.unwrap();
    app.start().await.unwrap();
    app
}

async fn build_errors(builder: AppBuilder) -> String {
    match builder.build().await {
        Ok(_) => panic!("the application was built"),
        Err(errors) => errors.to_string(),
    }
}

async fn answer(app: &App, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn by_header(app: &App, name: &str) -> (StatusCode, String) {
    answer(app, "/name", &[("x-tenant-id", name)]).await
}

fn accepted(name: &str) -> (StatusCode, String) {
    (StatusCode::OK, name.to_owned())
}

const TWO_TENANTS: &str = r#"cache.tenancy.tenants = ["acme", "globex"]"#;

#[tokio::test]
async fn routes_and_cache_work_for_the_tenant_of_the_request() {
    let app = started(builder(TWO_TENANTS)).await;
    for name in ["acme", "globex", "acme"] {
        assert_eq!(by_header(&app, name).await, accepted(name));
    }
    assert_eq!(by_header(&app, "initech").await.0, StatusCode::FORBIDDEN);
    assert_eq!(answer(&app, "/name", &[]).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(answer(&app, "/open", &[]).await, accepted("true"));
    assert_eq!(answer(&app, "/health/ready", &[]).await.0, StatusCode::OK);
    app.stop().await;
}

#[tokio::test]
async fn the_cache_of_the_application_needs_a_tenant() {
    let app = builder(TWO_TENANTS).build().await.unwrap();
    let cache: HybridCache = app.services().get().unwrap();
    let error = cache.get::<_, String>("name").await.unwrap_err();
    assert!(matches!(error, CacheError::NoScope { .. }), "{error}");
    let seen = as_tenant("acme", async { cache.get::<_, String>("name").await });
    assert_eq!(seen.await.unwrap(), None);
}

#[tokio::test]
async fn a_directory_that_a_later_module_provides_is_asked() {
    let app = started(builder("").module::<DirectoryModule>()).await;
    assert_eq!(by_header(&app, "initech").await, accepted("initech"));
    assert_eq!(by_header(&app, "acme").await.0, StatusCode::FORBIDDEN);
    app.stop().await;
}

#[tokio::test]
async fn an_application_that_knows_no_tenants_is_built_only_when_told_so() {
    let errors = build_errors(builder("")).await;
    for way_out in [
        "TenantDirectory",
        "cache.tenancy.tenants",
        "cache.tenancy.unknown",
    ] {
        assert!(errors.contains(way_out), "{errors}");
    }
    let app = started(builder(r#"cache.tenancy.unknown = "accept""#)).await;
    assert_eq!(by_header(&app, "made-up").await, accepted("made-up"));
    app.stop().await;
}

#[tokio::test]
async fn a_list_of_tenants_beside_a_directory_is_an_error() {
    let errors = build_errors(builder(TWO_TENANTS).module::<DirectoryModule>()).await;
    assert!(errors.contains("two directories"), "{errors}");
}

#[tokio::test]
async fn header_and_base_domain_come_from_the_configuration() {
    let config = r#"
        [cache.tenancy]
        resolvers = ["header", "host"]
        header = "X-Customer"
        base_domain = "example.com"
        tenants = ["acme", "globex"]
    "#;
    let app = started(builder(config)).await;
    let (header, host) = (("x-customer", "acme"), ("host", "acme.example.com"));
    assert_eq!(answer(&app, "/name", &[header]).await, accepted("acme"));
    assert_eq!(answer(&app, "/name", &[host]).await, accepted("acme"));
    assert_eq!(
        answer(&app, "/name", &[header, host]).await,
        accepted("acme")
    );
    let conflict = answer(&app, "/name", &[header, ("host", "globex.example.com")]).await;
    assert_eq!(conflict.0, StatusCode::FORBIDDEN);
    assert_eq!(by_header(&app, "acme").await.0, StatusCode::BAD_REQUEST);
    app.stop().await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_build_errors() {
    for (config, named) in [
        ("cache.tenancy.headr = 'x'", "headr"),
        ("cache.tenancy.tenants = ['Acme']", "the character `A`"),
        ("cache.tenancy.resolvers = ['cookie']", "cookie"),
        ("cache.tenancy.resolvers = []", "looked for nowhere"),
        (
            "cache.tenancy.resolvers = ['host']",
            "cache.tenancy.base_domain",
        ),
        (
            "cache.tenancy.base_domain = 'example.com'",
            "cache.tenancy.resolvers",
        ),
        ("cache.tenancy.header = 'x tenant'", "cache.tenancy.header"),
        ("cache.tenancy.unknown = 'maybe'", "maybe"),
    ] {
        let errors = build_errors(builder(config)).await;
        assert!(errors.contains(named), "{config}: {errors}");
    }
}

/// A module that authenticates (here: believes a cookie) and speaks of refusals in its own way.
#[derive(Default)]
struct SessionModule;

impl Module for SessionModule {
    fn name(&self) -> &'static str {
        "session"
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.contribute::<TenantLayerBuilder>(|layer| {
            let claim = |request: &http::request::Parts| {
                let session = request.headers.get("cookie")?.to_str().ok()?;
                Some(session.strip_prefix("tenant=")?.to_owned())
            };
            let respond = |rejection: &TenantRejection| {
                let mut response = Response::new("{}".to_owned());
                *response.status_mut() = rejection.status();
                response
            };
            Ok(layer.claim(claim).rejection(respond))
        });
        Ok(())
    }
}

#[tokio::test]
async fn a_module_contributes_its_claim_and_its_refusals() {
    let app = started(builder(TWO_TENANTS).module::<SessionModule>()).await;
    let cookie = ("cookie", "tenant=acme");
    assert_eq!(answer(&app, "/name", &[cookie]).await, accepted("acme"));
    let forged = answer(&app, "/name", &[cookie, ("x-tenant-id", "globex")]).await;
    assert_eq!(forged, (StatusCode::FORBIDDEN, "{}".to_owned()));
    assert_eq!(by_header(&app, "globex").await.0, StatusCode::BAD_REQUEST);
    app.stop().await;
}

#[tokio::test]
async fn switched_off_it_says_so_and_refuses_modules_that_require_it() {
    let off = "cache.tenancy.enabled = false";
    let alone = App::builder()
        .module::<CachingTenancyModule>()
        .without_environment_variables()
        .config_str(ConfigFormat::Toml, off);
    let report = alone.build().await.unwrap().report().to_string();
    assert!(
        report.contains("`cache.tenancy.enabled` is false"),
        "{report}"
    );
    let errors = build_errors(builder(off)).await;
    assert!(errors.contains("caching-tenancy"), "{errors}");
}

#[tokio::test]
async fn an_environment_variable_lists_the_tenants() {
    let app = App::builder()
        .module::<GreetingModule>()
        .env_vars([("APP__CACHE__TENANCY__TENANTS", "acme,globex")]);
    let app = started(app).await;
    assert_eq!(by_header(&app, "globex").await, accepted("globex"));
    assert_eq!(by_header(&app, "initech").await.0, StatusCode::FORBIDDEN);
    app.stop().await;
}

#[tokio::test]
async fn two_applications_of_one_process_keep_their_entries_and_tenants_apart() {
    let first = started(builder(r#"cache.tenancy.tenants = ["acme"]"#)).await;
    let second = started(builder(r#"cache.tenancy.tenants = ["acme", "globex"]"#)).await;
    let cache_of = |app: &App| app.services().get::<HybridCache>().unwrap();

    let write = cache_of(&first);
    let write = as_tenant("acme", async {
        write.set("name", "first".to_owned()).await
    });
    write.await.unwrap().accept_queued();
    assert_eq!(by_header(&first, "acme").await, accepted("first"));
    assert_eq!(by_header(&second, "acme").await, accepted("acme"));
    assert_eq!(by_header(&first, "globex").await.0, StatusCode::FORBIDDEN);
    assert_eq!(by_header(&second, "globex").await, accepted("globex"));

    let clear = cache_of(&second);
    let clear = as_tenant("acme", async { clear.clear().await });
    clear.await.unwrap().accept_queued();
    assert_eq!(by_header(&first, "acme").await, accepted("first"));
    first.stop().await;
    second.stop().await;
}
