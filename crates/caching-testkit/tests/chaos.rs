//! The doubles of the shared level do what they are told, and nothing else.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use caching_core::{
    Address, Asof, Backplane, Change, Deployment, Find, KeyName, L2, L2Error, L2ErrorKind,
    MemoryBackplane, MemoryL2, MemoryStore, Mode, Notice, Partition, Record,
};
use caching_testkit::{ChaosBackplane, ChaosL2, Gate, L2Fault, L2Operation, NoticeFault};
use tokio::task::JoinHandle;

const PARTITION: Partition = Partition::new(0);
const FIELD: &str = "json.1";

fn deployment() -> Deployment {
    Deployment::new("shop", Duration::from_secs(1))
}

fn chaos(store: &MemoryStore) -> ChaosL2<MemoryL2> {
    let l2 = ChaosL2::new(store.l2());
    l2.open(&deployment());
    l2
}

fn key() -> KeyName {
    KeyName::parse("shared rate:eur").unwrap()
}

async fn put(l2: &impl L2) -> Result<(), L2Error> {
    let key = key();
    let record = Record {
        payload: b"1".to_vec(),
        duration: Duration::from_secs(60),
        retention: Duration::ZERO,
        tags: Vec::new(),
        tag_clock: 0,
    };
    let address = Address::new(PARTITION, &key, FIELD);
    l2.put(address, &record, None).await.map(drop)
}

async fn purge(l2: &impl L2) {
    let change = Change::Group {
        group: "*".into(),
        clock: 0,
        mode: Mode::Remove,
    };
    l2.invalidate(PARTITION, &change).await.unwrap();
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_operation_that_fails_is_not_done_and_one_that_lost_its_answer_is() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    l2.next(L2Operation::Put, L2Fault::Fail(L2ErrorKind::Full));
    assert_eq!(put(&l2).await.unwrap_err().kind, L2ErrorKind::Full);
    assert_eq!(store.records().len(), 0);

    l2.next(L2Operation::Put, L2Fault::LoseAnswer(L2ErrorKind::Timeout));
    assert_eq!(put(&l2).await.unwrap_err().kind, L2ErrorKind::Timeout);
    assert_eq!(store.records().len(), 1);
    put(&l2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_in_time_that_tests_advance() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    l2.set(L2Operation::Put, L2Fault::Delay(Duration::from_secs(3600)));
    let before = tokio::time::Instant::now();
    put(&l2).await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(3600));
}

#[tokio::test]
async fn what_is_held_is_done_when_it_is_let_through_though_its_caller_has_gone() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    let gate = Gate::closed();
    l2.set(L2Operation::Put, L2Fault::Hold(gate.clone()));
    let caller = tokio::spawn({
        let l2 = l2.clone();
        async move { put(&l2).await }
    });
    gate.arrivals(1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(store.records().len(), 0);
    gate.let_through(1);
    settle().await;
    assert_eq!(store.records().len(), 1);
}

#[tokio::test]
async fn what_is_held_ends_with_the_last_clone() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    let gate = Gate::closed();
    l2.set(L2Operation::Put, L2Fault::Hold(gate.clone()));
    let caller = tokio::spawn(async move { put(&l2).await });
    gate.arrivals(1).await;
    caller.abort();
    assert!(caller.await.is_err());
    gate.open();
    settle().await;
    assert_eq!(store.records().len(), 0);
}

#[tokio::test]
async fn an_answer_is_held_after_the_operation_was_done() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    let gate = Gate::closed();
    l2.set(L2Operation::Put, L2Fault::HoldAnswer(gate.clone()));
    let caller = tokio::spawn({
        let l2 = l2.clone();
        async move { put(&l2).await }
    });
    gate.arrivals(1).await;
    assert_eq!(store.records().len(), 1);
    assert!(!caller.is_finished());
    gate.open();
    caller.await.unwrap().unwrap();
}

#[tokio::test]
async fn faults_of_one_operation_do_not_concern_another() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    l2.set(L2Operation::Read, L2Fault::Fail(L2ErrorKind::Unavailable));
    put(&l2).await.unwrap();
    let key = key();
    let address = Address::new(PARTITION, &key, FIELD);
    assert!(l2.read(address).await.is_err());
    l2.heal();
    let found = l2.read(address).await.unwrap().found;
    assert!(matches!(found, Find::Record(_)));
}

#[tokio::test]
async fn every_operation_can_fail_and_is_counted() {
    let store = MemoryStore::new();
    let l2 = chaos(&store);
    l2.set_all(L2Fault::Fail(L2ErrorKind::Unavailable));
    let key = key();
    let address = Address::new(PARTITION, &key, FIELD);
    let (claim, nothing) = (caching_core::Claim::new(1), Asof::default());
    let change = Change::Keys {
        keys: vec![key.clone()],
        mode: Mode::Remove,
    };
    let record = Record {
        payload: Vec::new(),
        duration: Duration::from_secs(60),
        retention: Duration::ZERO,
        tags: Vec::new(),
        tag_clock: 0,
    };
    assert!(l2.read(address).await.is_err());
    assert!(l2.fill(address, &record, nothing, None).await.is_err());
    assert!(l2.put(address, &record, None).await.is_err());
    assert!(l2.invalidate(PARTITION, &change).await.is_err());
    assert!(l2.purged(PARTITION, &[]).await.is_err());
    let claimed = l2.claim(address, claim, Duration::from_secs(1)).await;
    assert!(claimed.is_err());
    assert!(l2.release(address, claim).await.is_err());
    assert!(l2.poll(PARTITION, nothing).await.is_err());
    for operation in L2Operation::ALL {
        assert_eq!(l2.calls(operation), 1, "{operation:?}");
    }
    l2.called(L2Operation::Poll, 1).await;
}

/// A listener that keeps the numbers it hears, and the task that drives it.
struct Listening {
    heard: Arc<Mutex<Vec<u64>>>,
    driver: JoinHandle<String>,
}

impl Listening {
    async fn to(backplane: &ChaosBackplane<MemoryBackplane>) -> Self {
        let heard = Arc::<Mutex<Vec<u64>>>::default();
        let listener = {
            let heard = heard.clone();
            Box::new(move |notice: Notice| heard.lock().unwrap().push(notice.at.seq.number()))
        };
        let subscription = backplane.subscribe(listener).await.unwrap();
        let driver = tokio::spawn(async move { subscription.await.to_string() });
        Self { heard, driver }
    }

    fn heard(&self) -> Vec<u64> {
        self.heard.lock().unwrap().clone()
    }
}

fn channel(store: &MemoryStore) -> (MemoryL2, ChaosBackplane<MemoryBackplane>) {
    let (l2, backplane) = (store.l2(), ChaosBackplane::new(store.backplane()));
    l2.open(&deployment());
    backplane.open(&deployment());
    (l2, backplane)
}

#[tokio::test]
async fn notices_are_lost_doubled_and_held_one_by_one() {
    let (l2, backplane) = channel(&MemoryStore::new());
    let listening = Listening::to(&backplane).await;
    backplane.next(NoticeFault::Drop);
    backplane.next(NoticeFault::Duplicate);
    backplane.next(NoticeFault::Hold);
    for _ in 0..4 {
        purge(&l2).await;
    }
    backplane.arrivals(4).await;
    assert_eq!(listening.heard(), [2, 2, 4]);
    assert_eq!((backplane.held(), backplane.arrived()), (1, 4));
    backplane.heal();
    assert_eq!(listening.heard(), [2, 2, 4, 3]);
    assert_eq!(backplane.held(), 0);
}

#[tokio::test]
async fn what_was_held_is_delivered_in_any_order() {
    let (l2, backplane) = channel(&MemoryStore::new());
    let listening = Listening::to(&backplane).await;
    backplane.set(NoticeFault::Hold);
    for _ in 0..3 {
        purge(&l2).await;
    }
    backplane.arrivals(3).await;
    assert_eq!(listening.heard(), [0; 0]);
    backplane.deliver_held_in(|notices| notices.reverse());
    assert_eq!(listening.heard(), [3, 2, 1]);
}

#[tokio::test]
async fn a_cut_ends_subscriptions_and_a_refusal_prevents_new_ones() {
    let (l2, backplane) = channel(&MemoryStore::new());
    let first = Listening::to(&backplane).await;
    backplane.set(NoticeFault::Hold);
    purge(&l2).await;
    backplane.arrivals(1).await;
    backplane.refuse(true);
    backplane.cut();
    assert!(first.driver.await.unwrap().contains("cut"));
    assert_eq!((backplane.held(), backplane.subscriptions()), (0, 0));
    assert!(backplane.subscribe(Box::new(|_| {})).await.is_err());

    backplane.heal();
    let second = Listening::to(&backplane).await;
    purge(&l2).await;
    backplane.arrivals(2).await;
    assert_eq!(second.heard(), [2]);
}

#[tokio::test]
async fn a_dropped_subscription_is_no_longer_listed() {
    let (_, backplane) = channel(&MemoryStore::new());
    let subscription = backplane.subscribe(Box::new(|_| {})).await.unwrap();
    assert_eq!(backplane.subscriptions(), 1);
    drop(subscription);
    assert_eq!(backplane.subscriptions(), 0);
}

#[tokio::test]
async fn a_forged_notice_reaches_every_listener() {
    let (l2, backplane) = channel(&MemoryStore::new());
    let (one, two) = (
        Listening::to(&backplane).await,
        Listening::to(&backplane).await,
    );
    purge(&l2).await;
    backplane.arrivals(2).await; // once for each of them
    let at = Asof {
        seq: caching_core::Seq::new(99),
        ..Asof::default()
    };
    let change = Change::Keys {
        keys: vec![key()],
        mode: Mode::Remove,
    };
    let partition = PARTITION;
    backplane.forge(&Notice {
        partition,
        at,
        change,
    });
    assert_eq!((one.heard(), two.heard()), (vec![1, 99], vec![1, 99]));
}
