//! A read without a factory: what the shared store has, if this process has nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Tick;
use crate::flow::Engine;
use crate::flow::request::{Answer, Request};
use crate::flow::runtime::usable_runtime;
use crate::outcome::Level;

impl Engine {
    /// What the shared store has for a key. What is stale there is kept here as a fallback.
    #[expect(
        clippy::manual_async_fn,
        reason = "it would hold the request twice, and allocating it would take a lock of the allocator"
    )]
    pub(crate) fn fetch(
        self: Arc<Self>,
        request: Request,
    ) -> impl Future<Output = Option<Answer>> + Send + 'static {
        async move {
            let shared = self.shared.as_ref()?;
            // For the limits on what is asked.
            usable_runtime()?;
            // All that is asked, together.
            let until = self.clock.now().after(shared.l2.read_limit(false));
            // Of a stale one, the look that follows decides: this caller may not take any.
            if let Some(answer) = self.regain(&request, until).await
                && !answer.outcome.is_stale()
            {
                return Some(answer);
            }
            let hit = self.consult(shared, &request, until).await.hit?;
            self.store_hit(shared, &request, None, &hit);
            if !hit.is_fresh {
                return None;
            }
            self.counters.l2_hit();
            self.tell_hit(&request.key.as_ref(), Level::L2, false);
            Some(self.answer_with(&request, &hit))
        }
    }

    /// What L1 has after all, where the lease was over and could be regained: nobody has to load
    /// again what was kept all the while.
    ///
    /// A lease that holds was granted within the bound, to a driver; only where it is over, one may be missing.
    pub(crate) async fn regain(self: &Arc<Self>, request: &Request, until: Tick) -> Option<Answer> {
        let shared = self.shared.as_ref()?;
        let now = self.clock.now();
        if self.fences.lease.holds(now) {
            return None;
        }
        self.start_driver(&usable_runtime()?);
        let limit = shared.l2.read_limit(self.fallback(request).is_some());
        if !self.regain_lease(shared, limit.min(until.since(now))).await {
            return None;
        }
        self.look_again(request)
    }

    /// Starts to hear of other processes, and waits for the first answer of the shared store.
    pub(crate) async fn start(self: &Arc<Self>, at_most: Duration) -> bool {
        let Some(shared) = &self.shared else {
            return true;
        };
        let Some(runtime) = usable_runtime() else {
            return false;
        };
        self.start_driver(&runtime);
        let mut polls = shared.pulse.polls.subscribe();
        let first = async {
            while !self.fences.lease.holds(self.clock.now()) {
                if polls.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(at_most, first).await;
        self.fences.lease.holds(self.clock.now())
    }
}
