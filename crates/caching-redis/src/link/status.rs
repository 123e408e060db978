//! How the link is: for operations that wait, for readiness, and in the log once per state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::error::RedisLinkError;

/// How a link is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum LinkStatus {
    /// Nobody has needed it yet.
    #[default]
    Idle,
    /// The first connection is being made, or one after a loss.
    Connecting,
    /// At least one connection is there.
    Connected,
    /// The last attempt failed, for this reason. Attempts go on.
    Down(Arc<RedisLinkError>),
    /// It was closed.
    Closed,
}

/// What has happened to a link since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounters {
    /// Connections that were opened and whose server was the right one.
    pub connected: u64,
    /// Attempts to connect that failed.
    pub failed: u64,
    /// Connections that broke.
    pub lost: u64,
    /// How often all connections were dropped because the server may be another one.
    pub distrusted: u64,
    /// Messages on the channel of notices that were none.
    pub malformed_notices: u64,
    /// Keys of records under which something of another type stood, until a fill replaced it.
    pub replaced_others: u64,
}

/// Keeps the status, and logs its changes.
#[derive(Debug, Default)]
pub(crate) struct Status {
    now: watch::Sender<LinkStatus>,
    /// What the last failure said. A lock, held to compare two texts: one line a state, not one an attempt.
    said: std::sync::Mutex<Option<String>>,
    connected: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
    distrusted: AtomicU64,
    malformed_notices: AtomicU64,
    replaced_others: AtomicU64,
}

impl Status {
    pub(crate) fn now(&self) -> LinkStatus {
        self.now.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<LinkStatus> {
        self.now.subscribe()
    }

    // All counters are Relaxed: they are looked at, and decide nothing.
    pub(super) fn counters(&self) -> LinkCounters {
        LinkCounters {
            connected: self.connected.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            distrusted: self.distrusted.load(Ordering::Relaxed),
            malformed_notices: self.malformed_notices.load(Ordering::Relaxed),
            replaced_others: self.replaced_others.load(Ordering::Relaxed),
        }
    }

    pub(super) fn connecting(&self) {
        self.change(LinkStatus::Connecting);
    }

    /// A server was asked and is the right one.
    pub(super) fn answered(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection carries operations.
    pub(super) fn connected(&self) {
        let had_failed = self.say(None);
        if matches!(self.now(), LinkStatus::Connected) {
            return;
        }
        self.change(LinkStatus::Connected);
        if had_failed {
            info!("connected to Redis again");
        } else {
            info!("connected to Redis");
        }
    }

    /// A connection broke, and whether it was the last.
    pub(super) fn lost(&self, is_last: bool) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        if is_last {
            self.change(LinkStatus::Connecting);
            warn!("the connections to Redis were lost");
        }
    }

    /// No connection is trusted any more.
    pub(super) fn distrusted(&self, why: &'static str) {
        self.distrusted.fetch_add(1, Ordering::Relaxed);
        self.change(LinkStatus::Connecting);
        warn!(why, "the connections to Redis are made anew");
    }

    /// An attempt to connect failed, and whether no connection is there.
    pub(super) fn failed(&self, why: &RedisLinkError, is_down: bool) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if !is_down {
            return;
        }
        if self.say(Some(why.to_string())) {
            if matches!(why, RedisLinkError::Refused(_) | RedisLinkError::Url(_)) {
                error!("Redis cannot be used: {why}; attempts go on");
            } else {
                warn!("no connection to Redis: {why}; attempts go on");
            }
        }
        self.change(LinkStatus::Down(Arc::new(why.clone())));
    }

    pub(super) fn closed(&self) {
        self.change(LinkStatus::Closed);
    }

    /// A message on the channel is no notice, and whether it is the first of a subscription.
    pub(crate) fn malformed_notice(&self, is_first: bool) {
        self.malformed_notices.fetch_add(1, Ordering::Relaxed);
        if is_first {
            warn!(
                "a message on the channel of notices is none, and is skipped; further ones are counted only"
            );
        }
    }

    /// A fill replaced what was no record, which a read of many does not tell from nothing.
    pub(crate) fn replaced_another(&self) {
        if self.replaced_others.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(
                "under the key of a record stood something of another type, and was replaced: somebody else \
                 writes under the key prefix; further ones are counted only"
            );
        }
    }

    fn change(&self, to: LinkStatus) {
        self.now.send_modify(|now| {
            // What was closed stays closed, whoever comes late.
            if !matches!(now, LinkStatus::Closed) {
                *now = to;
            }
        });
    }

    /// Notes what the last failure said; whether it is another one than before.
    fn say(&self, what: Option<String>) -> bool {
        let mut said = self
            .said
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_other = *said != what;
        *said = what;
        is_other
    }
}
