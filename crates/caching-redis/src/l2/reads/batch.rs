//! A batch of reads: who is in it, and what comes of it.
//!
//! A task sends it, so that it goes on whichever of its readers is polled; it is theirs, and ends with the last one
//! who leaves. Who reads on another runtime opens another batch: nobody depends on a runtime that they are not on.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use caching_core::ReadAnswer;
use deadpool_redis::redis::{Cmd, Pipeline, Value};
use tokio::runtime::{Handle, Id};
use tokio::task::AbortHandle;

use super::BEFORE;
use crate::error::RedisLinkError;
use crate::l2::answer::{self, Known};

/// How many reads go together at most: the answer to the last of them is the answer to all.
const MOST: usize = 64;

/// Reads that go together, held by those who read.
pub(super) struct Batch {
    /// What is asked; nothing once it is on its way. A lock, held to add to it or to take it.
    questions: Mutex<Option<Pipeline>>,
    end: OnceLock<Result<Answers, RedisLinkError>>,
    /// Who waits for the end, each in the place of its question. A lock, held to add to it or to take it.
    waiting: Mutex<Vec<Option<Waker>>>,
    runtime: Id,
    task: OnceLock<AbortHandle>,
}

/// What was answered to a batch.
pub(super) struct Answers {
    known: Known,
    /// Each is taken by the one who asked for it, under a lock of its own.
    records: Vec<Mutex<Value>>,
}

impl Batch {
    /// A batch with a first question, and the task that sends it.
    pub(super) fn set_out<F>(
        runtime: &Handle,
        questions: Pipeline,
        go: impl FnOnce(Weak<Self>) -> F,
    ) -> Arc<Self>
    where
        F: Future<Output = Result<Answers, RedisLinkError>> + Send + 'static,
    {
        let batch = Arc::new(Self {
            questions: Mutex::new(Some(questions)),
            end: OnceLock::new(),
            waiting: Mutex::default(),
            runtime: runtime.id(),
            task: OnceLock::new(),
        });
        // Weak: the task does not keep alive those who end it.
        let going = go(Arc::downgrade(&batch));
        let unanswered = Unanswered(Arc::downgrade(&batch));
        let task = runtime.spawn(async move {
            let end = going.await;
            unanswered.answer(end);
        });
        let _ = batch.task.set(task.abort_handle());
        batch
    }

    /// A place in it; the question is given back where it is full, on its way, or another runtime's.
    pub(super) fn join(&self, runtime: &Handle, question: Cmd) -> Result<usize, Cmd> {
        let mut questions = locked(&self.questions);
        // The id of a runtime that has ended may be another one's by now; what was its then has an end.
        let is_open = self.runtime == runtime.id() && self.end.get().is_none();
        let Some(questions) = questions.as_mut().filter(|_| is_open) else {
            return Err(question);
        };
        let place = questions.len() - BEFORE;
        if place >= MOST {
            return Err(question);
        }
        questions.add_command(question);
        Ok(place)
    }

    /// What is asked; from now on nobody can join.
    pub(super) fn take_questions(&self) -> Option<Pipeline> {
        locked(&self.questions).take()
    }

    /// Waits for the answers, in the place of a question.
    pub(super) async fn end(&self, place: usize) -> &Result<Answers, RedisLinkError> {
        poll_fn(|cx| self.poll_end(place, cx)).await
    }

    fn poll_end(&self, place: usize, cx: &Context<'_>) -> Poll<&Result<Answers, RedisLinkError>> {
        if let Some(end) = self.end.get() {
            return Poll::Ready(end);
        }
        {
            let mut waiting = locked(&self.waiting);
            if waiting.len() <= place {
                waiting.resize(place + 1, None);
            }
            if let Some(mine) = waiting.get_mut(place) {
                *mine = Some(cx.waker().clone());
            }
        }
        // Looking again: whoever is not among those who are woken comes after the end was set.
        self.end.get().map_or(Poll::Pending, Poll::Ready)
    }

    /// The first end counts, and wakes all who wait.
    fn set_end(&self, end: Result<Answers, RedisLinkError>) {
        let _ = self.end.set(end);
        // Woken without the lock, which a waker might want.
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// A batch that has no end yet: it gets one in any case.
struct Unanswered(Weak<Batch>);

impl Unanswered {
    fn answer(&self, end: Result<Answers, RedisLinkError>) {
        if let Some(batch) = self.0.upgrade() {
            batch.set_end(end);
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let problem = "the runtime that a read was made on has ended".to_owned();
        self.answer(Err(RedisLinkError::Io(problem)));
    }
}

impl Answers {
    pub(super) fn new(known: Known, records: impl Iterator<Item = Value>) -> Self {
        Self {
            known,
            records: records.map(Mutex::new).collect(),
        }
    }

    /// The answer to the question in this place, once: what is in this field of its record.
    pub(super) fn read(&self, place: usize, field: &str) -> Result<ReadAnswer, RedisLinkError> {
        let record = self.records.get(place);
        let record = record.map(|record| std::mem::replace(&mut *locked(record), Value::Nil));
        answer::read(&self.known, record.unwrap_or(Value::Nil), field)
    }
}

pub(super) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks ends half-way.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
