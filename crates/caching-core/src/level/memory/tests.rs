//! What can be made to happen to the store, and what its connections then see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::TokioClock;
use crate::coherence::{Asof, Backplane, Change, Mode, Notice, Partition, Seq};
use crate::key::KeyName;
use crate::level::{
    Address, BreakReason, Deployment, Find, L2, L2ErrorKind, PollAnswer, PutAnswer, Record,
};

use super::{MemoryL2, MemoryStore};

const PARTITION: Partition = Partition::new(0);

fn deployment() -> Deployment {
    Deployment::new("shop", Duration::from_secs(1))
}

fn opened(store: &MemoryStore) -> MemoryL2 {
    let l2 = store.l2();
    l2.open(&deployment());
    l2
}

fn record(payload: &str) -> Record {
    Record {
        payload: payload.into(),
        duration: Duration::from_secs(60),
        retention: Duration::from_secs(60),
        tags: Vec::new(),
        tag_clock: 0,
    }
}

async fn put(l2: &MemoryL2, text: &str, payload: &str) -> Asof {
    let key = KeyName::new("shared", "key", text);
    let address = Address::new(PARTITION, &key, "json.1");
    match l2.put(address, &record(payload), None).await.unwrap() {
        PutAnswer::Stored(applied) => applied.at,
        PutAnswer::Invalidated(applied) => panic!("not stored at {:?}", applied.at),
    }
}

async fn payload(l2: &MemoryL2, text: &str) -> Option<Vec<u8>> {
    let key = KeyName::new("shared", "key", text);
    let address = Address::new(PARTITION, &key, "json.1");
    match l2.read(address).await.unwrap().found {
        Find::Record(record) => Some(record.payload),
        _ => None,
    }
}

async fn break_reason(l2: &MemoryL2, known: Asof) -> BreakReason {
    match l2.poll(PARTITION, known).await.unwrap() {
        PollAnswer::Break { reason, .. } => reason,
        answer => panic!("no break: {answer:?}"),
    }
}

#[tokio::test]
async fn what_was_forgotten_is_gone_and_the_epoch_with_it() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let known = put(&l2, "a", "1").await;
    store.forget_everything();
    assert_eq!(payload(&l2, "a").await, None);
    assert_eq!(store.records(), []);
    assert_eq!(break_reason(&l2, known).await, BreakReason::Epoch);
}

#[tokio::test]
async fn records_outlive_an_evicted_control_record_and_are_of_another_epoch() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let known = put(&l2, "a", "1").await;
    store.evict_control();
    assert_eq!(payload(&l2, "a").await, None);
    assert_eq!(break_reason(&l2, known).await, BreakReason::Epoch);
    assert_eq!(payload(&l2, "a").await, Some(b"1".to_vec()));
    assert_eq!(store.records()[0].record.epoch, known.epoch);
}

#[tokio::test]
async fn an_older_data_set_comes_back_with_its_numbers() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let older = put(&l2, "a", "1").await;
    let snapshot = store.snapshot();
    let newer = put(&l2, "a", "2").await;
    store.restore(&snapshot);
    assert_eq!(payload(&l2, "a").await, Some(b"1".to_vec()));
    let answer = l2.poll(PARTITION, older).await.unwrap();
    assert_eq!(answer, PollAnswer::UpToDate);
    assert_eq!(break_reason(&l2, newer).await, BreakReason::Behind);
    assert_eq!(break_reason(&l2, older).await, BreakReason::Epoch);
}

#[tokio::test]
async fn another_server_breaks_and_cuts_subscriptions() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let backplane = store.backplane();
    backplane.open(&deployment());
    let subscription = backplane.subscribe(Box::new(|_| {})).await.unwrap();
    let known = put(&l2, "a", "1").await;
    store.replace_server();
    assert!(subscription.await.to_string().contains("was cut"));
    assert_eq!(break_reason(&l2, known).await, BreakReason::Identity);
    assert_eq!(break_reason(&l2, known).await, BreakReason::Epoch);
}

#[tokio::test]
async fn a_trimmed_log_replays_what_it_still_holds() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let first = put(&l2, "a", "1").await;
    let second = put(&l2, "b", "1").await;
    put(&l2, "c", "1").await;
    store.trim_log(1);
    assert_eq!(break_reason(&l2, first).await, BreakReason::Log);
    let answer = l2.poll(PARTITION, second).await.unwrap();
    assert!(matches!(answer, PollAnswer::Replay { changes, more: false } if changes.len() == 1));
}

#[tokio::test]
async fn a_hole_in_the_log_breaks_only_who_has_to_pass_it() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let first = put(&l2, "a", "1").await;
    let second = put(&l2, "b", "1").await;
    put(&l2, "c", "1").await;
    store.lose_from_log(Seq::new(2));
    assert_eq!(break_reason(&l2, first).await, BreakReason::Log);
    let answer = l2.poll(PARTITION, second).await.unwrap();
    assert!(matches!(answer, PollAnswer::Replay { .. }));
}

#[tokio::test(start_paused = true)]
async fn records_can_be_looked_at_until_they_die() {
    let store = MemoryStore::with_clock(TokioClock::new());
    let l2 = opened(&store);
    put(&l2, "b", "1").await;
    put(&l2, "a", "2").await;
    let keys = vec![KeyName::new("shared", "key", "b")];
    let mode = Mode::Expire;
    let change = Change::Keys { keys, mode };
    l2.invalidate(PARTITION, &change).await.unwrap();

    let seen: Vec<_> = store
        .records()
        .into_iter()
        .map(|it| (it.key_prefix, it.key.to_string(), it.field, it.is_expired))
        .collect();
    let [a, b] = ["shared key:a", "shared key:b"].map(String::from);
    let (prefix, field) = (String::from("shop"), String::from("json.1"));
    let expected = [
        (prefix.clone(), a, field.clone(), false),
        (prefix, b, field, true),
    ];
    assert_eq!(seen, expected);

    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(store.records(), []);
}

#[tokio::test]
async fn a_subscriber_that_does_not_listen_is_cut_off_after_what_it_was_sent() {
    let store = MemoryStore::new();
    let l2 = opened(&store);
    let backplane = store.backplane();
    backplane.open(&deployment());
    let heard = Arc::new(Mutex::new(Vec::<Notice>::new()));
    let listener = {
        let heard = heard.clone();
        Box::new(move |notice| heard.lock().unwrap().push(notice))
    };
    let subscription = backplane.subscribe(listener).await.unwrap();
    for _ in 0..super::WAITING_NOTICES + 2 {
        put(&l2, "a", "1").await;
    }
    assert!(subscription.await.to_string().contains("was cut"));
    let heard: Vec<_> = heard.lock().unwrap().iter().map(|it| it.at.seq).collect();
    let sent = 1..=super::WAITING_NOTICES as u64;
    assert!(heard.into_iter().eq(sent.map(Seq::new)));
}

#[tokio::test]
async fn a_connection_is_of_use_between_open_and_close_only() {
    let store = MemoryStore::new();
    let l2 = store.l2();
    let error = l2.poll(PARTITION, Asof::default()).await.unwrap_err();
    assert_eq!(error.kind, L2ErrorKind::Rejected);

    l2.open(&deployment());
    let other = l2.poll(Partition::new(1), Asof::default()).await;
    assert_eq!(other.unwrap_err().kind, L2ErrorKind::Rejected);

    l2.close().await;
    let error = l2.poll(PARTITION, Asof::default()).await.unwrap_err();
    assert_eq!(error.kind, L2ErrorKind::Unavailable);
    put(&opened(&store), "a", "1").await; // others are not concerned
}

#[tokio::test]
async fn nothing_of_a_value_is_in_the_debug_form_of_what_holds_it() {
    let store = MemoryStore::new();
    put(&opened(&store), "a", "hidden").await;
    let forms = format!("{store:?} {:?} {:?}", store.snapshot(), store.l2());
    assert_eq!(
        forms,
        "MemoryStore { .. } MemorySnapshot { .. } MemoryL2 { .. }"
    );
}
