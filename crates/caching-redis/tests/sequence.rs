//! The sequence of invalidations: what is counted, remembered and told again.

mod support;

use std::time::Duration;

use caching_core::{
    Asof, BreakReason, Change, Deployment, Epoch, FillAnswer, L2, Mode, PollAnswer, PurgeTimes, Seq,
};
use caching_testkit::RedisServer;
use support::*;

#[tokio::test]
async fn purges_are_counted_remembered_and_told() -> Done {
    let server = RedisServer::start().await?;
    let (one, two) = (pod(&server), pod(&server));
    let known = join(&two).await?;
    let name = "t:acme tag:a b:7";
    let first = one
        .invalidate(PARTITION, &group(name, Mode::Remove))
        .await?;
    let second = one
        .invalidate(PARTITION, &group(name, Mode::Expire))
        .await?;
    assert_eq!((first.tag_clock, second.tag_clock), (1, 2));
    let answer = two
        .purged(PARTITION, &["*".to_owned(), name.to_owned()])
        .await?;
    assert_eq!(
        (answer.times, answer.floor),
        (
            vec![
                PurgeTimes::default(),
                PurgeTimes {
                    removed: 1,
                    expired: 2
                }
            ],
            0
        )
    );
    let PollAnswer::Replay { changes, .. } = two.poll(PARTITION, known).await? else {
        return Err("nothing to replay".into());
    };
    let clocks: Vec<u64> = changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Group { clock, group, .. } if group == name => Some(*clock),
            _ => None,
        })
        .collect();
    assert_eq!(clocks, [1, 2]);
    Ok(())
}

#[tokio::test]
async fn many_purges_leave_memory_bounded_and_raise_the_floor() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    join(&l2).await?;
    // As if so many groups had been purged before: the next one fills a generation.
    server
        .command([
            "EVAL",
            "for i = 1, 65536 do redis.call('HSET', KEYS[1], 'rshared tag:' .. i, i) end \
             redis.call('HSET', KEYS[1], '@', redis.call('HGET', KEYS[2], 'e')) \
             redis.call('HSET', KEYS[2], 'c', 65536)",
            "2",
            "{shop}:@tags",
            "{shop}:@control",
        ])
        .await?;
    let one = "shared tag:1".to_owned();
    let last = "shared tag:last".to_owned();
    l2.invalidate(PARTITION, &group(&last, Mode::Remove))
        .await?;
    assert_eq!(
        redis(&server, ["EXISTS", "{shop}:@tags"]).await.integer(),
        Some(0)
    );
    let answer = l2.purged(PARTITION, &[one.clone(), last.clone()]).await?;
    assert_eq!(answer.floor, 0, "nothing is forgotten yet");
    assert_eq!(
        (answer.times[0].removed, answer.times[1].removed),
        (1, 65_537)
    );

    // The next generation pushes that one out.
    server
        .command([
            "EVAL",
            "for i = 1, 65536 do redis.call('HSET', KEYS[1], 'ex' .. i, 65537 + i) end \
             redis.call('HSET', KEYS[1], '@', redis.call('HGET', KEYS[2], 'e')) \
             redis.call('HSET', KEYS[2], 'c', 131073)",
            "2",
            "{shop}:@tags",
            "{shop}:@control",
        ])
        .await?;
    l2.invalidate(PARTITION, &group("*", Mode::Remove)).await?;
    let answer = l2.purged(PARTITION, &[one, "*".to_owned()]).await?;
    assert_eq!(answer.floor, 65_537);
    assert_eq!(
        (answer.times[0].removed, answer.times[1].removed),
        (0, 131_074)
    );
    Ok(())
}

#[tokio::test]
async fn a_poll_tells_what_was_missed_in_pages_and_in_order() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let start = join(&l2).await?;
    assert_eq!(l2.poll(PARTITION, start).await?, PollAnswer::UpToDate);
    for number in 0..700 {
        let key = key(&format!("shared k:{number}"));
        l2.invalidate(PARTITION, &remove(&key)).await?;
    }
    let (mut known, mut seen, mut pages) = (start, 0, 0);
    loop {
        let PollAnswer::Replay { changes, more } = l2.poll(PARTITION, known).await? else {
            return Err("a page is missing".into());
        };
        pages += 1;
        for (at, change) in changes {
            assert_eq!(at.seq.number(), known.seq.number() + 1);
            assert_eq!(change, remove(&key(&format!("shared k:{seen}"))));
            (known, seen) = (at, seen + 1);
        }
        if !more {
            break;
        }
    }
    assert_eq!((seen, pages), (700, 2));
    assert_eq!(l2.poll(PARTITION, known).await?, PollAnswer::UpToDate);
    Ok(())
}

#[tokio::test]
async fn a_poll_breaks_off_where_what_happened_cannot_be_told() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let start = join(&l2).await?;
    let key = key("shared k:x");
    for _ in 0..3 {
        l2.invalidate(PARTITION, &remove(&key)).await?;
    }
    let reason = |answer| match answer {
        PollAnswer::Break { reason, at, .. } => (reason, at),
        other => panic!("{other:?}"),
    };
    let other = Asof {
        epoch: Epoch::new(7),
        seq: Seq::new(1),
    };
    let (why, now) = reason(l2.poll(PARTITION, other).await?);
    assert_eq!((why, now.seq.number()), (BreakReason::Epoch, 3));

    redis(&server, ["XDEL", "{shop}:@log", "2-0"]).await;
    let (why, now) = reason(l2.poll(PARTITION, start).await?);
    assert_eq!((why, now.epoch), (BreakReason::Log, start.epoch));
    let after_the_hole = Asof {
        seq: Seq::new(2),
        ..start
    };
    assert!(matches!(
        l2.poll(PARTITION, after_the_hole).await?,
        PollAnswer::Replay { .. }
    ));

    let ahead = Asof {
        seq: Seq::new(9),
        ..start
    };
    let (why, now) = reason(l2.poll(PARTITION, ahead).await?);
    assert_eq!((why, now.seq.number()), (BreakReason::Behind, 0));
    assert_ne!(now.epoch, start.epoch);
    Ok(())
}

#[tokio::test]
async fn the_first_process_brings_the_bound_and_all_others_adopt_it() -> Done {
    let server = RedisServer::start().await?;
    join(&pod(&server)).await?;
    let l2 = link(&config(&server)).l2();
    l2.open(&Deployment::new("shop", Duration::from_secs(30)));
    let PollAnswer::Break { bound, reason, .. } = l2.poll(PARTITION, Asof::default()).await? else {
        return Err("no break".into());
    };
    assert_eq!((bound, reason), (BOUND, BreakReason::Start));
    Ok(())
}

#[tokio::test]
async fn thousands_of_keys_are_invalidated_in_one_step() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let start = join(&l2).await?;
    let names: Vec<_> = (0..5000)
        .map(|number| key(&format!("shared k:{number}")))
        .collect();
    for mode in [Mode::Remove, Mode::Expire] {
        let change = Change::Keys {
            keys: names.clone(),
            mode,
        };
        l2.invalidate(PARTITION, &change).await?;
    }
    let PollAnswer::Replay { changes, .. } = l2.poll(PARTITION, start).await? else {
        return Err("nothing to replay".into());
    };
    assert!(matches!(&changes[0].1, Change::Keys { keys, .. } if *keys == names));
    assert_eq!(
        l2.fill(at(&names[4999]), &record("x"), start, None).await?,
        FillAnswer::Refused(Asof {
            seq: Seq::new(2),
            ..start
        })
    );
    Ok(())
}

#[tokio::test]
async fn a_table_of_purges_that_was_evicted_counts_for_everything() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    join(&l2).await?;
    let [one, two] = ["shared tag:one", "shared tag:two"];
    for _ in 0..3 {
        l2.invalidate(PARTITION, &group(one, Mode::Remove)).await?;
    }
    redis(&server, ["DEL", "{shop}:@tags"]).await;
    assert_eq!(l2.purged(PARTITION, &[one.to_owned()]).await?.floor, 3);
    // A purge after it does not make the table whole again.
    l2.invalidate(PARTITION, &group(two, Mode::Remove)).await?;
    let answer = l2.purged(PARTITION, &[two.to_owned()]).await?;
    assert_eq!((answer.floor, answer.times[0].removed), (3, 4));
    Ok(())
}

#[tokio::test]
async fn long_changes_leave_the_log_bounded() -> Done {
    let server = RedisServer::start().await?;
    let l2 = pod(&server);
    let start = join(&l2).await?;
    let names: Vec<_> = (0..200)
        .map(|number| key(&format!("shared k:{}{number}", "x".repeat(500))))
        .collect();
    let change = Change::Keys {
        keys: names,
        mode: Mode::Remove,
    };
    for _ in 0..30 {
        l2.invalidate(PARTITION, &change).await?;
    }
    // A page is a MiB or so, and the next one goes on where it ended.
    let PollAnswer::Replay { changes, more } = l2.poll(PARTITION, start).await? else {
        return Err("nothing to replay".into());
    };
    assert!(more || changes.len() == 30);
    // As if as many had come before as a log of short ones holds.
    server
        .command([
            "EVAL",
            "for i = 31, 9000 do redis.call('XADD', KEYS[1], i .. '-0', 'c', 'x') end \
             redis.call('HSET', KEYS[2], 's', 9000)",
            "2",
            "{shop}:@log",
            "{shop}:@control",
        ])
        .await?;
    l2.invalidate(PARTITION, &change).await?;
    let length = redis(&server, ["XLEN", "{shop}:@log"]).await.integer();
    assert!(
        length.is_some_and(|length| length <= 8192 + 100),
        "{length:?}"
    );
    Ok(())
}
