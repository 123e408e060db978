//! What each operation does, on a real server.

mod support;

use std::time::Duration;

use caching_core::{
    Address, Applied, Asof, Claim, FillAnswer, Find, L2, L2ErrorKind, Mode, PollAnswer, PutAnswer,
    Record, Seq, Tag,
};
use caching_testkit::{RedisReply, RedisServer};
use support::*;

#[tokio::test]
async fn a_value_is_read_back_by_another_process_with_what_belongs_to_it() -> Done {
    let server = RedisServer::start().await?;
    let (one, two) = (pod(&server), pod(&server));
    let key = key("t:acme invoice:7");
    let asof = store(&one, &key, "a value").await?;
    let answer = two.read(at(&key)).await?;
    assert_eq!(answer.at, Some(asof));
    let Find::Record(found) = answer.found else {
        return Err(format!("{answer:?}").into());
    };
    assert_eq!(found.payload, b"a value");
    assert_eq!(found.tags, [Tag::from("customer:7")]);
    assert_eq!(found.epoch, asof.epoch);
    assert!(
        found.fresh_for <= Duration::from_secs(60) && found.fresh_for > Duration::from_secs(50)
    );
    assert!(
        found.kept_for <= Duration::from_secs(120) && found.kept_for > Duration::from_secs(110)
    );
    // The bytes, as the sample promises them.
    let stored = server.record("{shop}:t:acme:invoice:7").await?;
    let stored = stored.as_ref().and_then(|record| record.segment("json.1"));
    assert_eq!(stored.map(|stored| &*stored.payload), Some(&b"a value"[..]));
    let left = redis(&server, ["PTTL", "{shop}:t:acme:invoice:7"])
        .await
        .integer();
    assert!(
        left.is_some_and(|left| (110_000..=120_000).contains(&left)),
        "{left:?}"
    );
    Ok(())
}

#[tokio::test]
async fn reads_and_claims_leave_an_empty_server_empty_and_a_fill_is_refused() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let answer = l2.read(at(&key)).await?;
    assert_eq!((answer.at, answer.found), (None, Find::Nothing));
    assert_eq!(l2.purged(PARTITION, &["*".to_owned()]).await?.floor, 0);
    assert_eq!(
        l2.fill(at(&key), &record("x"), Asof::default(), None)
            .await?,
        FillAnswer::Refused(Asof::default())
    );
    assert!(
        l2.claim(at(&key), Claim::new(1), Duration::from_secs(9))
            .await?
    );
    l2.release(at(&key), Claim::new(1)).await?;
    // What a connection asks for leaves one record: who the prefix belongs to.
    let left = redis(&server, ["KEYS", "*"]).await;
    assert_eq!(
        left.items()
            .iter()
            .flat_map(RedisReply::text)
            .collect::<Vec<_>>(),
        ["{shop}:@deployment"]
    );
    Ok(())
}

#[tokio::test]
async fn a_load_that_began_before_an_invalidation_is_not_stored() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let before = join(&l2).await?;
    let Applied { at: after, .. } = l2.invalidate(PARTITION, &remove(&key)).await?;
    assert_eq!(after.seq, Seq::new(1));
    assert_eq!(
        l2.fill(at(&key), &record("old"), before, None).await?,
        FillAnswer::Refused(after)
    );
    assert_eq!(found(&l2, &key).await?, None);
    assert_eq!(
        l2.fill(at(&key), &record("new"), after, None).await?,
        FillAnswer::Stored(after)
    );
    // One that claims to know what has not happened yet saw another data set.
    let ahead = Asof {
        seq: Seq::new(9),
        ..after
    };
    assert_eq!(
        l2.fill(at(&key), &record("x"), ahead, None).await?,
        FillAnswer::Refused(after)
    );
    Ok(())
}

#[tokio::test]
async fn fields_live_side_by_side_until_the_key_is_expired() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let asof = store(&l2, &key, "one").await?;
    let other = Address::new(PARTITION, &key, "json.2");
    let short = Record {
        duration: Duration::from_secs(1),
        retention: Duration::ZERO,
        ..record("two")
    };
    l2.fill(other, &short, asof, None).await?;
    assert!(
        found(&l2, &key)
            .await?
            .is_some_and(|found| found.kept_for > Duration::from_secs(100))
    );

    let applied = l2.invalidate(PARTITION, &keys(&key, Mode::Expire)).await?;
    let stale = found(&l2, &key).await?.ok_or("the fallback is gone")?;
    assert_eq!(
        (stale.fresh_for, stale.payload.as_slice()),
        (Duration::ZERO, b"one".as_slice())
    );
    l2.fill(other, &record("three"), applied.at, None).await?;
    assert_eq!(
        found(&l2, &key).await?,
        None,
        "a fallback from before the expiry is left"
    );
    assert!(
        matches!(l2.read(other).await?.found, Find::Record(found) if !found.fresh_for.is_zero())
    );
    Ok(())
}

#[tokio::test]
async fn a_record_without_a_life_replaces_what_is_there_with_nothing() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let asof = store(&l2, &key, "one").await?;
    let dead = Record {
        duration: Duration::ZERO,
        retention: Duration::ZERO,
        ..record("dead")
    };
    assert_eq!(
        l2.fill(at(&key), &dead, asof, None).await?,
        FillAnswer::Stored(asof)
    );
    assert_eq!(found(&l2, &key).await?, None);
    assert_eq!(
        redis(&server, ["EXISTS", "{shop}:shared:k:x"])
            .await
            .integer(),
        Some(0)
    );
    Ok(())
}

#[tokio::test]
async fn a_put_stores_unless_its_ticket_is_too_old_and_invalidates_in_any_case() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    let ticket = join(&l2).await?;
    let PutAnswer::Stored(first) = l2.put(at(&key), &record("one"), Some(ticket)).await? else {
        return Err("a good ticket was refused".into());
    };
    assert_eq!(first.at.seq, Seq::new(1));
    let PutAnswer::Invalidated(second) = l2.put(at(&key), &record("two"), Some(ticket)).await?
    else {
        return Err("an old ticket was taken".into());
    };
    assert_eq!(second.at.seq, Seq::new(2));
    assert_eq!(found(&l2, &key).await?, None);
    assert!(matches!(
        l2.put(at(&key), &record("three"), None).await?,
        PutAnswer::Stored(_)
    ));
    assert!(
        found(&l2, &key)
            .await?
            .is_some_and(|found| found.payload == b"three")
    );
    let PollAnswer::Replay { changes, more } = l2.poll(PARTITION, ticket).await? else {
        return Err("nothing to replay".into());
    };
    assert_eq!(changes.len(), 3);
    assert!(!more && changes.iter().all(|(_, change)| *change == remove(&key)));
    Ok(())
}

#[tokio::test]
async fn a_record_never_knows_more_of_purges_than_its_epoch() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let key = key("shared k:x");
    join(&l2).await?;
    let ahead = Record {
        tag_clock: 500,
        ..record("x")
    };
    l2.put(at(&key), &ahead, None).await?;
    let found = found(&l2, &key).await?.ok_or("it was not stored")?;
    assert_eq!(
        found.tag_clock, 0,
        "purges 1 to 500 of this epoch would not hide it"
    );
    let asof = join(&l2).await?;
    l2.fill(at(&key), &ahead, asof, None).await?;
    let found = support::found(&l2, &key)
        .await?
        .ok_or("it was not stored")?;
    assert_eq!(found.tag_clock, 0);
    Ok(())
}

#[tokio::test]
async fn a_claim_is_of_one_process_until_it_is_given_back_or_ends() -> Done {
    let server = RedisServer::start().await?;
    let (one, two) = (pod(&server), pod(&server));
    let key = key("shared k:x");
    let asof = join(&one).await?;
    let (ours, theirs) = (Claim::new(1), Claim::new(2));
    let long = Duration::from_secs(60);
    assert!(one.claim(at(&key), ours, long).await?);
    assert!(!two.claim(at(&key), theirs, long).await?);
    two.release(at(&key), theirs).await?;
    assert!(
        !two.claim(at(&key), theirs, long).await?,
        "somebody else's claim was released"
    );
    one.fill(at(&key), &record("x"), asof, Some(ours)).await?;
    assert!(
        two.claim(at(&key), theirs, Duration::from_millis(20))
            .await?
    );
    until("the claim ends with its time", async || {
        one.claim(at(&key), ours, long).await.unwrap_or(false)
    })
    .await;
    // A refused fill gives it back too.
    one.fill(at(&key), &record("x"), Asof::default(), Some(ours))
        .await?;
    assert!(two.claim(at(&key), theirs, long).await?);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_sent_is_rejected_before_it_is() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let fine = key("shared k:x");
    let too_many = Record {
        tags: vec![Tag::from("t"); 65],
        ..record("x")
    };
    let errors = [
        l2.read(Address::new(PARTITION, &fine, "a b")).await.err(),
        l2.read(Address::new(caching_core::Partition::new(1), &fine, FIELD))
            .await
            .err(),
        l2.put(at(&fine), &too_many, None).await.err(),
        l2.invalidate(PARTITION, &group("", Mode::Remove))
            .await
            .err(),
        l2.purged(PARTITION, &[String::new()]).await.err(),
    ];
    for error in errors {
        let error = error.ok_or("it was sent")?;
        assert_eq!(error.kind, L2ErrorKind::Rejected, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn two_operations_at_once_share_connections_and_the_last_writer_wins() -> Done {
    let server = RedisServer::start().await?;
    let link = link(&config(&server));
    let l2 = opened(&link);
    join(&l2).await?;
    let key = key("shared k:x");
    let writers: Vec<_> = (0..64)
        .map(|number| {
            let (l2, key) = (l2.clone(), key.clone());
            tokio::spawn(async move { l2.put(at(&key), &record(&number.to_string()), None).await })
        })
        .collect();
    let mut last = (Seq::default(), String::new());
    for (number, writer) in writers.into_iter().enumerate() {
        let PutAnswer::Stored(applied) = writer.await?? else {
            return Err("not stored".into());
        };
        last = last.max((applied.at.seq, number.to_string()));
    }
    assert_eq!(last.0, Seq::new(64));
    let found = found(&l2, &key).await?.ok_or("nothing there")?;
    assert_eq!(found.payload, last.1.as_bytes());
    until("both are open", async || link.counters().connected == 2).await;
    let clients = server.info("clients").await?.integer("connected_clients");
    assert_eq!(
        clients,
        Some(2 + 1),
        "two connections, and the one that asks"
    );
    Ok(())
}
