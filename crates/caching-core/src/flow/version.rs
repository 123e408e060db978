//! When groups were last purged, by the clock that all processes share.

use std::sync::Arc;

use crate::coherence::Epoch;
use crate::error::{BoxError, CacheError};
use crate::flow::Engine;
use crate::flow::runtime::runtime;

impl Engine {
    /// The tag clock of the last purge of any of these groups, and the epoch that it counts in. The
    /// last of them is what was asked for.
    pub(crate) async fn version(
        self: &Arc<Self>,
        groups: Vec<String>,
    ) -> Result<(Epoch, u64), CacheError> {
        let Some(shared) = &self.shared else {
            return Ok((self.fences.asof().epoch, self.purges.last_of(&groups)));
        };
        let unknown = |why: BoxError| CacheError::VersionUnknown {
            group: groups.last().cloned().unwrap_or_default(),
            source: why.into(),
        };
        self.start_driver(&runtime()?);
        if shared.recovery.has_any_group(&groups) {
            return Err(unknown("a purge of it waits to be sent".into()));
        }
        // A server that was deposed would answer for ever.
        let limit = shared.l2.limits().read_hard_limit;
        if !self.regain_lease(shared, limit).await {
            return Err(unknown("the shared store does not answer".into()));
        }
        let answer = match shared.l2.purged(shared.partition, &groups, limit).await {
            Ok(answer) => answer,
            Err(error) => {
                self.counters.l2_failures.add();
                return Err(unknown(error.into()));
            }
        };
        let Some(epoch) = answer.epoch else {
            self.distrust(shared);
            return Err(unknown("the shared store begins anew".into()));
        };
        // What is no longer known one by one counts as purged: the clock never goes back.
        let last = answer
            .times
            .iter()
            .map(|times| times.removed.max(times.expired))
            .fold(answer.floor, u64::max);
        if last < self.purges.last_shared_of(epoch, &groups) {
            self.distrust(shared);
            return Err(unknown(
                "the shared store knows less than this process".into(),
            ));
        }
        Ok((epoch, last))
    }
}
