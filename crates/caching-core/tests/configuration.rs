//! The section `[cache]`: its defaults, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use caching_core::{
    CacheConfig, CodecChoice, EagerRefresh, EntryOptions, HybridCache, Limit, SizeLimit,
};

fn parse(toml: &str) -> Result<CacheConfig, String> {
    toml::from_str(toml).map_err(|error| error.to_string())
}

fn refusal(toml: &str) -> String {
    HybridCache::builder()
        .config(parse(toml).unwrap())
        .build()
        .unwrap_err()
        .to_string()
}

#[test]
fn an_empty_section_is_the_table_of_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, CacheConfig::default());
    assert_eq!(config.l1.max_entries, 100_000);
    assert_eq!(config.generation, 0);
    assert_eq!(config.key_limit, 1_024);
    assert_eq!(config.payload_limit.as_u64(), 1024 * 1024);
    assert_eq!(
        config.compress_above.size().map(|size| size.as_u64()),
        Some(2 * 1024)
    );
    assert_eq!(config.key_prefix, None);
    assert_eq!(config.defaults, EntryOptions::default());
    let built_in = EntryOptions::built_in();
    assert_eq!(built_in.duration, Some(Duration::from_secs(300)));
    assert_eq!(built_in.negative_duration, Some(Duration::from_secs(30)));
    assert_eq!(built_in.jitter, Some(Limit::Off));
    assert_eq!(built_in.fail_safe, Some(true));
    assert_eq!(built_in.retention, Some(Duration::from_secs(7_200)));
    assert_eq!(built_in.throttle, Some(Duration::from_secs(30)));
    assert_eq!(
        built_in.factory_soft_limit,
        Some(Limit::After(Duration::from_secs(2)))
    );
    assert_eq!(
        built_in.factory_hard_limit,
        Some(Limit::After(Duration::from_secs(10)))
    );
    assert_eq!(built_in.eager_refresh, Some(EagerRefresh::At(0.8)));
    assert_eq!(built_in.codec, Some(CodecChoice::Json));
    assert_eq!(built_in.l1_retention, Some(Limit::Off));
    assert_eq!(built_in.source_lag, Some(Duration::ZERO));
}

#[test]
fn units_are_humane_and_limits_can_be_off() {
    let config = parse(
        "payload_limit = '64KiB'
         compress_above = 'off'
         [defaults]
         duration = '1h 30m'
         jitter = '10s'
         factory_soft_limit = 'off'
         eager_refresh = 'off'
         [profiles.invoice]
         codec = 'message_pack'
         eager_refresh = 0.5",
    )
    .unwrap();
    assert_eq!(config.payload_limit.as_u64(), 64 * 1024);
    assert_eq!(config.compress_above, SizeLimit::Off);
    assert_eq!(
        config.profiles["invoice"].codec,
        Some(CodecChoice::MessagePack)
    );
    assert_eq!(config.defaults.duration, Some(Duration::from_secs(5_400)));
    assert_eq!(
        config.defaults.jitter,
        Some(Limit::After(Duration::from_secs(10)))
    );
    assert_eq!(config.defaults.factory_soft_limit, Some(Limit::Off));
    assert_eq!(config.defaults.eager_refresh, Some(EagerRefresh::Off));
    assert_eq!(
        config.profiles["invoice"].eager_refresh,
        Some(EagerRefresh::At(0.5))
    );
}

#[test]
fn what_is_written_is_read_back() {
    let text = "key_prefix = 'shop'\ncompress_above = '4KiB'\ndefaults.duration = '15m'\n\
                defaults.jitter = 'off'\ndefaults.codec = 'custom'\n\
                profiles.invoice.eager_refresh = 0.5\nl1.max_entries = 7";
    let config = parse(text).unwrap();
    let written = toml::to_string(&config).unwrap();
    assert_eq!(parse(&written).unwrap(), config, "{written}");
}

#[test]
fn typos_units_and_types_are_errors_that_say_what_was_expected() {
    let cases = [
        ("duraton = '5m'", "unknown field `duraton`"),
        ("defaults.duraton = '5m'", "unknown field `duraton`"),
        ("defaults.duration = 5", "a duration such as \"30s\""),
        ("defaults.duration = '5 parsecs'", "parsecs"),
        ("defaults.duration = '900y'", "longer than 200 years"),
        ("defaults.factory_soft_limit = 'never'", "or \"off\""),
        ("defaults.eager_refresh = 1.5", "above 0 and below 1"),
        ("defaults.fail_safe = 'yes'", "boolean"),
        ("defaults.codec = 'xml'", "`json`, `message_pack`, `custom`"),
        ("compress_above = 'never'", "a size such as \"2KiB\""),
        ("l1.max_entries = -1", "-1"),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_all_at_once() {
    let message = refusal(
        "key_limit = 0
         key_prefix = 'a b'
         l1.max_entries = 0
         l1.max_bytes = '0B'
         concurrent_factories = 0
         defaults.factory_soft_limit = '1m'
         profiles.Invoice.duration = '1m'
         profiles.session.sliding = '5m'
         profiles.rate = { fail_safe = false, serve_stale = '1m' }
         profiles.access = { revocable = true, serve_stale = '1m' }",
    );
    for setting in [
        "cache.key_limit",
        "cache.key_prefix",
        "cache.l1.max_entries",
        "cache.defaults.factory_soft_limit",
        "cache.profiles.Invoice",
        "cache.l1.max_bytes",
        "cache.concurrent_factories",
        "cache.profiles.session.sliding",
        "cache.profiles.rate.serve_stale",
        "cache.profiles.access.serve_stale",
    ] {
        assert!(message.contains(setting), "{setting} in: {message}");
    }
}

#[test]
fn a_soft_limit_past_the_hard_one_of_another_layer_is_refused() {
    let message = refusal(
        "defaults.factory_hard_limit = '1s'
         defaults.factory_soft_limit = 'off'
         profiles.invoice.factory_soft_limit = '2s'",
    );
    assert!(
        message.contains("cache.profiles.invoice.factory_soft_limit"),
        "{message}"
    );
}

#[test]
fn a_generation_past_the_last_is_refused_with_the_way_out() {
    let refusal = refusal("generation = 1000");
    assert!(refusal.contains("`cache.generation` is 1000"), "{refusal}");
    assert!(refusal.contains("999 or less"), "{refusal}");
}
