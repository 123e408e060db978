//! Blocking work beside the runtime of a test.

use std::panic;
use std::sync::Arc;

use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

/// Runs what blocks on a thread of its own, so that what is tested in the same runtime goes on.
///
/// The real world needs real time: as long as this runs, a paused clock of tokio stands still and does not
/// jump to the next timer.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    done(tokio::task::spawn_blocking(work)).await
}

/// The same for work that cannot be stopped half-way, and whose caller may be: the next one in turn begins when
/// the work is over, and its result dropped if nobody waits for it any more.
pub(crate) async fn blocking_in_turn<T: Send + 'static>(
    turn: &Arc<Mutex<()>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, result) = oneshot::channel();
    // Taken here and not on the thread, where a later one could come first. The work takes it along.
    let turn = turn.clone().lock_owned().await;
    let task = tokio::task::spawn_blocking(move || {
        // An unwanted result is dropped in this statement, and so before the turn is over.
        drop(sender.send(work()));
        drop(turn);
    });
    match result.await {
        Ok(result) => result,
        // The sender went without having sent: the work has panicked, or the runtime is shutting down.
        Err(_) => {
            done(task).await;
            std::future::pending().await
        }
    }
}

async fn done<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panicked) => panic::resume_unwind(panicked),
            // The runtime is shutting down, and nobody will ask for an answer.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use super::{blocking, blocking_in_turn};

    #[tokio::test]
    #[should_panic(expected = "as it was told to")]
    async fn a_panic_reaches_the_caller() {
        blocking(|| panic!("as it was told to")).await
    }

    #[tokio::test]
    #[should_panic(expected = "as it was told to")]
    async fn a_panic_in_turn_reaches_the_caller() {
        blocking_in_turn(&Arc::default(), || panic!("as it was told to")).await
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_over_and_dropped_before_the_next_turn() {
        struct Result(Arc<Mutex<Vec<&'static str>>>);
        impl Drop for Result {
            fn drop(&mut self) {
                self.0.lock().unwrap().push("dropped");
            }
        }
        let events = Arc::new(Mutex::new(Vec::new()));
        let turn = Arc::default();
        let (go_on, told) = mpsc::channel();
        let first = blocking_in_turn(&turn, {
            let events = events.clone();
            move || {
                let _ = told.recv();
                Result(events)
            }
        });
        tokio::select! {
            biased;
            _ = first => unreachable!("it was not told to go on"),
            () = std::future::ready(()) => {}
        }
        let second = blocking_in_turn(&turn, {
            let events = events.clone();
            move || events.lock().unwrap().push("second")
        });
        go_on.send(()).unwrap();
        second.await;
        assert_eq!(*events.lock().unwrap(), ["dropped", "second"]);
    }
}
