//! Where the tenant of a request is found, and which requests are refused there.

#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use caching_tenancy::{TenantId, TenantLayerBuilder, TenantResolver, Unresolved};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};

use support::requests::{HEADER, accepted, answer, app, by_header, detail, layer, request, status};

/// What an authentication layer leaves behind.
#[derive(Clone)]
struct Claims {
    tenant: Option<&'static str>,
}

#[tokio::test]
async fn a_request_with_a_known_tenant_is_answered_in_it() {
    let app = app(by_header());
    for name in ["acme", "globex"] {
        assert_eq!(
            answer(&app, request().header(HEADER, name)).await,
            accepted(name)
        );
    }
}

#[tokio::test]
async fn absent_is_400_and_says_where_to_name_one() {
    let (status, body) = answer(&app(by_header().host("example.com")), request()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        detail(&body),
        "the request names no tenant; name one by header `x-tenant-id` or host under `example.com`"
    );
}

#[tokio::test]
async fn unknown_is_403() {
    let (status, body) = answer(&app(by_header()), request().header(HEADER, "initech")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(detail(&body), "there is no tenant `initech`");
}

#[tokio::test]
async fn a_malformed_header_is_400_and_nothing_of_it_comes_back() {
    let app = app(by_header());
    let long = "a".repeat(60_000);
    let malformed: [&[u8]; 17] = [
        b"",
        b" acme",
        b"Acme",
        b"ACME",
        b"acme,globex",
        b"acme, acme",
        b"acme globex",
        b"acme\tglobex",
        b"t:acme",
        b"../globex",
        b"acme;q=1",
        b"\"acme\"",
        b"<script>",
        b"acme\xff",
        "\u{430}cme".as_bytes(),
        "acme\u{200b}".as_bytes(),
        long.as_bytes(),
    ];
    for value in malformed {
        let (status, body) = answer(&app, request().header(HEADER, value)).await;
        assert_eq!(
            status,
            StatusCode::BAD_REQUEST,
            "{:?}",
            value.escape_ascii()
        );
        let detail = detail(&body);
        assert!(
            detail.starts_with("the tenant by header `x-tenant-id` is refused: "),
            "{detail}"
        );
        assert!(detail.len() < 200, "{detail}");
        assert!(
            !detail.contains("globex") && !detail.contains("script"),
            "{detail}"
        );
        assert!(
            detail.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{detail}"
        );
    }
}

#[test]
fn control_characters_do_not_get_as_far_as_a_header() {
    for value in [
        "acme\r\nX-Tenant-Id: globex",
        "acme\0",
        "acme\u{7f}",
        "acme\u{1b}[2J",
    ] {
        assert!(HeaderValue::from_bytes(value.as_bytes()).is_err());
    }
}

#[tokio::test]
async fn two_headers_are_refused_even_where_they_agree() {
    let app = app(by_header());
    for (first, second) in [("acme", "globex"), ("globex", "acme"), ("acme", "acme")] {
        let twice = request()
            .header(HEADER, first)
            .header("x-tenant-id", second);
        let (status, body) = answer(&app, twice).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(detail(&body).contains("given 2 times"), "{body}");
    }
}

#[tokio::test]
async fn a_tenant_is_found_in_the_host_name() {
    let app = app(layer().host("example.com"));
    let acme = request().header(HOST, "ACME.example.com:8080");
    assert_eq!(answer(&app, acme).await, accepted("acme"));
    let target = Request::builder().uri("http://globex.example.com/");
    assert_eq!(answer(&app, target).await, accepted("globex"));
    for (host, expected) in [
        ("initech.example.com", StatusCode::FORBIDDEN),
        ("example.com", StatusCode::BAD_REQUEST),
        ("acme.example.org", StatusCode::BAD_REQUEST),
        ("x.acme.example.com", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            status(&app, request().header(HOST, host)).await,
            expected,
            "{host}"
        );
    }
}

#[tokio::test]
async fn headers_of_proxies_do_not_change_the_host() {
    let app = app(layer().host("example.com"));
    let forged = request()
        .header(HOST, "acme.example.com")
        .header("x-forwarded-host", "globex.example.com")
        .header("forwarded", "host=globex.example.com")
        .header("x-host", "globex.example.com");
    assert_eq!(answer(&app, forged).await, accepted("acme"));
}

fn with_claim(layer: TenantLayerBuilder) -> TenantLayerBuilder {
    layer.claim(|request| request.extensions.get::<Claims>()?.tenant)
}

#[tokio::test]
async fn a_tenant_is_found_in_a_claim() {
    let app = app(with_claim(layer()));
    let claims = |tenant| request().extension(Claims { tenant });
    assert_eq!(answer(&app, claims(Some("acme"))).await, accepted("acme"));
    assert_eq!(
        status(&app, claims(Some("initech"))).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, claims(Some("Acme"))).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(status(&app, claims(None)).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_header_beside_a_claim_confirms_it_and_never_replaces_it() {
    // In either order.
    for layer in [with_claim(by_header()), with_claim(layer()).header(HEADER)] {
        let app = app(layer);
        let acme = || {
            request().extension(Claims {
                tenant: Some("acme"),
            })
        };
        assert_eq!(answer(&app, acme()).await, accepted("acme"));
        assert_eq!(
            answer(&app, acme().header(HEADER, "acme")).await,
            accepted("acme")
        );

        let forged = acme().header(HEADER, "globex");
        assert_eq!(status(&app, forged).await, StatusCode::FORBIDDEN);
        let malformed = acme().header(HEADER, "glo bex");
        assert_eq!(status(&app, malformed).await, StatusCode::BAD_REQUEST);

        let anonymous = request().header(HEADER, "globex");
        assert_eq!(status(&app, anonymous).await, StatusCode::BAD_REQUEST);
        let without_tenant = request()
            .extension(Claims { tenant: None })
            .header(HEADER, "globex");
        assert_eq!(status(&app, without_tenant).await, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_conflict_is_403_and_does_not_tell_what_the_claim_was() {
    let app = app(with_claim(by_header()));
    let forged = request()
        .extension(Claims {
            tenant: Some("acme"),
        })
        .header(HEADER, "globex");
    let (status, body) = answer(&app, forged).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!body.contains("acme") && !body.contains("globex"), "{body}");
}

#[tokio::test]
async fn host_and_header_have_to_agree() {
    let app = app(by_header().host("example.com"));
    let acme = || request().header(HOST, "acme.example.com");
    assert_eq!(
        answer(&app, acme().header(HEADER, "acme")).await,
        accepted("acme")
    );
    assert_eq!(
        status(&app, acme().header(HEADER, "globex")).await,
        StatusCode::FORBIDDEN
    );
    let elsewhere = request().header(HOST, "localhost").header(HEADER, "globex");
    assert_eq!(answer(&app, elsewhere).await, accepted("globex"));
}

#[tokio::test]
async fn a_place_of_ones_own_can_be_looked_at() {
    struct QueryResolver;
    impl TenantResolver for QueryResolver {
        fn place(&self) -> &str {
            "query"
        }
        fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved> {
            request
                .uri
                .query()
                .map(|query| Ok(TenantId::parse(query)?))
                .transpose()
        }
    }
    let app = app(layer().resolver(QueryResolver));
    assert_eq!(
        answer(&app, Request::builder().uri("/?acme")).await,
        accepted("acme")
    );
    assert_eq!(
        status(&app, Request::builder().uri("/?a%20b")).await,
        StatusCode::BAD_REQUEST
    );
}
