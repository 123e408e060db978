//! A cold key on three pods: one factory call over all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caching_testkit::RedisServer;

use crate::Result;
use crate::fixture::{Invoice, InvoiceKey, cache};

const PODS: usize = 3;
const CALLERS: usize = 100;
const KEYS: u64 = 20;
const FACTORY: Duration = Duration::from_millis(20);

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let mut pods = Vec::new();
    for _ in 0..PODS {
        pods.push(cache(&server.url(), "cold", true, false).await?);
    }
    let runs = Arc::new(AtomicU64::new(0));
    let mut slowest = Duration::ZERO;
    for number in 0..KEYS {
        let begun = Instant::now();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (pod, runs) = (pods[caller % PODS].clone(), Arc::clone(&runs));
                // Awaited below.
                tokio::spawn(async move {
                    let key = InvoiceKey { caller: 0, number };
                    let loaded = pod.get_or_set(&key, move |_| async move {
                        runs.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(FACTORY).await;
                        Ok::<_, std::io::Error>(Invoice::new(number))
                    });
                    loaded.await.map(|_| ())
                })
            })
            .collect();
        for caller in callers {
            caller.await??;
        }
        slowest = slowest.max(begun.elapsed());
    }
    let runs = runs.load(Ordering::Relaxed);
    println!(
        "| P9 | a cold key, {PODS} pods, {CALLERS} callers: factory calls a key | {:.2} | 1 | slowest {slowest:?}, factory {FACTORY:?} | 1 {} |",
        runs as f64 / KEYS as f64,
        if runs == KEYS { "✓" } else { "✗" }
    );
    Ok(())
}
