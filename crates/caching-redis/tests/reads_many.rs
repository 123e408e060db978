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
    let before = server.info("commandstats").await?.calls("time");
    let addresses: Vec<_> = keys.iter().map(at).collect();
    let answers = l2.read_many(&addresses).await?;
    let trips = server.info("commandstats").await?.calls("time") - before;
    assert_eq!((answers.len(), trips), (RECORDS, 1));
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
