//! What happens in a cache, as a stream for whoever wants to watch.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_queue::SegQueue;
use tokio::sync::broadcast;

use crate::entry::Content;
use crate::key::{KeyRef, StoredKey, printable};
use crate::observe::unheard::{Last, Told, Unheard};
use crate::outcome::Level;
use crate::scope::ScopeId;

/// How many events wait for a slow subscriber; older ones are then missed by it.
const WAITING: usize = 1024;

/// Something that happened in a cache. None holds a value, but for what was evicted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A read was answered with what was kept, fresh or stale.
    Hit {
        /// Of which key.
        key: EventKey,
        /// Where it was kept.
        level: Level,
        /// Whether it is past its duration.
        stale: bool,
    },
    /// A read found nothing to answer with.
    Miss {
        /// Of which key.
        key: EventKey,
    },
    /// A value was put under a key.
    Set {
        /// Under which.
        key: EventKey,
    },
    /// A key was removed.
    Removed {
        /// Which.
        key: EventKey,
    },
    /// A key was expired.
    Expired {
        /// Which.
        key: EventKey,
    },
    /// A tag, a kind, a scope or everything was removed or expired.
    Purged {
        /// `*`, `SCOPE`, `SCOPE kind:KIND` or `SCOPE tag:TAG`.
        group: String,
        /// Whether what it held stays as a fallback.
        keeps_fallback: bool,
    },
    /// An entry had to leave this process.
    Evicted {
        /// Its key.
        key: EventKey,
        /// Why.
        reason: EvictionReason,
        /// What it was.
        value: EvictedValue,
    },
    /// A factory began.
    FactoryStarted {
        /// For which key.
        key: EventKey,
    },
    /// A factory ended, by itself or not.
    FactoryEnded {
        /// For which key.
        key: EventKey,
        /// How long it took.
        took: Duration,
        /// What came of it.
        end: FactoryEnd,
        /// Whether it had gone on behind its callers, past its soft limit, or was an early refresh.
        in_background: bool,
    },
    /// A refresh began before the end of an entry.
    EagerRefresh {
        /// Of which key.
        key: EventKey,
    },
    /// A factory failed, and a stale value or a default is given in its place.
    FailSafe {
        /// Of which key.
        key: EventKey,
    },
    /// So many events were missed, as this subscriber was too slow.
    Missed {
        /// How many.
        count: u64,
    },
}

/// The key of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventKey {
    scope: ScopeId,
    kind: &'static str,
    text: Arc<str>,
}

impl EventKey {
    pub(crate) fn of(key: &KeyRef<'_>) -> Self {
        Self {
            scope: key.scope,
            kind: key.kind.name(),
            text: printable(key.text).into(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn scope(&self) -> ScopeId {
        self.scope
    }

    /// The kind of the key.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its text, printable.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.text)
    }
}

/// Why an entry had to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionReason {
    /// Room was needed for others.
    Size,
    /// Its retention was over.
    Expired,
}

/// What came of a factory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactoryEnd {
    /// It brought a value, or the knowledge that there is none.
    Answered,
    /// It failed or panicked.
    Failed,
    /// It ran into its hard limit.
    TimedOut,
    /// Nobody waited for it any more, or the cache was stopped.
    Dropped,
}

/// A value that left the cache; it does not show itself in logs.
#[derive(Clone)]
pub struct EvictedValue(Content);

impl EvictedValue {
    /// The value, if it is of this type.
    #[must_use]
    pub fn downcast<V: Any + Send + Sync>(&self) -> Option<Arc<V>> {
        match &self.0 {
            Content::Value(value) => Arc::clone(value).downcast().ok(),
            Content::Absent => None,
        }
    }
}

impl fmt::Debug for EvictedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EvictedValue")
    }
}

/// A subscription to what happens in a cache, from when it was made.
///
/// It holds the cache up in nothing: who is too slow misses events, and is told how many.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Told>,
    watchers: Arc<AtomicUsize>,
    /// After the receiver, which gives up what it has not read.
    unheard: Last,
}

impl Events {
    /// The next event; `None` once the last handle of the cache is gone.
    pub async fn recv(&mut self) -> Option<CacheEvent> {
        let told = self.receiver.recv().await;
        self.unheard.0.drop_all();
        match told {
            Ok(told) => Some(told.into_event()),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(CacheEvent::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event, if one is there already.
    pub fn try_recv(&mut self) -> Option<CacheEvent> {
        let told = self.receiver.try_recv();
        self.unheard.0.drop_all();
        match told {
            Ok(told) => Some(told.into_event()),
            Err(broadcast::error::TryRecvError::Lagged(count)) => {
                Some(CacheEvent::Missed { count })
            }
            Err(_) => None,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where events are told.
pub(crate) struct EventBus {
    sender: broadcast::Sender<Told>,
    /// How many watch. Asked on every hit, so it is no lock.
    watchers: Arc<AtomicUsize>,
    /// Evictions happen under locks, and telling wakes whoever listens: they wait here until the locks are
    /// given up.
    evicted: SegQueue<CacheEvent>,
    /// What the channel gives up to make room for the next event.
    unheard: Unheard,
}

impl EventBus {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(WAITING),
            watchers: Arc::default(),
            evicted: SegQueue::new(),
            unheard: Unheard::default(),
        }
    }

    pub(crate) fn subscribe(&self) -> Events {
        let receiver = self.sender.subscribe();
        // Relaxed: what happens at the same time is told, or is not.
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Events {
            receiver,
            watchers: Arc::clone(&self.watchers),
            unheard: Last(self.unheard.clone()),
        }
    }

    /// Whether anybody watches.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Tells what happened to a key. Under no lock.
    #[inline]
    pub(crate) fn tell(&self, key: &KeyRef<'_>, event: impl FnOnce(EventKey) -> CacheEvent) {
        if self.is_watched() {
            self.send(event(EventKey::of(key)));
        }
    }

    /// Tells what happened to a group. Under no lock.
    pub(crate) fn tell_of_group(&self, event: impl FnOnce() -> CacheEvent) {
        if self.is_watched() {
            self.send(event());
        }
    }

    /// Notes an eviction, to be told later. Under any lock.
    pub(crate) fn note_eviction(&self, key: &StoredKey, reason: EvictionReason, was: &Content) {
        if self.is_watched() {
            self.evicted.push(CacheEvent::Evicted {
                key: EventKey::of(&key.as_ref()),
                reason,
                value: EvictedValue(was.clone()),
            });
        }
    }

    /// Tells the evictions that were noted. Under no lock.
    pub(crate) fn tell_evictions(&self) {
        while let Some(event) = self.evicted.pop() {
            self.send(event);
        }
    }

    #[cold]
    fn send(&self, event: CacheEvent) {
        // Nobody there to hear it any more.
        let _ = self.sender.send(Told::new(event, &self.unheard));
        self.unheard.drop_all();
    }
}
