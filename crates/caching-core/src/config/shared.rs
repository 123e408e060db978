//! The sections `[cache.l2]` and `[cache.coherence]`: what concerns a store that processes share.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::CacheBuildError;
use crate::units::duration;

/// The section `[cache.l2]`: how long the shared store may take, and what happens when it fails.
///
/// It means nothing while there is no shared store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct L2Config {
    /// How long a read may take while there is something stale to give instead. Default: `200ms`
    #[serde(with = "duration")]
    pub read_soft_limit: Duration,

    /// How long a read may take; it is then a miss. Default: `1s`
    #[serde(with = "duration")]
    pub read_hard_limit: Duration,

    /// How long a write or an invalidation may take. An invalidation is then queued. Default: `1s`
    #[serde(with = "duration")]
    pub write_limit: Duration,

    /// After how many failures in a row the store is left alone. Default: `5`
    pub breaker_failures: u32,

    /// For how long it is left alone before one call tries again. Default: `5s`
    #[serde(with = "duration")]
    pub breaker_pause: Duration,

    /// How many invalidations may wait for the store to come back. With more, the cache is cleared
    /// as a whole once it is back. Default: `10000`
    pub queue_limit: usize,
}

impl Default for L2Config {
    fn default() -> Self {
        Self {
            read_soft_limit: Duration::from_millis(200),
            read_hard_limit: Duration::from_secs(1),
            write_limit: Duration::from_secs(1),
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(5),
            queue_limit: 10_000,
        }
    }
}

/// The section `[cache.coherence]`: how current the processes keep each other.
///
/// It means nothing while there is no shared store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CoherenceConfig {
    /// How often a process asks the store what it may have missed. Default: `200ms`
    #[serde(with = "duration")]
    pub heartbeat: Duration,

    /// The bound on staleness: how long after an invalidation has returned another process may still
    /// give the old value, whatever fails. The first process of a deployment says; the others adopt
    /// it. At least twice the heartbeat. Default: `1s`
    #[serde(with = "duration")]
    pub bound: Duration,
}

impl Default for CoherenceConfig {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(200),
            bound: Duration::from_secs(1),
        }
    }
}

impl L2Config {
    pub(crate) fn problems(&self) -> Vec<CacheBuildError> {
        let mut problems = Vec::new();
        let mut refuse = |setting: &str, problem: &str| {
            problems.push(CacheBuildError::InvalidSetting {
                setting: format!("cache.l2.{setting}"),
                problem: problem.to_owned(),
            });
        };
        for (setting, limit) in [
            ("read_soft_limit", self.read_soft_limit),
            ("read_hard_limit", self.read_hard_limit),
            ("write_limit", self.write_limit),
        ] {
            if limit.is_zero() {
                refuse(
                    setting,
                    "is 0, in which nothing can be done; set it to 1ms or more",
                );
            }
        }
        if self.read_soft_limit > self.read_hard_limit {
            refuse(
                "read_soft_limit",
                "is past `read_hard_limit` and could never matter; lower it",
            );
        }
        if self.breaker_failures == 0 {
            refuse(
                "breaker_failures",
                "is 0, which never tries; set it to 1 or more",
            );
        }
        if self.queue_limit == 0 {
            refuse(
                "queue_limit",
                "is 0, which clears the cache for each invalidation that fails; set it to 1 or more",
            );
        }
        problems
    }
}

impl CoherenceConfig {
    pub(crate) fn problems(&self) -> Vec<CacheBuildError> {
        let mut problems = Vec::new();
        let mut refuse = |setting: &str, problem: String| {
            problems.push(CacheBuildError::InvalidSetting {
                setting: format!("cache.coherence.{setting}"),
                problem,
            });
        };
        if self.heartbeat < Duration::from_millis(1) {
            refuse(
                "heartbeat",
                "is below 1ms; set it to 10ms or more".to_owned(),
            );
        }
        if self.bound < self.heartbeat.saturating_mul(2) {
            refuse(
                "bound",
                format!(
                    "is {:?}, less than twice the heartbeat of {:?}, so that one slow answer would \
                     switch L1 off; raise it, or lower the heartbeat",
                    self.bound, self.heartbeat
                ),
            );
        }
        if self.bound > Duration::from_secs(3600) {
            refuse("bound", "is over an hour; set it to seconds".to_owned());
        }
        problems
    }
}
