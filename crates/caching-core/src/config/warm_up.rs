//! The section `[cache.warm_up]`: what is loaded while an application comes up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::CacheBuildError;
use crate::units::duration;

/// The section `[cache.warm_up]`: the bounds of what modules load while an application comes up.
///
/// It means nothing without a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WarmUpConfig {
    /// How long the warm-up may take, and readiness wait for it. What has not been loaded by then is left
    /// to the first readers. Default: `30s`
    #[serde(with = "duration")]
    pub limit: Duration,

    /// How many tasks run at the same time, and how many items of theirs are loaded at the same time.
    /// Default: `8`
    pub concurrency: usize,
}

impl Default for WarmUpConfig {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(30),
            concurrency: 8,
        }
    }
}

impl WarmUpConfig {
    pub(crate) fn problems(&self) -> Vec<CacheBuildError> {
        let refuse = |setting: &str, problem: &str| CacheBuildError::InvalidSetting {
            setting: format!("cache.warm_up.{setting}"),
            problem: problem.to_owned(),
        };
        let mut problems = Vec::new();
        if self.limit.is_zero() {
            problems.push(refuse(
                "limit",
                "is 0, in which nothing can be loaded; set it to seconds",
            ));
        }
        if self.concurrency == 0 {
            problems.push(refuse(
                "concurrency",
                "is 0, with which nothing is ever loaded; set it to 1 or more",
            ));
        }
        problems
    }
}
