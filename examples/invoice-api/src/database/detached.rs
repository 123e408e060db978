//! Writes that finish though their caller has gone.

use std::future::Future;

use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Runs writes to their end.
///
/// A server drops a request's future when the client hangs up. Between a commit and the event that tells of
/// it, that would leave caches with the old value, so a write runs in a task of its own, and whoever made
/// this waits for those tasks before it stops.
#[derive(Clone, Debug, Default)]
pub struct DetachedWrites {
    tasks: TaskTracker,
}

/// The task of a write ended without an answer: it panicked, or the runtime is going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the write broke off")]
pub struct BrokeOff;

impl DetachedWrites {
    /// Runs a write to its end, also when the returned future is dropped.
    pub async fn run<T: Send + 'static>(
        &self,
        write: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, BrokeOff> {
        // Owned by the tracker; `finish` waits for it.
        self.tasks
            .spawn(write.in_current_span())
            .await
            .map_err(|_| BrokeOff)
    }

    /// Waits until every write that is running has ended.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::{BrokeOff, DetachedWrites};

    #[tokio::test]
    async fn a_write_ends_though_its_caller_has_gone() {
        let writes = DetachedWrites::default();
        let gate = Arc::new(Notify::new());
        let (done, mut outcome) = oneshot::channel();
        let call = {
            let (writes, gate) = (writes.clone(), gate.clone());
            tokio::spawn(async move {
                writes
                    .run(async move {
                        gate.notified().await;
                        done.send("committed and told")
                    })
                    .await
            })
        };
        while writes.tasks.is_empty() {
            tokio::task::yield_now().await;
        }
        call.abort();
        assert!(call.await.is_err());
        gate.notify_one();
        writes.finish().await;
        assert_eq!(outcome.try_recv(), Ok("committed and told"));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_caller_alone() {
        let writes = DetachedWrites::default();
        let broken = writes.run(async { panic!("a fault") }).await;
        assert_eq!(broken, Err::<(), _>(BrokeOff));
        assert_eq!(writes.run(async { 7 }).await, Ok(7));
    }
}
