//! A server, a link over it, and words for what tests do again and again.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use caching_core::{
    Address, Asof, Change, Deployment, FillAnswer, Find, FoundRecord, KeyName, L2, L2Error, Mode,
    Partition, PollAnswer, Record, Tag,
};
use caching_redis::{RedisConfig, RedisL2, RedisLink};
use caching_testkit::{RedisReply, RedisServer};

pub(crate) type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

pub(crate) const FIELD: &str = "json.1";
pub(crate) const PARTITION: Partition = Partition::new(0);
pub(crate) const BOUND: Duration = Duration::from_secs(1);

pub(crate) fn key(name: &str) -> KeyName {
    KeyName::parse(name).unwrap()
}

pub(crate) fn at(key: &KeyName) -> Address<'_> {
    Address::new(PARTITION, key, FIELD)
}

pub(crate) fn record(payload: &str) -> Record {
    Record {
        payload: payload.into(),
        duration: Duration::from_secs(60),
        retention: Duration::from_secs(60),
        tags: vec![Tag::from("customer:7")],
        tag_clock: 0,
    }
}

pub(crate) fn remove(key: &KeyName) -> Change {
    keys(key, Mode::Remove)
}

pub(crate) fn keys(key: &KeyName, mode: Mode) -> Change {
    Change::Keys {
        keys: vec![key.clone()],
        mode,
    }
}

pub(crate) fn group(group: &str, mode: Mode) -> Change {
    Change::Group {
        group: group.to_owned(),
        clock: 0,
        mode,
    }
}

pub(crate) fn config(server: &RedisServer) -> RedisConfig {
    RedisConfig::new(server.url())
}

pub(crate) fn link(config: &RedisConfig) -> RedisLink {
    RedisLink::from_config(config).unwrap()
}

/// With one connection: nothing else happens to the server than what a test does.
pub(crate) fn single(server: &RedisServer) -> RedisConfig {
    let mut config = config(server);
    config.connections = 1;
    config
}

/// An L2 over a link of its own, as another process has one.
pub(crate) fn pod(server: &RedisServer) -> RedisL2 {
    opened(&link(&single(server)))
}

pub(crate) fn opened(link: &RedisLink) -> RedisL2 {
    let l2 = link.l2();
    l2.open(&Deployment::new("shop", BOUND));
    l2
}

/// Comes up as a process does: polls until it knows where it stands.
pub(crate) async fn join(l2: &RedisL2) -> Result<Asof, L2Error> {
    match l2.poll(PARTITION, Asof::default()).await? {
        PollAnswer::Break { at, .. } => Ok(at),
        other => panic!("{other:?}"),
    }
}

/// Stores a value, as of now.
pub(crate) async fn store(l2: &RedisL2, key: &KeyName, payload: &str) -> Result<Asof, L2Error> {
    let asof = join(l2).await?;
    match l2.fill(at(key), &record(payload), asof, None).await? {
        FillAnswer::Stored(at) => Ok(at),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn found(l2: &RedisL2, key: &KeyName) -> Result<Option<FoundRecord>, L2Error> {
    match l2.read(at(key)).await?.found {
        Find::Record(found) => Ok(Some(found)),
        Find::Nothing => Ok(None),
        Find::Unreadable(why) => panic!("{why}"),
    }
}

/// Tries until the link is there again, for ten seconds at most.
pub(crate) async fn until_ok<T, F>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, L2Error>>,
{
    for _ in 0..1000 {
        if let Ok(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come back");
}

pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

pub(crate) async fn redis<const N: usize>(server: &RedisServer, words: [&str; N]) -> RedisReply {
    server.command(words).await.unwrap()
}

/// What is logged by this thread, as lines; for tests on a runtime of one thread.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LISTENING: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

impl Lines {
    /// Listens to this thread.
    pub(crate) fn listen() -> Self {
        // One for all tests: one a thread would race with those that have none for who is interested.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(|| LISTENING.with_borrow(|lines| lines.clone().unwrap_or_default()));
            tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        });
        let lines = Self::default();
        LISTENING.set(Some(lines.clone()));
        lines
    }

    pub(crate) fn with(&self, part: &str) -> usize {
        self.text()
            .lines()
            .filter(|line| line.contains(part))
            .count()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
