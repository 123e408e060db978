//! A module of one's own: it reads its section, uses the cache, and provides a service.

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;

use app_host::{App, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module};
use caching_core::{CacheKey, CachingModule, HybridCache};
use serde::Deserialize;

/// The section `[greeter]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GreeterConfig {
    greeting: String,
}

impl Default for GreeterConfig {
    fn default() -> Self {
        Self {
            greeting: "Hello".to_owned(),
        }
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "greeting", value = String, template = "{name}")]
struct GreetingKey {
    name: String,
}

/// The service that the module provides.
#[derive(Clone)]
struct Greeter {
    greeting: Arc<str>,
    cache: HybridCache,
}

impl Greeter {
    async fn greet(&self, name: &str) -> Result<Arc<String>, BoxError> {
        let key = GreetingKey {
            name: name.to_owned(),
        };
        let text = format!("{}, {name}!", self.greeting);
        let greeting = self.cache.get_or_set(&key, move |_| async move {
            println!("(made once)");
            Ok::<_, BoxError>(text)
        });
        Ok(greeting.await?)
    }
}

#[derive(Default)]
struct GreeterModule;

impl Module for GreeterModule {
    fn name(&self) -> &'static str {
        "greeter"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: GreeterConfig = cx.section("greeter")?;
        cx.provide_with(|services| {
            Ok(Greeter {
                greeting: config.greeting.into(),
                cache: services.get()?,
            })
        });
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let app = App::builder()
        .name("custom-module")
        .module::<GreeterModule>()
        .config_str(
            ConfigFormat::Toml,
            "greeter.greeting = 'Good morning'
             cache.profiles.greeting.duration = '1h'",
        )
        .build()
        .await?;
    println!("{}", app.report());

    app.start().await?;
    let greeter = app.services().get::<Greeter>()?;
    for _ in 0..2 {
        println!("{}", greeter.greet("Ada").await?);
    }
    app.stop().await;
    Ok(())
}
