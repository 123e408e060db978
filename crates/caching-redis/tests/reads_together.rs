//! Reads that are asked for at the same time go to a real server in one go, and stay each one's own.

mod support;

use std::time::Duration;

use caching_core::{Find, L2, L2ErrorKind};
use caching_testkit::RedisServer;
use futures::future::{join_all, poll_immediate};
use support::*;

const READERS: usize = 100;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::test]
async fn reads_at_the_same_time_share_round_trips_and_each_gets_its_own_record() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let keys: Vec<_> = (0..READERS)
        .map(|n| key(&format!("shared k:{n}")))
        .collect();
    for (number, key) in keys
        .iter()
        .enumerate()
        .filter(|(number, _)| number % 2 == 0)
    {
        store(&l2, key, &number.to_string()).await?;
    }
    let trips = async || Ok::<_, Failure>(server.info("commandstats").await?.calls("time"));
    let before = trips().await?;
    let answers = join_all(keys.iter().map(|key| l2.read(at(key)))).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer?.found {
            Find::Record(found) => assert_eq!(found.payload, number.to_string().as_bytes()),
            Find::Nothing => assert_eq!(number % 2, 1),
            other @ Find::Unreadable(_) => return Err(format!("{number}: {other:?}").into()),
        }
    }
    let trips = trips().await? - before;
    assert!(trips <= 10, "{READERS} reads took {trips} round trips");
    Ok(())
}

#[tokio::test]
async fn a_reader_that_leaves_or_looks_away_keeps_nobody() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    store(&l2, &key, "a value").await?;
    let mut readers: Vec<_> = (0..10).map(|_| l2.read(at(&key))).collect();
    // All have asked, and wait in one batch. Whoever opened it is there and looks away, others leave.
    for reader in &mut readers {
        assert!(poll_immediate(reader).await.is_none());
    }
    drop(readers.drain(1..4));
    for answer in join_all(readers.drain(1..)).await {
        assert!(matches!(answer?.found, Find::Record(found) if found.payload == b"a value"));
    }
    drop(readers);
    // All leave, and the next one is alone.
    let mut alone = l2.read(at(&key));
    assert!(poll_immediate(&mut alone).await.is_none());
    drop(alone);
    assert!(matches!(l2.read(at(&key)).await?.found, Find::Record(_)));
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_one_record_does_not_show_in_another_read() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let (good, bad) = (key("shared k:good"), key("shared k:bad"));
    store(&l2, &good, "a value").await?;
    redis(&server, ["SET", "{shop}:shared:k:bad", "a text"]).await;
    let (good, bad) = tokio::join!(l2.read(at(&good)), l2.read(at(&bad)));
    assert!(matches!(good?.found, Find::Record(_)));
    assert!(matches!(bad?.found, Find::Unreadable(_)));
    Ok(())
}

#[tokio::test]
async fn batches_that_a_frozen_server_keeps_do_not_keep_later_ones_after_it_thaws() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    store(&l2, &key, "a value").await?;
    server.pause()?;
    let limit = Duration::from_millis(50);
    for _ in 0..10 {
        // Each one by itself, so that all ways are taken and given up again.
        assert!(
            tokio::time::timeout(limit, l2.read(at(&key)))
                .await
                .is_err()
        );
    }
    server.resume()?;
    let answer = tokio::time::timeout(Duration::from_secs(5), l2.read(at(&key))).await??;
    assert!(matches!(answer.found, Find::Record(_)));
    Ok(())
}

#[test]
fn who_reads_on_one_runtime_does_not_depend_on_another_that_stands_still() -> Done {
    let (standing, running) = (runtime()?, runtime()?);
    let server = running.block_on(RedisServer::start())?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    running.block_on(store(&l2, &key, "a value"))?;
    // It has opened a batch, and nobody drives its runtime from now on.
    let mut waiting = l2.read(at(&key));
    assert!(standing.block_on(poll_immediate(&mut waiting)).is_none());
    let read = async { tokio::time::timeout(Duration::from_secs(5), l2.read(at(&key))).await };
    let answer = running.block_on(read)??;
    assert!(matches!(answer.found, Find::Record(_)));
    drop(waiting);
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

#[tokio::test]
async fn a_server_that_goes_away_fails_every_read_of_a_batch_and_the_next_ones_succeed() -> Done {
    let mut server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    store(&l2, &key, "a value").await?;
    server.pause()?;
    let reads = tokio::spawn({
        let (l2, key) = (l2.clone(), key.clone());
        async move { join_all((0..10).map(|_| l2.read(at(&key)))).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.kill();
    for answer in reads.await? {
        assert_eq!(
            answer.err().map(|error| error.kind),
            Some(L2ErrorKind::Unavailable)
        );
    }
    server.restart().await?;
    until_ok(|| l2.read(at(&key))).await;
    Ok(())
}
