//! The requests of a pod that wait for an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::pod::error::PodError;
use crate::pod::protocol::{Answer, Outcome, Request};

/// How many requests may stand before a pod that does not read.
const MOST_UNREAD: usize = 1024;

/// The caller's end: numbers requests, and waits.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    to_pod: mpsc::Sender<String>,
    waiting: Arc<Waiting>,
}

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Locked for single operations, never across an await.
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// No answers come any more.
    is_closed: bool,
    callers: HashMap<u64, oneshot::Sender<Outcome>>,
}

impl Calls {
    /// With the lines that have to be written to the pod.
    pub(super) fn new() -> (Self, mpsc::Receiver<String>) {
        let (to_pod, lines) = mpsc::channel(MOST_UNREAD);
        let waiting = Arc::default();
        (Self { to_pod, waiting }, lines)
    }

    pub(super) const fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call(&self, body: Value) -> Result<Value, PodError> {
        let (number, answer) = self.waiting.enter()?;
        // Also where the caller gives up waiting.
        let _leave = Leave {
            waiting: &self.waiting,
            number,
        };
        let line =
            serde_json::to_string(&Request { number, body }).map_err(PodError::Unwritable)?;
        self.to_pod.send(line).await.map_err(|_| PodError::Ended)?;
        match answer.await {
            Ok(Outcome::Ok(value)) => Ok(value),
            Ok(Outcome::Error(message)) => Err(PodError::Refused(message)),
            Err(_) => Err(PodError::Ended),
        }
    }
}

impl Waiting {
    /// Gives an answer to who waits for it.
    pub(super) fn answer(&self, answer: Answer) {
        let caller = self.table().callers.remove(&answer.number);
        if let Some(caller) = caller {
            // It may have given up in this moment.
            let _ = caller.send(answer.result);
        }
    }

    /// Tells everyone, now and later, that no answer comes any more.
    pub(super) fn close(&self) {
        let mut table = self.table();
        table.is_closed = true;
        table.callers.clear();
    }

    fn enter(&self) -> Result<(u64, oneshot::Receiver<Outcome>), PodError> {
        let mut table = self.table();
        // Under the lock of `close`: nobody enters after it and waits for ever.
        if table.is_closed {
            return Err(PodError::Ended);
        }
        table.last += 1;
        let number = table.last;
        let (sender, answer) = oneshot::channel();
        table.callers.insert(number, sender);
        Ok((number, answer))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock, so that poison says nothing.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a caller off the table.
struct Leave<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.waiting.table().callers.remove(&self.number);
    }
}
