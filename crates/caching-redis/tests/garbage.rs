//! Anything at all in Redis under our keys: never a panic, never a wrong value.

mod support;

use caching_core::{
    Applied, BreakReason, Claim, FillAnswer, Find, L2, Mode, PollAnswer, PutAnswer,
};
use caching_testkit::RedisServer;
use proptest::prelude::*;
use support::*;

const CONTROL: &str = "{shop}:@control";
const LOG: &str = "{shop}:@log";
const RECORD: &str = "{shop}:shared:k:x";

/// A key of each type that Redis has.
async fn spoil(server: &RedisServer, key: &str, kind: &str) {
    redis(server, ["DEL", key]).await;
    match kind {
        "string" => redis(server, ["SET", key, "\u{0}\u{7f}garbage"]).await,
        "list" => redis(server, ["RPUSH", key, "x"]).await,
        "set" => redis(server, ["SADD", key, "x"]).await,
        "sorted set" => redis(server, ["ZADD", key, "1", "x"]).await,
        "stream" => redis(server, ["XADD", key, "*", "x", "y"]).await,
        _ => redis(server, ["HSET", key, "x", "y"]).await,
    };
}

const TYPES: [&str; 6] = ["string", "list", "set", "sorted set", "stream", "hash"];

#[tokio::test]
async fn another_type_in_place_of_a_record_is_unreadable_and_replaced() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    for kind in TYPES {
        let asof = join(&l2).await?;
        spoil(&server, RECORD, kind).await;
        let found = l2.read(at(&key)).await?.found;
        assert!(matches!(found, Find::Unreadable(_)), "{kind}: {found:?}");
        l2.invalidate(PARTITION, &keys(&key, Mode::Expire)).await?;
        assert!(
            !matches!(l2.read(at(&key)).await?.found, Find::Record(_)),
            "{kind}"
        );
        spoil(&server, RECORD, kind).await;
        let now = l2
            .invalidate(PARTITION, &keys(&key, Mode::Expire))
            .await?
            .at;
        assert!(now.seq > asof.seq);
        spoil(&server, RECORD, kind).await;
        assert!(matches!(
            l2.fill(at(&key), &record("x"), now, None).await?,
            FillAnswer::Stored(_)
        ));
        assert!(support::found(&l2, &key).await?.is_some(), "{kind}");
        spoil(&server, RECORD, kind).await;
        assert!(matches!(
            l2.put(at(&key), &record("y"), None).await?,
            PutAnswer::Stored(_)
        ));
        assert!(
            support::found(&l2, &key)
                .await?
                .is_some_and(|found| found.payload == b"y")
        );
    }
    Ok(())
}

#[tokio::test]
async fn another_type_in_place_of_what_guards_the_records_begins_an_epoch() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    for shared in [
        CONTROL,
        LOG,
        "{shop}:@tags",
        "{shop}:@tags:old",
        "{shop}:@claim:json.1:shared:k:x",
    ] {
        for kind in TYPES {
            let before = store(&l2, &key, "one").await?;
            spoil(&server, shared, kind).await;
            let _ = l2.read(at(&key)).await?;
            let _ = l2.purged(PARTITION, &["*".to_owned()]).await;
            let _ = l2.claim(at(&key), Claim::new(1), BOUND).await?;
            l2.release(at(&key), Claim::new(1)).await?;
            let _ = l2
                .fill(at(&key), &record("two"), before, Some(Claim::new(1)))
                .await?;
            let _ = l2.poll(PARTITION, before).await?;
            spoil(&server, shared, kind).await;
            let Applied { at: purged, .. } =
                l2.invalidate(PARTITION, &group("*", Mode::Remove)).await?;
            spoil(&server, shared, kind).await;
            let Applied { at: removed, .. } = l2.invalidate(PARTITION, &remove(&key)).await?;
            if shared == CONTROL {
                assert!(
                    purged.epoch != before.epoch && removed.epoch != purged.epoch,
                    "{kind}"
                );
            }
            assert_eq!(
                l2.read(at(&key)).await?.at,
                Some(removed),
                "{shared} as {kind}"
            );
            assert!(!matches!(
                l2.fill(at(&key), &record("old"), before, None).await?,
                FillAnswer::Stored(_)
            ));
        }
    }
    Ok(())
}

#[tokio::test]
async fn forged_numbers_begin_an_epoch_and_never_hide_an_invalidation() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    for (field, forged) in [
        ("s", "9007199254740993"),
        ("s", "99999999999999999999999"),
        ("s", "-1"),
        ("s", "1e3"),
        ("s", "0x10"),
        ("s", "nan"),
        ("s", ""),
        ("c", "-5"),
        ("c", "inf"),
        ("t", "0"),
        ("t", "86400000"),
        ("t", "x"),
        ("e", "x"),
        ("e", "00000000000000000000000000000000"),
        ("e", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB"),
    ] {
        let before = store(&l2, &key, "one").await?;
        redis(&server, ["HSET", CONTROL, field, forged]).await;
        let _ = l2.read(at(&key)).await?;
        assert!(matches!(
            l2.fill(at(&key), &record("x"), before, None).await?,
            FillAnswer::Refused(_) | FillAnswer::Stored(_)
        ));
        let PollAnswer::Break { at: now, bound, .. } = l2.poll(PARTITION, before).await? else {
            return Err(format!("{field} = {forged:?} was believed").into());
        };
        assert_ne!(now.epoch, before.epoch, "{field} = {forged:?}");
        assert_eq!(bound, BOUND, "{field} = {forged:?}");
        let applied = l2.invalidate(PARTITION, &remove(&key)).await?;
        assert_eq!((applied.at.epoch, applied.at.seq.number()), (now.epoch, 1));
    }
    Ok(())
}

#[tokio::test]
async fn a_forged_stripe_refuses_stores_and_nothing_else() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let asof = join(&l2).await?;
    for forged in ["x", "-1", "9007199254740993", ""] {
        redis(
            &server,
            ["HSET", CONTROL, &key.stripe().to_string(), forged],
        )
        .await;
        assert!(matches!(
            l2.fill(at(&key), &record("x"), asof, None).await?,
            FillAnswer::Refused(_)
        ));
    }
    let now = l2.invalidate(PARTITION, &remove(&key)).await?.at;
    assert!(matches!(
        l2.fill(at(&key), &record("x"), now, None).await?,
        FillAnswer::Stored(_)
    ));
    Ok(())
}

#[tokio::test]
async fn foreign_entries_in_the_log_break_off_a_replay_and_do_not_stop_invalidations() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    for entry in [
        ["XADD", LOG, "1-0", "x", "kr shared k:x"],
        ["XADD", LOG, "1-0", "c", "garbage"],
        ["XADD", LOG, "1-0", "c", ""],
        ["XADD", LOG, "0-1", "c", "kr shared k:x"],
        ["XADD", LOG, "1-7", "c", "kr shared k:x"],
    ] {
        let start = join(&l2).await?;
        // In place of the entry with number 1.
        l2.invalidate(PARTITION, &remove(&key)).await?;
        redis(&server, ["DEL", LOG]).await;
        server.command(entry).await?;
        let answer = l2.poll(PARTITION, start).await?;
        let PollAnswer::Break { reason, .. } = answer else {
            return Err(format!("{entry:?} was taken for an invalidation: {answer:?}").into());
        };
        assert_eq!(reason, BreakReason::Log);
        l2.invalidate(PARTITION, &remove(&key)).await?;
        server.flush_all().await?;
        join(&l2).await?;
    }
    // Somebody's entry with the time as its id is ahead of all numbers to come.
    let start = join(&l2).await?;
    redis(&server, ["XADD", LOG, "*", "x", "y"]).await;
    let applied = l2.invalidate(PARTITION, &remove(&key)).await?;
    assert_ne!(applied.at.epoch, start.epoch);
    assert!(matches!(
        l2.poll(PARTITION, start).await?,
        PollAnswer::Break {
            reason: BreakReason::Epoch,
            ..
        }
    ));
    Ok(())
}

#[tokio::test]
async fn every_truncation_of_a_record_and_of_what_stands_in_it_is_unreadable_or_harmless() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    store(&l2, &key, "one").await?;
    let mut whole = server.record(RECORD).await?.ok_or("no record")?;
    let bytes = whole.to_bytes();
    for length in 0..bytes.len() {
        let set: [&[u8]; 3] = [b"SET", RECORD.as_bytes(), &bytes[..length]];
        server.command(set).await?;
        let found = l2.read(at(&key)).await?.found;
        assert!(matches!(found, Find::Unreadable(_)), "{length}: {found:?}");
    }
    let meta = whole.segments[0].meta.clone();
    for length in 0..meta.len() {
        whole.segments[0].meta.truncate(meta.len() - 1 - length);
        let length = whole.segments[0].meta.len();
        server.set_record(RECORD, &whole).await?;
        if let Find::Record(found) = l2.read(at(&key)).await?.found {
            // Cut at the tags, or so that it seems to have ended long ago.
            assert!(
                found.tags.is_empty() && length >= meta.len() - " 10:customer:7".len(),
                "{length}"
            );
        }
    }
    // And a fill puts a record in the place of whatever is left.
    store(&l2, &key, "two").await?;
    let Find::Record(found) = l2.read(at(&key)).await?.found else {
        return Err("it was not replaced".into());
    };
    assert_eq!(found.payload, b"two");
    Ok(())
}

#[tokio::test]
async fn huge_things_are_refused_and_not_served() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    store(&l2, &key, "one").await?;
    let huge = "9".repeat(1 << 20);
    let good = server.record(RECORD).await?.ok_or("no record")?;
    let mut record = good.clone();
    record.segments[0].meta = huge.clone().into_bytes();
    server.set_record(RECORD, &record).await?;
    assert!(matches!(
        l2.read(at(&key)).await?.found,
        Find::Unreadable(_)
    ));
    for head in [
        format!("1json.1 {huge} 3\n"),
        "1json.1 3 9007199254699999\nabc".to_owned(),
        format!("1{huge}"),
    ] {
        redis(&server, ["SET", RECORD, &head]).await;
        assert!(matches!(
            l2.read(at(&key)).await?.found,
            Find::Unreadable(_)
        ));
    }
    let asof = join(&l2).await?;
    redis(&server, ["HSET", CONTROL, "s", &huge]).await;
    assert_eq!(l2.read(at(&key)).await?.at, None);
    assert!(matches!(
        l2.poll(PARTITION, asof).await?,
        PollAnswer::Break { .. }
    ));
    Ok(())
}

#[test]
fn random_bytes_in_any_field_never_panic_and_never_give_a_value() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, l2) = runtime.block_on(async {
        let server = RedisServer::start().await.unwrap();
        let l2 = pod(&server);
        (server, l2)
    });
    let key = key("shared k:x");
    let fields = ["e", "s", "c", "t", "i", "f", "g", "w"];
    proptest!(ProptestConfig::with_cases(64), |(bytes: Vec<u8>, place in 0_usize..11)| {
        runtime.block_on(async {
            let before = store(&l2, &key, "one").await.unwrap();
            let mut altered = server.record(RECORD).await.unwrap().unwrap();
            let words: Vec<&[u8]> = match place {
                8 => {
                    altered.segments[0].meta = bytes;
                    server.set_record(RECORD, &altered).await.unwrap();
                    vec![b"PING"]
                }
                9 => vec![b"SET", RECORD.as_bytes(), &bytes],
                10 => vec![b"HSET", b"{shop}:@tags", b"r*", &bytes],
                place => vec![b"HSET", CONTROL.as_bytes(), fields[place].as_bytes(), &bytes],
            };
            server.command(words).await.unwrap();
            if let Ok(answer) = l2.read(at(&key)).await
                && let Find::Record(found) = answer.found
            {
                assert_eq!(found.payload, b"one");
            }
            let _ = l2.purged(PARTITION, &["*".to_owned()]).await;
            let _ = l2.poll(PARTITION, before).await.unwrap();
            l2.invalidate(PARTITION, &group("*", Mode::Remove)).await.unwrap();
            l2.invalidate(PARTITION, &remove(&key)).await.unwrap();
            let refused = l2.fill(at(&key), &record("old"), before, None).await.unwrap();
            assert!(matches!(refused, FillAnswer::Refused(_)));
        });
    });
}
