//! How connections are lost, found to be dead, and opened again.

mod support;

use std::time::{Duration, Instant};

use caching_core::{FillAnswer, L2, L2ErrorKind, PollAnswer};
use caching_redis::{LinkStatus, RedisConfig};
use caching_testkit::{Fault, FaultProxy, RedisServer};
use support::*;

#[tokio::test]
async fn scripts_that_were_flushed_are_sent_again_unnoticed() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let asof = store(&l2, &key, "one").await?;
    redis(&server, ["SCRIPT", "FLUSH"]).await;
    assert_eq!(l2.poll(PARTITION, asof).await?, PollAnswer::UpToDate);
    assert!(matches!(
        l2.fill(at(&key), &record("two"), asof, None).await?,
        FillAnswer::Stored(_)
    ));
    assert_eq!(
        l2.invalidate(PARTITION, &remove(&key))
            .await?
            .at
            .seq
            .number(),
        1
    );
    // Sent once more each, then known again.
    l2.poll(PARTITION, asof).await?;
    assert_eq!(server.info("commandstats").await?.calls("eval"), 3);
    Ok(())
}

#[tokio::test]
async fn killed_connections_are_opened_again() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&config(&server));
    let l2 = opened(&link);
    let known = join(&l2).await?;
    for round in 1..=5 {
        redis(&server, ["CLIENT", "KILL", "TYPE", "normal"]).await;
        let answer = until_ok(|| l2.poll(PARTITION, known)).await;
        assert_eq!(answer, PollAnswer::UpToDate, "in round {round}");
    }
    assert!(link.counters().lost >= 5);
    assert_eq!(link.counters().distrusted, 0, "the epoch is the same");
    Ok(())
}

#[tokio::test]
async fn a_server_that_stands_still_is_used_again_at_once_when_it_goes_on() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let known = join(&l2).await?;
    server.pause()?;
    for _ in 0..10 {
        let limit = Duration::from_millis(300);
        assert!(
            tokio::time::timeout(limit, l2.poll(PARTITION, known))
                .await
                .is_err()
        );
    }
    server.resume()?;
    let began = Instant::now();
    assert_eq!(
        until_ok(|| l2.poll(PARTITION, known)).await,
        PollAnswer::UpToDate
    );
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn connections_that_a_network_has_swallowed_are_replaced() -> Done {
    let server = RedisServer::start().await?;
    let proxy = FaultProxy::start(server.address()).await?;
    let mut config = RedisConfig::new(server.url_at(proxy.address()));
    config.connect_timeout = Duration::from_millis(300);
    let link = link(&config);
    let l2 = opened(&link);
    let known = join(&l2).await?;
    until("both connections are open", async || {
        link.counters().connected >= 2
    })
    .await;
    let limit = Duration::from_millis(200);
    proxy.set(Fault::Blackhole);
    for _ in 0..4 {
        assert!(
            tokio::time::timeout(limit, l2.poll(PARTITION, known))
                .await
                .is_err()
        );
    }
    // What was swallowed stays so: only new connections hear anything again.
    proxy.heal();
    until("the link works again", async || {
        matches!(
            tokio::time::timeout(limit, l2.poll(PARTITION, known)).await,
            Ok(Ok(_))
        )
    })
    .await;
    assert!(proxy.counters().swallowed > 0 && link.counters().connected >= 3);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_an_answer_fails_that_one_operation() -> Done {
    let server = RedisServer::start().await?;
    let proxy = FaultProxy::start(server.address()).await?;
    let link = link(&RedisConfig::new(server.url_at(proxy.address())));
    let l2 = opened(&link);
    let key = key("shared k:x");
    store(&l2, &key, &"x".repeat(10_000)).await?;
    proxy.set_to_client(Fault::CutAfter { bytes: 5000 });
    let error = l2
        .read(at(&key))
        .await
        .err()
        .ok_or("half an answer was taken")?;
    assert_eq!(error.kind, L2ErrorKind::Unavailable);
    proxy.heal();
    until_ok(|| l2.read(at(&key))).await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_joined_when_it_is_there() -> Done {
    let mut server = RedisServer::start().await?;
    server.kill();
    let l2 = pod(&server);
    let began = Instant::now();
    assert!(join(&l2).await.is_err());
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    server.restart().await?;
    until_ok(|| join(&l2)).await;
    Ok(())
}

#[tokio::test]
async fn a_closed_link_stays_closed_and_leaves_no_connection() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&config(&server));
    let l2 = opened(&link);
    join(&l2).await?;
    l2.close().await;
    assert_eq!(
        join(&l2).await.err().map(|error| error.kind),
        Some(L2ErrorKind::Unavailable)
    );
    assert!(matches!(link.status(), LinkStatus::Closed));
    until("the server has no client", async || {
        server
            .info("clients")
            .await
            .is_ok_and(|info| info.integer("connected_clients") == Some(1))
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn the_last_handle_takes_the_connections_with_it() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    join(&l2).await?;
    drop(l2);
    until("the server has no client", async || {
        server
            .info("clients")
            .await
            .is_ok_and(|info| info.integer("connected_clients") == Some(1))
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn no_command_that_walks_or_empties_a_server_is_ever_sent() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&config(&server));
    let l2 = opened(&link);
    let subscription = {
        use caching_core::Backplane;
        link.backplane().subscribe(Box::new(drop)).await?
    };
    let key = key("shared k:x");
    let asof = store(&l2, &key, "x").await?;
    l2.put(at(&key), &record("y"), None).await?;
    for mode in [caching_core::Mode::Expire, caching_core::Mode::Remove] {
        l2.invalidate(PARTITION, &keys(&key, mode)).await?;
        l2.invalidate(PARTITION, &group("*", mode)).await?;
    }
    l2.purged(PARTITION, &["*".to_owned()]).await?;
    l2.poll(PARTITION, asof).await?;
    drop(subscription);
    let statistics = server.info("commandstats").await?;
    assert!(statistics.calls("evalsha") > 0);
    for command in [
        "keys",
        "scan",
        "hscan",
        "hgetall",
        "flushall",
        "flushdb",
        "config|get",
        "config|set",
        "monitor",
        "eval",
    ] {
        assert_eq!(statistics.calls(command), 0, "{command}");
    }
    Ok(())
}

#[test]
fn a_runtime_that_nobody_drives_any_more_does_not_keep_the_link() -> Done {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    let (first, second) = (runtime()?, runtime()?);
    let server = second.block_on(RedisServer::start())?;
    let mut config = single(&server);
    config.connect_timeout = Duration::from_millis(100);
    let l2 = opened(&link(&config));
    let known = first.block_on(join(&l2))?;
    // `first` is kept, and stands still from here on, with the connection and its keeper.
    second.block_on(async {
        let limit = Duration::from_millis(200);
        until("the link works on the other runtime", async || {
            matches!(
                tokio::time::timeout(limit, l2.poll(PARTITION, known)).await,
                Ok(Ok(_))
            )
        })
        .await;
    });
    drop(first);
    Ok(())
}
