//! A process as the suite plays it: its two connections, and short ways to say what it does.

use std::sync::Arc;
use std::time::Duration;

use caching_core::{
    Address, Applied, Asof, Backplane, Change, Deployment, FillAnswer, Find, FoundRecord, KeyName,
    L2, L2Error, Mode, Notice, Partition, PollAnswer, PutAnswer, ReadAnswer, Record,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::L2Fixture;

/// The bound of the deployment.
pub(super) const BOUND: Duration = Duration::from_millis(1500);

/// A life that no test outlives.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// A life that tests outlive, and the time in which they do.
pub(super) const SHORT: Duration = Duration::from_millis(40);
pub(super) const LONGER_THAN_SHORT: Duration = Duration::from_millis(120);

/// What a server that works needs at most for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The field that is meant where none is named.
pub(super) const FIELD: &str = "json.1";

/// A process.
pub(super) struct Peer<F: L2Fixture> {
    pub(super) l2: Arc<F::L2>,
    pub(super) backplane: F::Backplane,
}

impl<F: L2Fixture> Peer<F> {
    pub(super) async fn join(fixture: &F) -> Self {
        Self::join_as(fixture, &Deployment::new(fixture.key_prefix(), BOUND)).await
    }

    pub(super) async fn join_as(fixture: &F, deployment: &Deployment) -> Self {
        let (l2, backplane) = fixture.connect().await;
        l2.open(deployment);
        backplane.open(deployment);
        let peer = Self {
            l2: Arc::new(l2),
            backplane,
        };
        peer.connected().await;
        peer
    }

    /// Waits until the server can be reached. It asks what begins no epoch.
    pub(super) async fn connected(&self) {
        let key = key("connected");
        let mut last: Option<L2Error> = None;
        for _ in 0..PATIENCE.as_millis() / 10 {
            match self.l2.read(self.at(&key, FIELD)).await {
                Ok(_) => return,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server cannot be reached: {last:?}");
    }

    pub(super) fn at<'a>(&self, key: &'a KeyName, field: &'a str) -> Address<'a> {
        Address::new(self.l2.partition_of(key), key, field)
    }

    /// The partition of most tests, which is that of [`key`]`("a")`.
    pub(super) fn partition(&self) -> Partition {
        self.l2.partition_of(&key("a"))
    }

    /// Some keys of that partition, each with a stripe of its own.
    pub(super) fn keys<const N: usize>(&self) -> [KeyName; N] {
        let mut found: Vec<KeyName> = Vec::new();
        for number in 0.. {
            let key = key(&format!("key-{number}"));
            let is_apart = found.iter().all(|other| other.stripe() != key.stripe());
            if is_apart && self.l2.partition_of(&key) == self.partition() {
                found.push(key);
            }
            if found.len() == N {
                break;
            }
        }
        found.try_into().expect("the loop ends with as many")
    }

    /// Another key of the same stripe and partition.
    pub(super) fn neighbour(&self, of: &KeyName) -> KeyName {
        (0..)
            .map(|number| key(&format!("neighbour-{number}")))
            .find(|key| {
                key.stripe() == of.stripe() && self.l2.partition_of(key) == self.l2.partition_of(of)
            })
            .expect("there is one among so many")
    }

    /// What a process that comes up now is told; where there is nothing, it begins an epoch.
    pub(super) async fn known(&self) -> Asof {
        self.known_of(&key("a")).await
    }

    /// The same for the partition of this key.
    pub(super) async fn known_of(&self, key: &KeyName) -> Asof {
        let partition = self.l2.partition_of(key);
        match self.l2.poll(partition, Asof::default()).await {
            Ok(PollAnswer::Break { at, .. }) => at,
            answer => panic!("who knows nothing is told where to begin, not {answer:?}"),
        }
    }

    pub(super) async fn poll(&self, known: Asof) -> PollAnswer {
        let answer = self.l2.poll(self.partition(), known).await;
        answer.expect("a poll is answered")
    }

    pub(super) async fn read(&self, key: &KeyName) -> ReadAnswer {
        self.read_field(key, FIELD).await
    }

    pub(super) async fn read_field(&self, key: &KeyName, field: &str) -> ReadAnswer {
        let answer = self.l2.read(self.at(key, field)).await;
        answer.expect("a read is answered")
    }

    /// The record in a field, if there is one.
    pub(super) async fn find(&self, key: &KeyName, field: &str) -> Option<FoundRecord> {
        match self.read_field(key, field).await.found {
            Find::Record(found) => Some(found),
            Find::Nothing => None,
            Find::Unreadable(why) => panic!("a record that was just stored is unreadable: {why}"),
        }
    }

    /// The value in a field, if there is one.
    pub(super) async fn value_in(&self, key: &KeyName, field: &str) -> Option<String> {
        let found = self.find(key, field).await?;
        Some(String::from_utf8(found.payload).expect("the suite stores text"))
    }

    /// The value of a key, if there is one.
    pub(super) async fn value(&self, key: &KeyName) -> Option<String> {
        self.value_in(key, FIELD).await
    }

    pub(super) async fn fill(&self, key: &KeyName, value: &str, asof: Asof) -> FillAnswer {
        self.fill_field(key, FIELD, &record(value), asof).await
    }

    pub(super) async fn fill_field(
        &self,
        key: &KeyName,
        field: &str,
        record: &Record,
        asof: Asof,
    ) -> FillAnswer {
        let answer = self.l2.fill(self.at(key, field), record, asof, None).await;
        answer.expect("a fill is answered")
    }

    /// Loads a value and stores it, with nothing in between.
    pub(super) async fn store(&self, key: &KeyName, value: &str) {
        self.store_field(key, FIELD, &record(value)).await;
    }

    pub(super) async fn store_field(&self, key: &KeyName, field: &str, record: &Record) {
        let asof = self.known_of(key).await;
        let answer = self.fill_field(key, field, record, asof).await;
        assert_eq!(answer, FillAnswer::Stored(asof));
    }

    pub(super) async fn invalidate(&self, change: &Change) -> Applied {
        let applied = self.l2.invalidate(self.partition(), change).await;
        applied.expect("an invalidation is answered")
    }

    pub(super) async fn remove(&self, key: &KeyName) -> Applied {
        self.invalidate(&keys_change(&[key], Mode::Remove)).await
    }

    pub(super) async fn expire(&self, key: &KeyName) -> Applied {
        self.invalidate(&keys_change(&[key], Mode::Expire)).await
    }

    pub(super) async fn purge(&self, group: &str, mode: Mode) -> Applied {
        self.invalidate(&group_change(group, 0, mode)).await
    }

    pub(super) async fn put(&self, key: &KeyName, value: &str, since: Option<Asof>) -> PutAnswer {
        let answer = self
            .l2
            .put(self.at(key, FIELD), &record(value), since)
            .await;
        answer.expect("a put is answered")
    }

    /// A put that has to be stored.
    pub(super) async fn put_stored(
        &self,
        key: &KeyName,
        value: &str,
        since: Option<Asof>,
    ) -> Applied {
        match self.put(key, value, since).await {
            PutAnswer::Stored(applied) => applied,
            answer => panic!("this put is to be stored, not {answer:?}"),
        }
    }

    /// Listens from now on.
    pub(super) async fn listen(&self) -> Heard {
        for _ in 0..PATIENCE.as_millis() / 10 {
            let (sender, notices) = mpsc::unbounded_channel();
            let listener = Box::new(move |notice| drop(sender.send(notice)));
            if let Ok(subscription) = self.backplane.subscribe(listener).await {
                // Owned by what is returned, which ends it.
                let driver = tokio::spawn(async move { drop(subscription.await) });
                return Heard { notices, driver };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody can subscribe");
    }
}

/// What a process hears. Dropped, it listens no longer.
pub(super) struct Heard {
    notices: mpsc::UnboundedReceiver<Notice>,
    driver: JoinHandle<()>,
}

impl Heard {
    /// The next notice.
    pub(super) async fn next(&mut self) -> Notice {
        let notice = tokio::time::timeout(PATIENCE, self.notices.recv()).await;
        let notice = notice.expect("a notice comes soon, where nothing is wrong");
        notice.expect("the subscription goes on, where nothing is wrong")
    }

    /// Waits until the subscription has ended.
    pub(super) async fn ended(mut self) {
        let ended = tokio::time::timeout(PATIENCE, &mut self.driver).await;
        ended
            .expect("the subscription ends soon")
            .expect("it does not panic");
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A key of one scope and kind.
pub(super) fn key(text: &str) -> KeyName {
    name(&format!("t:acme invoice:{text}"))
}

pub(super) fn name(name: &str) -> KeyName {
    KeyName::parse(name).expect("the suite names keys well")
}

/// A record that no test outlives.
pub(super) fn record(value: &str) -> Record {
    living(value, LONG, LONG)
}

pub(super) fn living(value: &str, duration: Duration, retention: Duration) -> Record {
    Record {
        payload: value.into(),
        duration,
        retention,
        tags: Vec::new(),
        tag_clock: 0,
    }
}

pub(super) fn keys_change(keys: &[&KeyName], mode: Mode) -> Change {
    Change::Keys {
        keys: keys.iter().map(|key| (*key).clone()).collect(),
        mode,
    }
}

pub(super) fn group_change(group: &str, clock: u64, mode: Mode) -> Change {
    Change::Group {
        group: group.to_owned(),
        clock,
        mode,
    }
}
