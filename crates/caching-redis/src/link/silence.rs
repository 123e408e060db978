//! Notices when a connection has fallen silent.
//!
//! How long an operation may take is its caller's to say: it drops the future. Where nothing at all was heard
//! on the connection meanwhile, the network may have swallowed it, and TCP would not say so for minutes.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::Connection;
use super::shared::Shared;

/// Whoever gives up earlier says nothing about the connection.
const LONG_ENOUGH: Duration = Duration::from_millis(100);

/// An operation that waits for its answer.
pub(super) struct Pending<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    since: Instant,
    answers: u64,
    is_answered: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(shared: &'a Shared, connection: &'a Connection) -> Self {
        Self {
            shared,
            connection,
            since: Instant::now(),
            answers: connection.answers(),
            is_answered: false,
        }
    }

    pub(super) fn answered(mut self) {
        self.connection.count_answer();
        self.is_answered = true;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.is_answered
            || self.since.elapsed() < LONG_ENOUGH
            || self.connection.answers() != self.answers
        {
            return;
        }
        if self.shared.set().doubt(self.connection.id(), self.answers) {
            self.shared.wake.notify_one();
        }
    }
}
