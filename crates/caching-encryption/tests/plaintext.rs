//! What an application does about a shared store without encryption, and with it.

#![cfg(feature = "host")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use app_host::{
    App, AppBuilder, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module, async_trait,
};
use caching_core::{CachingModule, HybridCache, HybridCacheBuilder, MemoryStore};
use caching_encryption::CachingEncryptionModule;

const KEY: &str = "cache.encryption.key = 'q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k='";

/// Brings a shared store, as a module for Redis does.
struct StoreModule(MemoryStore);

#[async_trait]
impl Module for StoreModule {
    fn name(&self) -> &'static str {
        "store"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let l2 = self.0.l2();
        cx.contribute::<HybridCacheBuilder>(|cache| Ok(cache.l2(l2)));
        Ok(())
    }
}

fn app(environment: &str, store: &MemoryStore, config: &str) -> AppBuilder {
    App::builder()
        .with_module(StoreModule(store.clone()))
        .env_vars([("APP_ENVIRONMENT", environment)])
        .config_str(ConfigFormat::Toml, config)
}

/// What the first value is in the store.
async fn stored(app: AppBuilder, store: &MemoryStore) -> String {
    let app = app.build().await.unwrap();
    app.start().await.unwrap();
    let cache = app.services().get::<HybridCache>().unwrap();
    let set = cache.set("a", "SECRET".to_owned()).await.unwrap();
    assert!(set.is_applied());
    assert!(app.stop().await.is_clean());
    let records = store.records();
    String::from_utf8_lossy(&records[0].record.payload).into_owned()
}

async fn refusal(app: AppBuilder) -> String {
    match app.build().await {
        Ok(_) => panic!("the application was built"),
        Err(errors) => errors.to_string(),
    }
}

#[tokio::test]
async fn with_a_key_what_leaves_the_application_is_sealed() {
    for environment in ["production", "development"] {
        let store = MemoryStore::new();
        let app = app(environment, &store, KEY).module::<CachingEncryptionModule>();
        let stored = stored(app, &store).await;
        assert!(!stored.contains("SECRET"), "{stored}");
    }
}

#[tokio::test]
async fn a_shared_store_without_a_key_is_refused_in_production() {
    let refused = refusal(app("production", &MemoryStore::new(), "")).await;
    assert!(refused.contains("cache.encryption.key"), "{refused}");
    assert!(refused.contains("allow_plaintext"), "{refused}");

    // The module alone does not help, nor does a key that is switched off.
    let without_key =
        app("production", &MemoryStore::new(), "").module::<CachingEncryptionModule>();
    assert_eq!(refusal(without_key).await, refused);
    let off = format!("{KEY}\ncache.encryption.enabled = false");
    let off = app("production", &MemoryStore::new(), &off).module::<CachingEncryptionModule>();
    assert_eq!(refusal(off).await, refused);
}

#[tokio::test]
async fn a_shared_store_without_a_key_runs_in_development_and_where_it_is_allowed() {
    for (environment, config) in [
        ("development", ""),
        ("production", "cache.encryption.allow_plaintext = true"),
    ] {
        // Without the module of encryption the setting is understood all the same.
        let store = MemoryStore::new();
        let stored = stored(app(environment, &store, config), &store).await;
        assert!(stored.contains("SECRET"), "{environment}: {stored}");
    }
}
