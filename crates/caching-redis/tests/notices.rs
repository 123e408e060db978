//! What reaches other processes over the channel.

mod support;

use std::sync::Arc;
use std::time::Duration;

use caching_core::{Address, Backplane, Change, Deployment, L2, Mode, Notice, Seq};
use caching_redis::{RedisBackplane, RedisConfig, RedisLink};
use caching_testkit::{Fault, FaultProxy, RedisServer};
use support::*;
use tokio::sync::mpsc;

struct Heard {
    notices: mpsc::UnboundedReceiver<Notice>,
    driver: tokio::task::JoinHandle<String>,
}

impl Heard {
    async fn next(&mut self) -> Option<Notice> {
        tokio::time::timeout(Duration::from_secs(10), self.notices.recv())
            .await
            .ok()?
    }
}

async fn subscribe(
    backplane: &RedisBackplane,
) -> Result<Heard, Box<dyn std::error::Error + Send + Sync>> {
    backplane.open(&Deployment::new("shop", BOUND));
    let (sender, notices) = mpsc::unbounded_channel();
    let hear = move |notice| drop(sender.send(notice));
    let driving = backplane.subscribe(Box::new(hear)).await?;
    let driver = tokio::spawn(async move { driving.await.to_string() });
    Ok(Heard { notices, driver })
}

#[tokio::test]
async fn every_invalidation_is_heard_with_its_number_and_without_its_value() -> Done {
    let server = RedisServer::start().await?;
    let writer = pod(&server);
    let mut heard = subscribe(&link(&config(&server)).backplane()).await?;
    let start = join(&writer).await?;
    let key = key("t:acme invoice:7");
    writer
        .invalidate(PARTITION, &keys(&key, Mode::Expire))
        .await?;
    writer
        .put(at(&key), &record("a secret value"), None)
        .await?;
    writer
        .fill(
            Address::new(PARTITION, &key, "other"),
            &record("x"),
            start,
            None,
        )
        .await?;
    writer
        .invalidate(PARTITION, &group("t:acme", Mode::Remove))
        .await?;
    let group = Change::Group {
        group: "t:acme".to_owned(),
        clock: 1,
        mode: Mode::Remove,
    };
    let expected = [keys(&key, Mode::Expire), remove(&key), group];
    for (number, change) in (1..).zip(expected) {
        let notice = heard.next().await.ok_or("nothing was heard")?;
        assert_eq!(notice.at.epoch, start.epoch);
        assert_eq!((notice.at.seq, notice.change), (Seq::new(number), change));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_notice_is_skipped_counted_and_logged_once() -> Done {
    let lines = Lines::listen();
    let server = RedisServer::start().await?;
    let link = link(&config(&server));
    let mut heard = subscribe(&link.backplane()).await?;
    let writer = pod(&server);
    let garbage: [&[u8]; 4] = [b"", b"hello", b"1 x 1 kr a b:c", &[0xff, 0, 159]];
    for message in garbage {
        server
            .command([b"PUBLISH".as_slice(), b"{shop}:@notices", message])
            .await?;
    }
    let key = key("shared k:x");
    writer.invalidate(PARTITION, &remove(&key)).await?;
    assert_eq!(
        heard.next().await.map(|notice| notice.change),
        Some(remove(&key))
    );
    assert_eq!(link.counters().malformed_notices, 4);
    assert_eq!(lines.with("channel of notices"), 1, "{}", lines.text());
    Ok(())
}

#[tokio::test]
async fn a_subscription_ends_with_its_connection_and_with_the_backplane() -> Done {
    let server = RedisServer::start().await?;
    let backplane = link(&config(&server)).backplane();
    let heard = subscribe(&backplane).await?;
    redis(&server, ["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    assert!(heard.driver.await?.contains("ended"));

    let heard = subscribe(&backplane).await?;
    backplane.close().await;
    assert!(heard.driver.await?.contains("closed"));
    assert!(subscribe(&backplane).await.is_err());
    until("the server has no subscriber", async || {
        let subscribers = redis(&server, ["PUBSUB", "NUMSUB", "{shop}:@notices"]).await;
        subscribers.items().last().and_then(|count| count.integer()) == Some(0)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_dropped_subscription_is_none_in_the_server_either() -> Done {
    let server = RedisServer::start().await?;
    let heard = subscribe(&link(&config(&server)).backplane()).await?;
    let count = async || {
        let subscribers = redis(&server, ["PUBSUB", "NUMSUB", "{shop}:@notices"]).await;
        subscribers.items().last().and_then(|count| count.integer())
    };
    assert_eq!(
        count().await,
        Some(1),
        "confirmed when `subscribe` returned"
    );
    heard.driver.abort();
    until("the server has no subscriber", async || {
        count().await == Some(0)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_subscription_that_hears_nothing_for_want_of_a_network_ends() -> Done {
    let server = RedisServer::start().await?;
    let proxy = FaultProxy::start(server.address()).await?;
    let mut config = RedisConfig::new(server.url_at(proxy.address()));
    config.connect_timeout = Duration::from_millis(300);
    let heard = subscribe(&RedisLink::from_config(&config)?.backplane()).await?;
    proxy.set(Fault::Blackhole);
    let why = tokio::time::timeout(Duration::from_secs(20), heard.driver).await??;
    assert!(why.contains("in time"), "{why}");
    assert!(proxy.counters().swallowed > 0);
    Ok(())
}

#[tokio::test]
async fn databases_of_one_server_do_not_hear_each_other() -> Done {
    let server = RedisServer::start().await?;
    let other = RedisConfig::new(format!("{}3", server.url()));
    let mut heard = subscribe(&link(&other).backplane()).await?;
    let (here, there) = (pod(&server), opened(&link(&other)));
    let key = key("shared k:x");
    here.invalidate(PARTITION, &remove(&key)).await?;
    let applied = there.invalidate(PARTITION, &remove(&key)).await?;
    assert_eq!(heard.next().await.map(|notice| notice.at), Some(applied.at));
    Ok(())
}

#[tokio::test]
async fn ten_writers_at_once_are_heard_in_the_order_of_their_numbers() -> Done {
    let server = RedisServer::start().await?;
    let mut heard = subscribe(&link(&config(&server)).backplane()).await?;
    let l2 = Arc::new(pod(&server));
    let writers: Vec<_> = (0..10)
        .map(|number| {
            let l2 = l2.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    l2.invalidate(PARTITION, &remove(&key(&format!("shared k:{number}"))))
                        .await?;
                }
                Ok::<_, caching_core::L2Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    for number in 1..=200 {
        assert_eq!(
            heard.next().await.map(|notice| notice.at.seq),
            Some(Seq::new(number))
        );
    }
    Ok(())
}
