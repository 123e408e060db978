//! A pod's cache, and the verbs that are timed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use caching_core::{
    CacheConfig, CacheKey, EagerRefresh, HybridCache, HybridCacheBuilder, Invalidated, Level,
    Limit, Outcome, Plaintext, Tag,
};
use caching_redis::{RedisConfig, RedisLink};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::history::{Answer, Counts, How, Invalidation, Read, What};
use crate::moment::Moment;
use crate::pod::Setup;
use crate::pod::record::Record;
use crate::source::SourceClient;
use crate::world::BOUND;

/// What stands before every key in Redis.
pub(crate) const PREFIX: &str = "torture";

/// A version of a key, as it is cached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Item {
    version: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "item", value = Item, template = "{id}/{group}", tags = ["group:{group}"])]
struct ItemKey {
    id: u64,
    group: u64,
}

/// A pod's cache.
#[derive(Clone)]
pub(super) struct Cache {
    cache: HybridCache,
    source: SourceClient,
    record: Arc<Record>,
    pod: u32,
    tags: u64,
    /// Where connections, polls and notices are served: a thread of its own, which can be starved.
    aside: Handle,
}

impl Cache {
    pub(super) fn build(
        setup: &Setup,
        record: Arc<Record>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let link = RedisLink::from_config(&RedisConfig::new(setup.redis.clone()))?;
        let builder = HybridCache::builder()
            .config(config())
            .plaintext(Plaintext::Allowed)
            .l2(link.l2())
            .backplane(link.backplane());
        let cache = without(builder, &setup.left_out)?.build()?;
        Ok(Self {
            cache,
            source: SourceClient::new(&setup.source),
            record,
            pod: setup.pod,
            tags: setup.load.tags,
            aside: aside()?,
        })
    }

    /// Starts hearing what others invalidate, on the thread that can be starved.
    pub(super) async fn start(&self) -> bool {
        let cache = self.cache.clone();
        let starting = self
            .aside
            .spawn(async move { cache.start(Duration::from_secs(1)).await });
        starting.await.unwrap_or(false)
    }

    /// Blocks that thread.
    pub(super) async fn starve(&self, duration: Duration) -> Duration {
        let begun = Moment::now();
        let starving = self.aside.spawn(async move { thread::sleep(duration) });
        // The sleep itself cannot fail.
        let _ = starving.await;
        Moment::now().since(begun)
    }

    /// Reads a key, with a load where there is nothing fresh, and notes what came.
    pub(super) async fn read(&self, key: u64) -> Option<Read> {
        let source = self.source.clone();
        let begun = Moment::now();
        let answer = self
            .cache
            .get_or_set(&self.key(key), move |_| async move {
                let version = source.select(key).await?;
                Ok::<_, std::io::Error>(Item { version })
            })
            .detailed()
            .await;
        let ended = Moment::now();
        let Ok(answer) = answer else {
            self.record.error();
            return None;
        };
        let read = Read {
            pod: self.pod,
            key,
            version: answer.value.version,
            how: how(answer.outcome),
            begun,
            ended,
        };
        self.record.read(read);
        Some(read)
    }

    /// What the pod itself keeps.
    pub(super) fn peek(&self, key: u64) -> Option<u64> {
        let found = self.cache.peek(&self.key(key)).ok()?;
        found.map(|item: Arc<Item>| item.version)
    }

    /// What the pod or Redis keeps.
    pub(super) async fn get(&self, key: u64) -> Option<u64> {
        let found = self.cache.get(&self.key(key)).await.ok()?;
        found.map(|item: Arc<Item>| item.version)
    }

    /// Commits the next version of a key, and sets it if nobody came in between.
    pub(super) async fn commit_and_set(&self, key: u64, pause: Duration) {
        let name = self.key(key);
        let ticket = self.cache.ticket(&name);
        let Ok(version) = self.source.commit(key).await else {
            return;
        };
        tokio::time::sleep(pause).await;
        let setting = self.cache.set(&name, Item { version }).since(ticket);
        self.timed(What::Set(key, version), setting.into_future())
            .await;
    }

    /// Commits the next version of a key, and invalidates it in the way that was named.
    pub(super) async fn commit_and_invalidate(&self, key: u64, what: What, pause: Duration) {
        if self.source.commit(key).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        self.invalidate(what).await;
    }

    pub(super) async fn invalidate(&self, what: What) {
        let tag = |tag: u64| Tag::of("group", &tag);
        match what {
            What::Remove(key) => self.timed(what, self.cache.remove(&self.key(key))).await,
            What::Expire(key) => self.timed(what, self.cache.expire(&self.key(key))).await,
            What::RemoveTag(of) => self.timed(what, self.cache.remove_by_tag(tag(of))).await,
            What::ExpireTag(of) => self.timed(what, self.cache.expire_by_tag(tag(of))).await,
            What::Clear => self.timed(what, self.cache.clear()).await,
            What::Set(key, _) => self.commit_and_set(key, Duration::ZERO).await,
        }
    }

    async fn timed(
        &self,
        what: What,
        invalidating: impl Future<Output = Result<Invalidated, caching_core::CacheError>>,
    ) {
        let begun = Moment::now();
        let answer = match invalidating.await {
            Ok(Invalidated::Applied(_)) => Answer::Applied,
            Ok(_) => Answer::Queued,
            Err(_) => Answer::Failed,
        };
        let ended = Moment::now();
        self.record.invalidation(Invalidation {
            pod: self.pod,
            what,
            answer,
            begun,
            ended,
        });
    }

    /// Whether what is kept may be given, and how many invalidations wait to be sent.
    pub(super) fn status(&self) -> (bool, usize) {
        self.cache.shared_status().map_or((false, 0), |status| {
            (status.is_current() && status.is_answering, status.queued)
        })
    }

    /// What the cache has counted.
    pub(super) fn counts(&self) -> Counts {
        let stats = self.cache.stats();
        [
            ("breaks: epoch", stats.breaks_epoch),
            ("breaks: identity", stats.breaks_identity),
            ("breaks: behind", stats.breaks_behind),
            ("breaks: log", stats.breaks_log),
            ("eager refreshes", stats.eager_refreshes),
            ("gaps", stats.gaps),
            ("l2 failures", stats.l2_failures),
            ("lapses", stats.lapses),
            ("notices", stats.notices),
            ("queued", stats.queued),
            ("resent", stats.resent),
            ("replays", stats.replays),
            ("refused stores", stats.refused_stores),
            ("stores", stats.stores),
            ("unreadable", stats.l2_unreadable),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }

    fn key(&self, id: u64) -> ItemKey {
        ItemKey {
            id,
            group: id % self.tags,
        }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }
}

/// The defaults of a production cache, but for lives that end within a run, and a breaker that tries again before
/// the next fault is over.
fn config() -> CacheConfig {
    let mut config = CacheConfig::default();
    config.key_prefix = Some(PREFIX.to_owned());
    config.defaults.duration = Some(Duration::from_secs(20));
    config.defaults.jitter = Some(Limit::After(Duration::from_secs(4)));
    config.defaults.retention = Some(Duration::from_secs(120));
    config.defaults.throttle = Some(Duration::from_secs(1));
    config.defaults.eager_refresh = Some(EagerRefresh::At(0.1));
    config.coherence.bound = BOUND;
    config.l2.breaker_pause = Duration::from_millis(500);
    config
}

#[cfg(feature = "switches")]
fn without(
    builder: HybridCacheBuilder,
    left_out: &[String],
) -> Result<HybridCacheBuilder, crate::TortureError> {
    left_out.iter().try_fold(builder, |builder, rule| {
        let rule = caching_core::Rule::named(rule).ok_or_else(|| no_such(rule))?;
        Ok(builder.leave_out(rule))
    })
}

#[cfg(not(feature = "switches"))]
fn without(
    builder: HybridCacheBuilder,
    left_out: &[String],
) -> Result<HybridCacheBuilder, crate::TortureError> {
    left_out
        .first()
        .map_or(Ok(builder), |rule| Err(no_such(rule)))
}

fn no_such(rule: &str) -> crate::TortureError {
    crate::TortureError::NoSuchRule {
        rule: rule.to_owned(),
        known: "see `torture --help`".to_owned(),
    }
}

/// A runtime on a thread of its own; it ends with the process.
fn aside() -> std::io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("aside".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

const fn how(outcome: Outcome) -> How {
    match outcome {
        Outcome::Hit { stale: true, .. } => How::Stale,
        Outcome::Hit {
            level: Level::L2, ..
        } => How::L2,
        Outcome::Hit { .. } => How::L1,
        Outcome::Miss {
            collapsed: true, ..
        } => How::Joined,
        _ => How::Load,
    }
}
