//! A hit in the shared level: one round trip, beside a bare pipeline of `GET` and `HMGET`.

use std::sync::Arc;

use caching_core::HybridCache;
use caching_testkit::RedisServer;
use deadpool_redis::redis::{Pipeline, Value, cmd, pipe};

use crate::Result;
use crate::bare::Bare;
use crate::fixture::{Invoice, InvoiceKey, KEYS, Small, SmallKey, cache};
use crate::rate::{CALLERS, Operation, compare, operation};

/// What stands beside a value.
const META: &str = "1 0123456789abcdef0123456789abcdef 0 1700000000000 1700000000000";

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let url = server.url();
    let bare = Bare::connect(&url).await?;
    fill_bare(&bare, "small", "x".repeat(64).into()).await?;
    fill_bare(&bare, "large", serde_json::to_vec(&Invoice::new(7))?).await?;
    let plain = filled(&url, "hit", false).await?;
    let sealed = filled(&url, "sealed", true).await?;

    let two = || read_bare(bare.clone(), "small");
    let rates = compare(CALLERS, read_small(plain.clone()), two()).await?;
    rates.print("P5", "hits in L2, 64 callers, 64 B", Some(0.85));
    let rates = compare(CALLERS, read_small(plain.clone()), get_twice(bare.clone())).await?;
    rates.print("", "the same / a pipeline of two GET", None);
    let rates = compare(1, read_small(plain.clone()), two()).await?;
    rates.print("", "the same, one caller", None);
    let decoded = || read_decoded(bare.clone());
    let rates = compare(CALLERS, read(plain.clone()), decoded()).await?;
    rates.print("", "the same with 2.6 KB of JSON / bare and decoded", None);
    let rates = compare(CALLERS, load(plain.clone()), decoded()).await?;
    rates.print("", "the same by `get_or_set`", None);
    let rates = compare(CALLERS, read(sealed), read(plain)).await?;
    rates.print("P6", "hits in L2 with encryption / without", Some(0.9));
    Ok(())
}

async fn filled(url: &str, prefix: &str, encrypted: bool) -> Result<HybridCache> {
    let cache = cache(url, prefix, false, encrypted).await?;
    for caller in 0..CALLERS as u64 {
        for number in 0..KEYS {
            cache
                .set(&InvoiceKey { caller, number }, Invoice::new(number))
                .await?
                .accept_queued();
            cache
                .set(&SmallKey { caller, number }, Small::new(number))
                .await?
                .accept_queued();
        }
    }
    Ok(cache)
}

fn read(cache: HybridCache) -> Operation {
    operation(cache, move |cache, caller, call| async move {
        let key = InvoiceKey {
            caller: caller as u64,
            number: call % KEYS,
        };
        match cache.get(&key).await? {
            Some(_) => Ok(()),
            None => Err("a miss".into()),
        }
    })
}

fn read_small(cache: HybridCache) -> Operation {
    operation(cache, move |cache, caller, call| async move {
        let key = SmallKey {
            caller: caller as u64,
            number: call % KEYS,
        };
        match cache.get(&key).await? {
            Some(_) => Ok(()),
            None => Err("a miss".into()),
        }
    })
}

fn load(cache: HybridCache) -> Operation {
    operation(cache, move |cache, caller, call| async move {
        let key = InvoiceKey {
            caller: caller as u64,
            number: call % KEYS,
        };
        let loaded = cache.get_or_set(&key, |_| async {
            Err::<Invoice, std::io::Error>(std::io::Error::other("a miss"))
        });
        loaded.await?;
        Ok(())
    })
}

async fn fill_bare(bare: &Bare, size: &str, payload: Vec<u8>) -> Result {
    bare.run(0, cmd("SET").arg("bare:control").arg(7)).await?;
    for caller in 0..CALLERS {
        for number in 0..KEYS {
            bare.run(
                caller,
                cmd("HSET")
                    .arg(format!("bare:{size}:{caller}:{number}"))
                    .arg("v")
                    .arg(&payload)
                    .arg("m")
                    .arg(META),
            )
            .await?;
            let text = [META.as_bytes(), &payload].concat();
            bare.run(
                caller,
                cmd("SET")
                    .arg(format!("bare:text:{size}:{caller}:{number}"))
                    .arg(text),
            )
            .await?;
        }
    }
    Ok(())
}

fn read_bare(bare: Bare, size: &'static str) -> Operation {
    operation(bare, move |bare, caller, call| async move {
        bare.run_all(caller, &two_reads(size, caller, call)).await?;
        Ok(())
    })
}

/// Two reads, the second of one string that holds both.
fn get_twice(bare: Bare) -> Operation {
    operation(bare, |bare, caller, call| async move {
        let mut commands = pipe();
        commands
            .cmd("GET")
            .arg("bare:control")
            .cmd("GET")
            .arg(format!("bare:text:small:{caller}:{}", call % KEYS));
        bare.run_all(caller, &commands).await?;
        Ok(())
    })
}

/// Two reads, and what anybody would do with the answer.
fn read_decoded(bare: Bare) -> Operation {
    operation(bare, |bare, caller, call| async move {
        let answer = bare
            .run_all(caller, &two_reads("large", caller, call))
            .await?;
        let [_, Value::Array(fields)] = answer.as_sequence().unwrap_or_default() else {
            return Err("no answers".into());
        };
        let Some(Value::BulkString(payload)) = fields.first() else {
            return Err("no payload".into());
        };
        let invoice: Invoice = serde_json::from_slice(payload)?;
        std::hint::black_box(Arc::new(invoice));
        Ok(())
    })
}

fn two_reads(size: &str, caller: usize, call: u64) -> Pipeline {
    let mut commands = pipe();
    commands
        .cmd("GET")
        .arg("bare:control")
        .cmd("HMGET")
        .arg(format!("bare:{size}:{caller}:{}", call % KEYS))
        .arg(&["v", "m"]);
    commands
}
