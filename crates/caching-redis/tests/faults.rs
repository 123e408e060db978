//! What happens to servers, and that nothing of before is trusted after it.

mod support;

use std::time::{Duration, Instant};

use caching_core::{
    Asof, BreakReason, Deployment, FillAnswer, Find, L2, L2ErrorKind, PollAnswer, PutAnswer,
};
use caching_redis::LinkStatus;
use caching_testkit::RedisServer;
use support::*;

fn break_of(answer: &PollAnswer) -> Option<(BreakReason, Asof)> {
    match answer {
        PollAnswer::Break { reason, at, .. } => Some((*reason, *at)),
        _ => None,
    }
}

#[tokio::test]
async fn after_a_flush_nothing_of_before_is_trusted() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&single(&server));
    let l2 = opened(&link);
    let key = key("shared k:x");
    let before = store(&l2, &key, "one").await?;
    server.flush_all().await?;
    let answer = l2.read(at(&key)).await?;
    assert_eq!((answer.at, answer.found), (None, Find::Nothing));
    let (reason, after) = break_of(&l2.poll(PARTITION, before).await?).ok_or("no break")?;
    assert_eq!(reason, BreakReason::Epoch);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(
        l2.fill(at(&key), &record("old"), before, None).await?,
        FillAnswer::Refused(after)
    );
    assert_eq!(
        link.counters().distrusted,
        1,
        "every socket asks anew where an epoch is another one"
    );
    // The deployment record is there again, so that another application is still refused.
    assert_eq!(
        redis(&server, ["EXISTS", "{shop}:@deployment"])
            .await
            .integer(),
        Some(1)
    );
    Ok(())
}

#[tokio::test]
async fn whichever_operation_comes_first_after_a_flush_begins_a_whole_epoch() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let before = join(&l2).await?;
    let fields = ["e", "s", "c", "t", "i", "f", "g"];
    let is_whole = async || {
        let mut words = vec!["HMGET", "{shop}:@control"];
        words.extend(fields);
        server
            .command(words)
            .await
            .is_ok_and(|reply| !reply.items().iter().any(|item| item.is_nil()))
    };
    server.flush_all().await?;
    let applied = l2.invalidate(PARTITION, &remove(&key)).await?;
    assert!(applied.at.epoch != before.epoch && applied.at.seq.number() == 1 && is_whole().await);
    server.flush_all().await?;
    let applied = l2
        .invalidate(PARTITION, &group("*", caching_core::Mode::Expire))
        .await?;
    assert!(applied.tag_clock == 1 && applied.at.seq.number() == 1 && is_whole().await);
    server.flush_all().await?;
    let PutAnswer::Invalidated(applied) = l2.put(at(&key), &record("x"), Some(before)).await?
    else {
        return Err("a ticket of before was taken".into());
    };
    assert!(applied.at.seq.number() == 1 && is_whole().await);
    server.flush_all().await?;
    assert!(matches!(
        l2.put(at(&key), &record("x"), None).await?,
        PutAnswer::Stored(_)
    ));
    assert!(found(&l2, &key).await?.is_some() && is_whole().await);
    Ok(())
}

#[tokio::test]
async fn a_server_that_comes_back_empty_is_joined_anew() -> Done {
    let mut server = RedisServer::start().await?;
    let lines = Lines::listen();
    let link = link(&single(&server));
    let l2 = opened(&link);
    let before = join(&l2).await?;
    server.kill();
    until("operations fail at once", async || {
        let began = Instant::now();
        let failed = l2.poll(PARTITION, before).await.is_err();
        let is_down = matches!(link.status(), LinkStatus::Down(_));
        let is_tried = link.counters().failed > 2;
        failed && is_down && is_tried && began.elapsed() < Duration::from_millis(400)
    })
    .await;
    server.restart_empty().await?;
    let answer = until_ok(|| l2.poll(PARTITION, before)).await;
    assert_eq!(
        break_of(&answer).map(|(reason, _)| reason),
        Some(BreakReason::Epoch)
    );
    assert_eq!(lines.with("were lost"), 1, "{}", lines.text());
    // One line a reason: refused, and perhaps reset before that.
    assert!(link.counters().failed > 2);
    assert!(
        lines.with("no connection to Redis:") <= 2,
        "{}",
        lines.text()
    );
    assert!(
        lines.with("connected to Redis again") >= 1,
        "{}",
        lines.text()
    );
    Ok(())
}

#[tokio::test]
async fn a_restart_with_all_data_is_another_server_and_so_another_epoch() -> Done {
    let mut server = RedisServer::builder().append_only().start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let before = store(&l2, &key, "one").await?;
    server.restart().await?;
    // Already a read that comes before any poll: the connection has asked.
    let read = until_ok(|| l2.read(at(&key))).await;
    assert!(
        read.at.is_some_and(|at| at.epoch != before.epoch),
        "{read:?}"
    );
    let answer = until_ok(|| l2.poll(PARTITION, before)).await;
    let (reason, after) = break_of(&answer).ok_or("no break")?;
    // A new connection has found it out before the poll could, and left word.
    assert_eq!(reason, BreakReason::Identity);
    let found = found(&l2, &key).await?.ok_or("the record is gone")?;
    assert_eq!(found.epoch, before.epoch);
    assert_ne!(after.epoch, before.epoch, "its record would be served");
    Ok(())
}

#[tokio::test]
async fn a_restored_backup_is_another_epoch_and_its_log_does_not_collide() -> Done {
    let mut server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let start = join(&l2).await?;
    l2.invalidate(PARTITION, &remove(&key)).await?;
    let backup = server.snapshot().await?;
    let last = l2.invalidate(PARTITION, &remove(&key)).await?.at;
    server.restart_from_snapshot(&backup).await?;
    let answer = until_ok(|| l2.poll(PARTITION, last)).await;
    let (_, after) = break_of(&answer).ok_or("no break")?;
    assert_ne!(after.epoch, start.epoch);
    let next = l2.invalidate(PARTITION, &remove(&key)).await?.at;
    assert_eq!((next.epoch, next.seq.number()), (after.epoch, 1));
    assert!(matches!(
        l2.poll(PARTITION, after).await?,
        PollAnswer::Replay { .. }
    ));
    Ok(())
}

#[tokio::test]
async fn data_that_went_back_under_a_live_connection_is_found_out() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let start = join(&l2).await?;
    for _ in 0..3 {
        l2.invalidate(PARTITION, &remove(&key)).await?;
    }
    // As a full resynchronisation with an older data set leaves it.
    redis(&server, ["HSET", "{shop}:@control", "s", "1"]).await;
    let known = Asof {
        seq: caching_core::Seq::new(3),
        ..start
    };
    assert_eq!(
        l2.read(at(&key)).await?.at.map(|at| at.seq.number()),
        Some(1)
    );
    // The log is ahead of the numbers: giving 2 out again would be a lie.
    let applied = l2.invalidate(PARTITION, &remove(&key)).await?;
    assert_ne!(applied.at.epoch, start.epoch);
    assert_eq!(applied.at.seq.number(), 1);
    let answer = until_ok(|| l2.poll(PARTITION, known)).await;
    assert_eq!(
        break_of(&answer).map(|(reason, _)| reason),
        Some(BreakReason::Epoch)
    );
    Ok(())
}

#[tokio::test]
async fn a_promotion_and_back_on_one_process_is_found_out_by_the_identity() -> Done {
    let primary = RedisServer::start().await?;
    let server = RedisServer::start().await?;
    let link = link(&single(&server));
    let l2 = opened(&link);
    let key = key("shared k:x");
    let before = store(&l2, &key, "one").await?;
    let port = primary.port().to_string();
    // Demoted: writes are refused, reads would go on without a word.
    redis(&server, ["REPLICAOF", "127.0.0.1", &port]).await;
    let error = l2
        .poll(PARTITION, before)
        .await
        .err()
        .ok_or("it was answered")?;
    assert_eq!(error.kind, L2ErrorKind::Unavailable, "{error}");
    until("reads are refused too", async || {
        l2.read(at(&key)).await.is_err()
    })
    .await;
    // Back again, the same process and the same run id: what it holds may be another data set.
    redis(&server, ["REPLICAOF", "NO", "ONE"]).await;
    let answer = until_ok(|| l2.poll(PARTITION, before)).await;
    let (_, after) = break_of(&answer).ok_or("it was trusted")?;
    assert_ne!(after.epoch, before.epoch);
    Ok(())
}

#[tokio::test]
async fn a_promotion_there_and_back_that_no_connection_noticed_is_found_out_by_the_poll() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    join(&l2).await?;
    let before = l2.invalidate(PARTITION, &remove(&key)).await?.at;
    // The same process, the same run id, the same data; another history from here on.
    redis(&server, ["REPLICAOF", "127.0.0.1", "1"]).await;
    redis(&server, ["REPLICAOF", "NO", "ONE"]).await;
    let (reason, after) = break_of(&l2.poll(PARTITION, before).await?).ok_or("it was trusted")?;
    assert_eq!(reason, BreakReason::Identity);
    assert_ne!(after.epoch, before.epoch);
    // The stripes are new, too: what is loaded from now on can be stored.
    let new = record("new");
    let filled = until_ok(|| l2.fill(at(&key), &new, after, None)).await;
    assert_eq!(filled, FillAnswer::Stored(after));
    let written = redis(&server, ["HMGET", "{shop}:@control", "i", "w"]).await;
    let written: Vec<_> = written
        .items()
        .iter()
        .flat_map(|item| item.text())
        .collect();
    let info = server.info("replication").await?;
    let identity = [server.run_id(), info.get("master_replid")].map(Option::unwrap_or_default);
    assert_eq!(written, [identity.join(" ").as_str(), "1"]);
    Ok(())
}

#[tokio::test]
async fn the_bound_stays_what_was_agreed_when_an_epoch_begins() -> Done {
    let server = RedisServer::start().await?;
    let before = join(&pod(&server)).await?;
    let other = link(&single(&server)).l2();
    other.open(&Deployment::new("shop", Duration::from_secs(30)));
    let ahead = Asof {
        seq: caching_core::Seq::new(9),
        ..before
    };
    let PollAnswer::Break { bound, at, .. } = other.poll(PARTITION, ahead).await? else {
        return Err("no break".into());
    };
    assert_ne!(at.epoch, before.epoch);
    assert_eq!(bound, BOUND);
    Ok(())
}

#[tokio::test]
async fn a_primary_that_has_to_have_replicas_and_has_none_refuses_polls() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let known = join(&l2).await?;
    redis(&server, ["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let error = l2
        .poll(PARTITION, known)
        .await
        .err()
        .ok_or("the lease was renewed")?;
    assert_eq!(error.kind, L2ErrorKind::Unavailable);
    until("and no connection is used", async || {
        l2.read(at(&key("shared k:x"))).await.is_err()
    })
    .await;
    redis(&server, ["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    let answer = until_ok(|| l2.poll(PARTITION, known)).await;
    assert_eq!(answer, PollAnswer::UpToDate);
    Ok(())
}

#[tokio::test]
async fn a_full_server_refuses_values_and_takes_invalidations() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let asof = store(&l2, &key, "one").await?;
    redis(&server, ["CONFIG", "SET", "maxmemory", "1"]).await;
    for error in [
        l2.fill(at(&key), &record("two"), asof, None).await.err(),
        l2.put(at(&key), &record("two"), None).await.err(),
    ] {
        assert_eq!(error.map(|error| error.kind), Some(L2ErrorKind::Full));
    }
    assert_eq!(
        l2.poll(PARTITION, asof).await?,
        PollAnswer::UpToDate,
        "a refused put did half of it"
    );
    assert!(
        found(&l2, &key)
            .await?
            .is_some_and(|found| found.payload == b"one")
    );
    assert_eq!(
        l2.invalidate(PARTITION, &remove(&key))
            .await?
            .at
            .seq
            .number(),
        1
    );
    l2.invalidate(PARTITION, &group("*", caching_core::Mode::Remove))
        .await?;
    assert_eq!(found(&l2, &key).await?, None);
    // A process that comes up now, too.
    join(&pod(&server)).await?;
    redis(&server, ["CONFIG", "SET", "maxmemory", "0"]).await;
    assert!(matches!(
        l2.put(at(&key), &record("two"), None).await?,
        PutAnswer::Stored(_)
    ));
    Ok(())
}

#[tokio::test]
async fn a_question_about_purges_that_is_answered_in_another_epoch_ends_all_connections() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&single(&server));
    let l2 = opened(&link);
    let groups = ["*".to_owned()];
    let before = join(&l2).await?;
    let answer = l2.purged(PARTITION, &groups).await?;
    assert_eq!(answer.epoch, Some(before.epoch));
    server.flush_all().await?;
    // Another process begins an epoch there.
    let after = join(&pod(&server)).await?;
    assert_eq!(link.counters().distrusted, 0);
    let answer = l2.purged(PARTITION, &groups).await?;
    assert_eq!(answer.epoch, Some(after.epoch));
    assert_eq!(link.counters().distrusted, 1);
    Ok(())
}
