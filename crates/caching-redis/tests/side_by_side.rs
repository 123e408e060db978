//! What stands side by side in one record: each field with a life of its own, and none for ever.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::{Address, Find, L2, L2Error, Mode, Record};
use caching_redis::RedisL2;
use caching_testkit::RedisServer;
use support::*;

const RECORD: &str = "{shop}:shared:k:x";

/// Stores a value in a field, to be kept for so many seconds.
async fn store_in(l2: &RedisL2, field: &str, seconds: u64) -> Result<(), L2Error> {
    let (key, asof) = (key("shared k:x"), join(l2).await?);
    let address = Address::new(PARTITION, &key, field);
    let record = Record {
        duration: Duration::from_secs(seconds),
        retention: Duration::ZERO,
        ..record(field)
    };
    l2.fill(address, &record, asof, None).await.map(drop)
}

/// The fields that stand in the record, in their order.
async fn fields(server: &RedisServer) -> Vec<String> {
    let record = server.record(RECORD).await.unwrap();
    let segments = record.map(|record| record.segments).unwrap_or_default();
    segments.into_iter().map(|segment| segment.field).collect()
}

/// For how many seconds Redis keeps the record.
async fn left(server: &RedisServer) -> i64 {
    let left = redis(server, ["PTTL", RECORD]).await;
    (left.integer().unwrap() + 500) / 1000
}

#[tokio::test]
async fn a_record_lives_as_long_as_the_longest_lived_of_its_fields() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    store_in(&l2, "json.1", 100).await?;
    store_in(&l2, "json.2", 20).await?;
    assert!((98..=100).contains(&left(&server).await));
    store_in(&l2, "json.1", 10).await?;
    assert!((18..=20).contains(&left(&server).await), "and no longer");
    assert_eq!(fields(&server).await, ["json.2", "json.1"]);
    Ok(())
}

#[tokio::test]
async fn a_field_whose_life_is_over_goes_with_the_next_fill() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    store_in(&l2, "json.1", 100).await?;
    let mut record = server.record(RECORD).await?.ok_or("no record")?;
    let mut over = record.segments[0].clone();
    over.field = "json.0".to_owned();
    // Kept until the first second of 1970.
    let meta = String::from_utf8(over.meta.clone())?;
    let words: Vec<&str> = meta.split(' ').take(3).collect();
    over.meta = format!("{} 1000 1000", words.join(" ")).into_bytes();
    record.segments.insert(0, over);
    server.set_record(RECORD, &record).await?;
    store_in(&l2, "json.2", 100).await?;
    assert_eq!(fields(&server).await, ["json.1", "json.2"]);
    Ok(())
}

#[tokio::test]
async fn the_first_fill_after_an_expire_leaves_nothing_of_before() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    store_in(&l2, "json.1", 100).await?;
    store_in(&l2, "json.2", 50).await?;
    l2.invalidate(PARTITION, &keys(&key("shared k:x"), Mode::Expire))
        .await?;
    let record = server.record(RECORD).await?.ok_or("no record")?;
    assert!(record.is_expired && record.segments.len() == 2);
    assert!((98..=100).contains(&left(&server).await), "it lives on");
    store_in(&l2, "json.2", 20).await?;
    let record = server.record(RECORD).await?.ok_or("no record")?;
    assert!(!record.is_expired);
    assert_eq!(fields(&server).await, ["json.2"]);
    assert!((18..=20).contains(&left(&server).await));
    Ok(())
}

#[tokio::test]
async fn of_more_fields_than_a_record_has_room_for_the_oldest_goes() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    for number in 0..258 {
        store_in(&l2, &format!("json.{number}"), 100).await?;
    }
    let fields = fields(&server).await;
    assert_eq!(fields.len(), 256);
    assert_eq!(fields.first().map(String::as_str), Some("json.2"));
    assert_eq!(fields.last().map(String::as_str), Some("json.257"));
    let newest = key("shared k:x");
    let read = l2.read(Address::new(PARTITION, &newest, "json.257"));
    assert!(matches!(read.await?.found, Find::Record(_)));
    Ok(())
}

#[tokio::test]
async fn a_field_that_is_stored_without_a_life_goes_and_leaves_the_others() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    store_in(&l2, "json.1", 100).await?;
    store_in(&l2, "json.2", 50).await?;
    store_in(&l2, "json.1", 0).await?;
    assert_eq!(fields(&server).await, ["json.2"]);
    assert!((48..=50).contains(&left(&server).await));
    store_in(&l2, "json.2", 0).await?;
    assert_eq!(redis(&server, ["EXISTS", RECORD]).await.integer(), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_record_of_more_fields_than_anybody_writes_is_damaged_for_who_reads_and_who_stores()
-> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    store_in(&l2, "json.1", 100).await?;
    let mut record = server.record(RECORD).await?.ok_or("no record")?;
    let one = record.segments[0].clone();
    for number in 0..20_000 {
        let mut another = one.clone();
        another.field = format!("other.{number}");
        record.segments.push(another);
    }
    server.set_record(RECORD, &record).await?;
    let key = key("shared k:x");
    let found = l2.read(at(&key)).await?.found;
    assert!(matches!(found, Find::Unreadable(_)), "{found:?}");
    store_in(&l2, "json.2", 100).await?;
    assert_eq!(fields(&server).await, ["json.2"]);
    Ok(())
}
