//! Profiles in an application: each is for a kind that one of its keys has.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use app_host::{App, ConfigFormat};
use caching_core::{CacheKey, CachingModule};

#[derive(CacheKey)]
#[allow(
    dead_code,
    reason = "no key is made: what counts is that the type is there"
)]
#[cache_key(kind = "invoice", value = u32, template = "{id}")]
struct InvoiceKey {
    id: u32,
}

/// What an application with this configuration is refused with, if it is.
async fn refusal(config: &str) -> Option<String> {
    let app = App::builder()
        .without_environment_variables()
        .module::<CachingModule>()
        .config_str(ConfigFormat::Toml, config)
        .build()
        .await;
    app.err().map(|errors| errors.to_string())
}

#[tokio::test]
async fn a_profile_for_a_kind_that_no_key_has_is_refused_with_the_known_kinds() {
    let message = refusal("cache.profiles.invoise.duration = '1m'").await;
    let message = message.unwrap();
    for part in ["`cache.profiles.invoise`", "the kinds are: invoice, plain"] {
        assert!(message.contains(part), "{part} in: {message}");
    }
}

#[tokio::test]
async fn a_profile_for_a_kind_that_a_key_has_is_accepted() {
    assert_eq!(
        refusal("cache.profiles.invoice.duration = '1m'").await,
        None
    );
}

#[tokio::test]
async fn a_profile_for_plain_keys_is_accepted() {
    assert_eq!(refusal("cache.profiles.plain.duration = '1m'").await, None);
}
