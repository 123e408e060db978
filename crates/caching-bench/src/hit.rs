//! A hit in the shared level: one round trip, beside a bare pipeline of `GET` and `HMGET`.

use caching_core::HybridCache;
use caching_testkit::RedisServer;
use deadpool_redis::redis::{cmd, pipe};

use crate::Result;
use crate::bare::Bare;
use crate::fixture::{Invoice, InvoiceKey, KEYS, Small, SmallKey, cache};
use crate::rate::{CALLERS, Operation, compare, operation};

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let small = filled_bare(&server.url(), "small", 64).await?;
    let bare = filled_bare(&server.url(), "large", 2_700).await?;
    let plain = filled(&server.url(), "hit", false).await?;
    let sealed = filled(&server.url(), "sealed", true).await?;

    let rates = compare(
        CALLERS,
        read_wire(small.clone()),
        read_bare(small.clone(), "small"),
    )
    .await?;
    rates.print("", "the three commands of a hit, bare / two", 0.85);
    let rates = compare(
        CALLERS,
        read_small(plain.clone()),
        read_bare(small.clone(), "small"),
    )
    .await?;
    rates.print("P5", "hits in L2, 64 callers, 64 B", 0.85);
    let rates = compare(1, read_small(plain.clone()), read_bare(small, "small")).await?;
    rates.print("", "the same, one caller", 0.85);
    let rates = compare(
        CALLERS,
        read(plain.clone()),
        read_bare(bare.clone(), "large"),
    )
    .await?;
    rates.print("", "the same with 2.7 KB, which are decoded", 0.85);
    let rates = compare(CALLERS, load(plain.clone()), read_bare(bare, "large")).await?;
    rates.print("", "the same by `get_or_set`", 0.85);
    let rates = compare(CALLERS, read(sealed), read(plain)).await?;
    rates.print("P6", "hits in L2 with encryption / without", 0.9);
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

async fn filled_bare(url: &str, size: &str, bytes: usize) -> Result<Bare> {
    let bare = Bare::connect(url).await?;
    bare.run(0, cmd("SET").arg("bare:control").arg(7)).await?;
    for caller in 0..CALLERS {
        for number in 0..KEYS {
            let payload = "x".repeat(bytes);
            bare.run(
                caller,
                cmd("HSET")
                    .arg(format!("bare:{size}:{caller}:{number}"))
                    .arg("v")
                    .arg(payload)
                    .arg("m")
                    .arg("1 0123456789abcdef0123456789abcdef 0 1700000000000 1700000000000"),
            )
            .await?;
        }
    }
    Ok(bare)
}

fn read_bare(bare: Bare, size: &'static str) -> Operation {
    operation(bare, move |bare, caller, call| async move {
        let mut commands = pipe();
        commands
            .cmd("GET")
            .arg("bare:control")
            .cmd("HMGET")
            .arg(format!("bare:{size}:{caller}:{}", call % KEYS))
            .arg(&["v", "m"]);
        bare.run_all(caller, &commands).await?;
        Ok(())
    })
}

/// What a hit asks the server for, without the cache: the control record, the time, the record.
fn read_wire(bare: Bare) -> Operation {
    operation(bare, move |bare, caller, call| async move {
        let record = format!("{{hit}}:shared:bench_small:{caller}:{}", call % KEYS);
        let mut commands = pipe();
        commands
            .cmd("HMGET")
            .arg("{hit}:@control")
            .arg(&["e", "s", "c"])
            .cmd("TIME")
            .cmd("HMGET")
            .arg(record)
            .arg(&["x", "v:json.1", "m:json.1"]);
        bare.run_all(caller, &commands).await?;
        Ok(())
    })
}
