//! Many keys that this process has not: one call, beside a bare `MGET` of as many.

use caching_core::HybridCache;
use caching_testkit::RedisServer;
use deadpool_redis::redis::{Cmd, Pipeline, Value, cmd, pipe};

use crate::Result;
use crate::bare::Bare;
use crate::fixture::{Small, SmallKey, cache};
use crate::rate::{Operation, Rates, compare, operation};

/// How many keys a call names.
const MANY: u64 = 100;

/// How many such groups of keys there are.
const GROUPS: u64 = 32;

/// What stands before a value in a record: as long as it is there, with the header of the envelope.
const BESIDE: &str =
    "1json.1 67 85\n1 0123456789abcdef0123456789abcdef 64 1700000000000 1700000000000............";

/// At most so many times as long as an `MGET`.
const GOAL: f64 = 1.5;

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let url = server.url();
    let bare = Bare::connect(&url).await?;
    let cache = cache(&url, "many", false, false).await?;
    for group in 0..GROUPS {
        fill(&bare, &cache, group).await?;
    }
    let mget = || bare_mget(bare.clone());
    let rates = compare(1, load(cache.clone()), mget()).await?;
    print(
        &rates,
        "P11",
        "100 cold-L1 keys by `get_or_set_many` / one MGET",
        true,
    );
    let rates = compare(1, read(cache.clone()), mget()).await?;
    print(&rates, "", "the same by `get_many`", false);
    let rates = compare(1, load(cache.clone()), bare_decoded(bare.clone())).await?;
    print(
        &rates,
        "",
        "`get_or_set_many` / one MGET and decoded",
        false,
    );
    let rates = compare(1, load(cache.clone()), bare_records(bare.clone())).await?;
    print(
        &rates,
        "",
        "`get_or_set_many` / GET and one MGET of records, decoded",
        false,
    );
    let rates = compare(1, bare_records(bare.clone()), mget()).await?;
    print(
        &rates,
        "",
        "GET and one MGET of records, decoded / one MGET",
        false,
    );
    Ok(())
}

/// A line of the table, in times a call.
fn print(rates: &Rates, target: &str, what: &str, is_goal: bool) {
    let ratio = 1.0 / rates.ratio;
    let goal = match (is_goal, ratio <= GOAL) {
        (false, _) => String::new(),
        (true, is_reached) => format!("≤ {GOAL} {}", if is_reached { "✓" } else { "✗" }),
    };
    println!(
        "| {target} | {what} | {:.0} µs | {:.0} µs | {ratio:.2} ({:.2}–{:.2}) | {goal} |",
        1e6 / rates.ours,
        1e6 / rates.bare,
        1.0 / rates.spread.1,
        1.0 / rates.spread.0,
    );
}

fn keys(call: u64) -> Vec<SmallKey> {
    let caller = call % GROUPS;
    (0..MANY)
        .map(|number| SmallKey { caller, number })
        .collect()
}

async fn fill(bare: &Bare, cache: &HybridCache, group: u64) -> Result {
    let pairs = keys(group).into_iter().map(|key| (key, Small::new(group)));
    cache.set_many(pairs).await?.accept_queued();
    let payload = serde_json::to_vec(&Small::new(group))?;
    for number in 0..MANY {
        let key = format!("many:{group}:{number}");
        bare.run(0, cmd("SET").arg(&key).arg(&payload)).await?;
        let record = [BESIDE.as_bytes(), &payload].concat();
        let key = format!("record:{group}:{number}");
        bare.run(0, cmd("SET").arg(key).arg(record)).await?;
    }
    Ok(())
}

fn load(cache: HybridCache) -> Operation {
    operation(cache, |cache, _, call| async move {
        let keys = keys(call);
        let loaded = cache.get_or_set_many(&keys, |cx, _| async move {
            Err::<Vec<(SmallKey, Small)>, _>(cx.fail("a miss"))
        });
        std::hint::black_box(loaded.await?);
        Ok(())
    })
}

fn read(cache: HybridCache) -> Operation {
    operation(cache, |cache, _, call| async move {
        let found = cache.get_many(&keys(call)).await?;
        match found.iter().all(Option::is_some) {
            true => Ok(()),
            false => Err("a miss".into()),
        }
    })
}

fn mget(what: &str, call: u64) -> Cmd {
    let mut command = cmd("MGET");
    for number in 0..MANY {
        command.arg(format!("{what}:{}:{number}", call % GROUPS));
    }
    command
}

fn bare_mget(bare: Bare) -> Operation {
    operation(bare, |bare, caller, call| async move {
        std::hint::black_box(bare.run(caller, &mget("many", call)).await?);
        Ok(())
    })
}

/// The same, and what anybody would do with the answer.
fn bare_decoded(bare: Bare) -> Operation {
    operation(bare, |bare, caller, call| async move {
        let answer = bare.run(caller, &mget("many", call)).await?;
        decode(answer.as_sequence().unwrap_or_default(), 0)
    })
}

/// The same of records as the cache keeps them, with what it has to know besides.
fn bare_records(bare: Bare) -> Operation {
    operation(bare, |bare, caller, call| async move {
        let answer = bare.run_all(caller, &records(call)).await?;
        let records = answer.as_sequence().and_then(|answers| answers.get(1));
        let records = records.and_then(Value::as_sequence);
        decode(records.unwrap_or_default(), BESIDE.len())
    })
}

fn records(call: u64) -> Pipeline {
    let mut commands = pipe();
    commands.cmd("GET").arg("bare:control");
    commands.add_command(mget("record", call));
    commands
}

fn decode(payloads: &[Value], from: usize) -> Result {
    if payloads.len() < MANY as usize {
        return Err("no answers".into());
    }
    for payload in payloads {
        let Value::BulkString(payload) = payload else {
            return Err("no payload".into());
        };
        let value: Small = serde_json::from_slice(payload.get(from..).unwrap_or_default())?;
        std::hint::black_box(std::sync::Arc::new(value));
    }
    Ok(())
}
