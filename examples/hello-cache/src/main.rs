//! The cache without a host: a typed key, a slow query, an invalidation.

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caching_core::{CacheKey, HybridCache};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Weather {
    city: String,
    degrees: i32,
}

#[derive(CacheKey)]
#[cache_key(kind = "weather", value = Weather, template = "{city}")]
struct WeatherKey {
    city: String,
}

/// Something slow, such as a query or a call to another service.
async fn measure(city: String) -> Result<Weather, std::io::Error> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(Weather { city, degrees: 21 })
}

async fn weather(cache: &HybridCache, city: &str) -> Result<Arc<Weather>, Box<dyn Error>> {
    let key = WeatherKey {
        city: city.to_owned(),
    };
    let city = city.to_owned();
    Ok(cache.get_or_set(&key, move |_| measure(city)).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = HybridCache::builder().build()?;

    for attempt in ["first", "second"] {
        let begun = Instant::now();
        let weather = weather(&cache, "Paris").await?;
        println!(
            "{attempt} read: {} has {} degrees, after {:?}",
            weather.city,
            weather.degrees,
            begun.elapsed()
        );
    }

    // A hundred callers of one cold key: one measurement.
    let before = cache.stats().factory_successes;
    let callers = (0..100).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { weather(&cache, "Oslo").await.is_ok() })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert!(caller.await?);
    }
    let measured = cache.stats().factory_successes - before;
    println!("a hundred callers: {measured} measurement");

    // After the weather has changed, nobody gets the old one.
    let paris = WeatherKey {
        city: "Paris".to_owned(),
    };
    cache.remove(&paris).await?.accept_queued();
    println!("removed: {:?}", cache.peek(&paris)?);
    Ok(())
}
