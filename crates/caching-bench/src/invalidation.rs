//! An invalidation: one round trip, beside the bare script.

use caching_core::HybridCache;
use caching_testkit::RedisServer;
use deadpool_redis::redis::{Value, cmd};

use crate::Result;
use crate::bare::Bare;
use crate::fixture::{InvoiceKey, KEYS, cache};
use crate::rate::{CALLERS, Operation, compare, operation};

/// The script that the cache runs, too.
const SCRIPT: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../caching-redis/src/scripts/prelude.lua"),
    "\n",
    include_str!("../../caching-redis/src/scripts/epoch.lua"),
    "\n",
    include_str!("../../caching-redis/src/scripts/change.lua"),
    "\n",
    include_str!("../../caching-redis/src/scripts/invalidate.lua"),
);

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let url = server.url();
    let cache = cache(&url, "invalidation", true, false).await?;
    let bare = Bare::connect(&url).await?;
    let loaded = bare.run(0, cmd("SCRIPT").arg("LOAD").arg(SCRIPT)).await?;
    let Value::BulkString(hash) = loaded else {
        return Err("the script was not loaded".into());
    };
    let rates = compare(CALLERS, ours(cache), script(bare, hash)).await?;
    rates.print("P7", "invalidations of a key, 64 callers", Some(0.8));
    Ok(())
}

fn ours(cache: HybridCache) -> Operation {
    operation(cache, |cache, caller, call| async move {
        let key = InvoiceKey {
            caller: caller as u64,
            number: call % KEYS,
        };
        if cache.remove(&key).await?.is_applied() {
            Ok(())
        } else {
            Err("an invalidation was queued".into())
        }
    })
}

fn script(bare: Bare, hash: Vec<u8>) -> Operation {
    operation((bare, hash), |(bare, hash), caller, call| async move {
        let number = call % KEYS;
        let mut run = cmd("EVALSHA");
        run.arg(hash).arg(5);
        for key in ["@control", "@log", "@tags", "@tags:old"] {
            run.arg(format!("{{bare-script}}:{key}"));
        }
        run.arg(format!(
            "{{bare-script}}:shared:bench_invoice:{caller}:{number}"
        ))
        .arg("0123456789abcdef0123456789abcdef")
        .arg(1000)
        .arg("{bare-script}:@notices")
        .arg(format!("kr shared bench_invoice:{caller}:{number}"))
        .arg("r")
        .arg(caller);
        bare.run(caller, &run).await?;
        Ok(())
    })
}
