//! Reads that are asked for at the same time go to the server in one go.
//!
//! ```text
//! read -> a place in the open batch -> sent: control, time, record, record, … -> to each its own
//! ```
//!
//! What is known of the partition is asked once and first, so that it is a lower bound of the freshness of every
//! record after it. A batch is sent as soon as whoever is ready to run has joined it; while some are on their way,
//! it waits for one of them, and a millisecond at most. So a lone read waits for nobody, and many are answered for
//! little more than the cost of one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caching_core::{Address, ReadAnswer};
use deadpool_redis::redis::{Cmd, Pipeline, Value};
use futures::FutureExt;
use futures::future::{Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::answer::{self, Known};
use super::send;
use crate::error::RedisLinkError;
use crate::link;

/// How many reads go together at most: the answer to the last of them is the answer to all.
const MOST: usize = 64;

/// How many batches are on their way before another one waits.
const ON_THEIR_WAY: usize = 4;

/// How long it waits at most, as they may be waiting for a network that is slow, or gone.
const LONGEST_WAIT: Duration = Duration::from_millis(1);

/// What is asked before the records: epoch, number and tag clock of the control record, and the time.
const BEFORE: usize = 2;
const CONTROL: &[&str] = &["e", "s", "c"];

const NOT_UNDERSTOOD: RedisLinkError = RedisLinkError::Answer { operation: "read" };

/// Where reads meet.
pub(super) struct Reads {
    /// A lock, held to join or to open a batch, never across an await.
    open: Mutex<Option<Batch>>,
    /// A permit for each batch on its way.
    ways: Arc<Semaphore>,
}

/// Reads that go together.
struct Batch {
    questions: Questions,
    /// Weak: its readers alone keep it going. With the last one that leaves it ends.
    going: WeakShared<Going>,
}

/// What a batch asks; nothing once it is on its way. A lock, held to add to it or to take it.
type Questions = Arc<Mutex<Option<Pipeline>>>;

type Going = Pin<Box<dyn Future<Output = Result<Arc<Answers>, RedisLinkError>> + Send>>;

/// What was answered to a batch.
struct Answers {
    known: Known,
    /// A lock, held by the one who takes what it has asked for.
    records: Vec<Mutex<Value>>,
}

impl Reads {
    pub(super) fn new() -> Self {
        Self {
            open: Mutex::new(None),
            ways: Arc::new(Semaphore::new(ON_THEIR_WAY)),
        }
    }

    /// Reads a record, together with whoever else reads now.
    pub(super) async fn read(
        &self,
        shared: &Arc<link::Shared>,
        address: Address<'_>,
    ) -> Result<ReadAnswer, RedisLinkError> {
        let (place, going) = self.join(shared, send::question(&shared.opened()?.names, address))?;
        let answers = going.await?;
        let record = answers.records.get(place).map(take);
        answer::read(&answers.known, record.unwrap_or(Value::Nil))
    }

    /// Asks in the open batch, or in another: the place there, and what to wait for.
    fn join(
        &self,
        shared: &Arc<link::Shared>,
        question: Cmd,
    ) -> Result<(usize, Shared<Going>), RedisLinkError> {
        let mut open = locked(&self.open);
        let question = match &*open {
            Some(batch) => match batch.join(question) {
                Ok(joined) => return Ok(joined),
                Err(question) => question,
            },
            None => question,
        };
        let mut first = Pipeline::with_capacity(BEFORE + 4);
        let names = &shared.opened()?.names;
        first.cmd("HMGET").arg(names.control()).arg(CONTROL);
        first.cmd("TIME");
        first.add_command(question);
        let questions = Arc::new(Mutex::new(Some(first)));
        let going: Going = Box::pin(go(
            Arc::clone(shared),
            Arc::clone(&self.ways),
            Arc::clone(&questions),
        ));
        let going = going.shared();
        *open = going.downgrade().map(|going| Batch { questions, going });
        Ok((0, going))
    }
}

impl Batch {
    /// A place in it; the question is given back where there is none.
    fn join(&self, question: Cmd) -> Result<(usize, Shared<Going>), Cmd> {
        let mut questions = locked(&self.questions);
        // Not there: it is on its way. Not to be upgraded: everybody has left, and it will never be.
        let (Some(questions), Some(going)) = (questions.as_mut(), self.going.upgrade()) else {
            return Err(question);
        };
        let place = questions.len() - BEFORE;
        if place >= MOST {
            return Err(question);
        }
        questions.add_command(question);
        Ok((place, going))
    }
}

/// Sends a batch and takes its answers apart.
async fn go(
    shared: Arc<link::Shared>,
    ways: Arc<Semaphore>,
    questions: Questions,
) -> Result<Arc<Answers>, RedisLinkError> {
    yield_now().await;
    // It is given back when this ends, or is dropped because nobody waits any more. It never fails but for
    // time: the semaphore is not closed.
    let _way = match ways.try_acquire() {
        Ok(way) => Some(way),
        Err(_) => match timeout(LONGEST_WAIT, ways.acquire()).await {
            Ok(way) => way.ok(),
            Err(_) => None,
        },
    };
    let connection = shared.connection().await?;
    let Some(questions) = locked(&questions).take() else {
        return Err(NOT_UNDERSTOOD);
    };
    let mut answers = shared.send_all(&connection, &questions).await?.into_iter();
    let (Some(control), Some(time)) = (answers.next(), answers.next()) else {
        return Err(NOT_UNDERSTOOD);
    };
    let known = answer::known(&control, &time)?;
    let epoch = known.at().map(|at| at.epoch);
    // A demoted server answers reads without an error: what comes from it after it was found out is void.
    if !shared.still_counts(&connection, epoch) {
        return Err(RedisLinkError::Distrusted);
    }
    if let Some(epoch) = epoch {
        shared.saw(&connection, epoch);
    }
    Ok(Arc::new(Answers {
        known,
        records: answers.map(Mutex::new).collect(),
    }))
}

fn take(record: &Mutex<Value>) -> Value {
    std::mem::replace(&mut *locked(record), Value::Nil)
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks panics half-way.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads").finish_non_exhaustive()
    }
}
