//! Two keys of one kind in a program: it does not start.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use app_host::App;
use caching_core::{CacheKey, CachingModule};

#[derive(CacheKey)]
#[allow(
    dead_code,
    reason = "no key is made: what counts is that the type is there"
)]
#[cache_key(kind = "invoice", value = u32, template = "{id}")]
struct ById {
    id: u32,
}

#[derive(CacheKey)]
#[allow(
    dead_code,
    reason = "no key is made: what counts is that the type is there"
)]
#[cache_key(kind = "invoice", value = u32, template = "{number}")]
struct ByNumber {
    number: String,
}

#[tokio::test]
async fn two_keys_of_one_kind_are_refused_with_a_message_that_names_both() {
    let app = App::builder()
        .without_environment_variables()
        .module::<CachingModule>()
        .build()
        .await;
    let message = app.err().unwrap().to_string();
    for part in ["`invoice`", "ById", "ByNumber"] {
        assert!(message.contains(part), "{part} in: {message}");
    }
}
