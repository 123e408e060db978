//! Many records that are read by one call: one round trip to a real server, and to each its own answer.

mod support;

use caching_core::{Find, L2};
use caching_testkit::RedisServer;
use support::*;

const RECORDS: usize = 100;

#[tokio::test]
async fn many_records_are_read_in_one_round_trip_and_in_their_order() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let keys: Vec<_> = (0..RECORDS)
        .map(|n| key(&format!("shared k:{n}")))
        .collect();
    for number in (0..RECORDS).step_by(2) {
        store(&l2, &keys[number], &number.to_string()).await?;
    }
    // What is wrong with one of them does not show in the others.
    redis(&server, ["SET", "{shop}:shared:k:7", "a text"]).await;
    let before = server.info("commandstats").await?;
    let addresses: Vec<_> = keys.iter().map(at).collect();
    let answers = l2.read_many(&addresses).await?;
    let after = server.info("commandstats").await?;
    let calls = ["time", "hmget", "mget", "get"].map(|name| after.calls(name) - before.calls(name));
    assert_eq!((answers.len(), calls), (RECORDS, [1, 1, 1, 0]));
    for (number, answer) in answers.into_iter().enumerate() {
        match answer.found {
            Find::Record(found) => assert_eq!(found.payload, number.to_string().as_bytes()),
            Find::Nothing => assert_eq!(number % 2, 1),
            Find::Unreadable(_) => assert_eq!(number, 7),
        }
    }
    assert!(l2.read_many(&[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_is_of_another_type_is_nothing_to_a_read_of_many_and_told_of_when_it_is_replaced()
-> Done {
    let lines = Lines::listen();
    let server = RedisServer::start().await?;
    let link = link(&single(&server));
    let l2 = opened(&link);
    let keys = ["shared k:1", "shared k:2", "shared k:3"].map(key);
    for number in 1..=3 {
        redis(
            &server,
            ["RPUSH", &format!("{{shop}}:shared:k:{number}"), "x"],
        )
        .await;
    }
    let asof = join(&l2).await?;
    let addresses: Vec<_> = keys.iter().map(at).collect();
    for answer in l2.read_many(&addresses).await? {
        assert_eq!(answer.found, Find::Nothing);
    }
    assert_eq!(link.counters().replaced_others, 0);
    l2.fill(at(&keys[0]), &record("one"), asof, None).await?;
    l2.fill(at(&keys[1]), &record("two"), asof, None).await?;
    assert_eq!(link.counters().replaced_others, 2, "each is counted");
    assert_eq!(lines.with("of another type"), 1, "and told of once");
    let found = found(&l2, &keys[1]).await?.ok_or("no record")?;
    assert_eq!(found.payload, b"two");
    Ok(())
}
