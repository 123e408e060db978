//! Reads that are asked for at the same time go to the server in one go.
//!
//! ```text
//! read -> nothing is on its way:   control, time, record
//!      -> else, in the open batch: control, time, record, record, … -> to each its own
//! read_many ->                     control, time, all records
//! ```
//!
//! What is known of the partition is asked once and first, so that it is a lower bound of the freshness of every
//! record after it. A batch is sent as soon as whoever is ready to run has joined it; while several are on their
//! way, it waits for one of them, and a millisecond at most. So a lone read waits for nobody, and many are answered
//! for little more than the cost of one.

mod batch;

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use std::vec::IntoIter;

use caching_core::{Address, ReadAnswer};
use deadpool_redis::redis::{Cmd, Pipeline, Value};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::timeout;

use self::batch::{Answers, Batch, locked};
use super::answer::{self, Known};
use super::send;
use crate::error::RedisLinkError;
use crate::link;
use crate::names::Names;

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
    /// The batch that can be joined. A lock, held to join or to open one, never across an await.
    open: Mutex<Weak<Batch>>,
    /// A permit for each batch on its way.
    ways: Arc<Semaphore>,
}

impl Reads {
    pub(super) fn new() -> Self {
        Self {
            open: Mutex::default(),
            ways: Arc::new(Semaphore::new(ON_THEIR_WAY)),
        }
    }

    /// Reads a record, together with whoever else reads now.
    pub(super) async fn read(
        &self,
        shared: &Arc<link::Shared>,
        address: Address<'_>,
    ) -> Result<ReadAnswer, RedisLinkError> {
        let names = &shared.opened()?.names;
        let question = send::question(names, address.key);
        if let Some(_way) = self.way_for_one() {
            let (known, mut records) = ask(shared, with_first(names, question)).await?;
            let record = records.next().ok_or(NOT_UNDERSTOOD)?;
            return answer::read(&known, record, address.field);
        }
        let (batch, place) = self.join(shared, question)?;
        match batch.end(place).await {
            Ok(answers) => answers.read(place, address.field),
            Err(error) => Err(error.clone()),
        }
    }

    /// Reads records, all of them by one command.
    ///
    /// What is of another type than a record is nothing here, since that is what the command says of it. The
    /// fill that replaces it tells of it.
    pub(super) async fn read_many(
        &self,
        shared: &Arc<link::Shared>,
        addresses: &[Address<'_>],
    ) -> Result<Vec<ReadAnswer>, RedisLinkError> {
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let names = &shared.opened()?.names;
        let question = send::question_of_many(names, addresses);
        let (known, mut answers) = ask(shared, with_first(names, question)).await?;
        let records = match answers.next() {
            Some(Value::Array(records)) if records.len() == addresses.len() => records,
            Some(Value::ServerError(error)) => return Err(RedisLinkError::server(&error)),
            _ => return Err(NOT_UNDERSTOOD),
        };
        let of_each = records.into_iter().zip(addresses);
        of_each
            .map(|(record, address)| answer::read(&known, record, address.field))
            .collect()
    }

    /// Where nothing else is on its way, a read goes by itself, without a task. Whoever comes meanwhile is in
    /// a batch, and does not depend on it.
    fn way_for_one(&self) -> Option<SemaphorePermit<'_>> {
        let is_quiet = self.ways.available_permits() == ON_THEIR_WAY;
        is_quiet.then(|| self.ways.try_acquire().ok()).flatten()
    }

    /// A place in the open batch, or the first one in another.
    fn join(
        &self,
        shared: &Arc<link::Shared>,
        question: Cmd,
    ) -> Result<(Arc<Batch>, usize), RedisLinkError> {
        let runtime = Handle::try_current()
            .map_err(|_| RedisLinkError::Unsendable("a read outside of a Tokio runtime"))?;
        let mut open = locked(&self.open);
        let question = match open.upgrade() {
            Some(batch) => match batch.join(&runtime, question) {
                Ok(place) => return Ok((batch, place)),
                Err(question) => question,
            },
            None => question,
        };
        let questions = with_first(&shared.opened()?.names, question);
        let (shared, ways) = (Arc::clone(shared), Arc::clone(&self.ways));
        let batch = Batch::set_out(&runtime, questions, |batch| go(shared, ways, batch));
        *open = Arc::downgrade(&batch);
        Ok((batch, 0))
    }
}

/// What every pipeline begins with, and its first question.
fn with_first(names: &Names, question: Cmd) -> Pipeline {
    let mut questions = Pipeline::with_capacity(BEFORE + 1);
    questions.cmd("HMGET").arg(names.control()).arg(CONTROL);
    questions.cmd("TIME");
    questions.add_command(question);
    questions
}

/// Sends a batch, once its time has come.
async fn go(
    shared: Arc<link::Shared>,
    ways: Arc<Semaphore>,
    batch: Weak<Batch>,
) -> Result<Answers, RedisLinkError> {
    // Whoever is ready to run may join it first.
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
    // Without questions nobody waits any more.
    let questions = batch.upgrade().and_then(|batch| batch.take_questions());
    let (known, records) = ask(&shared, questions.ok_or(NOT_UNDERSTOOD)?).await?;
    Ok(Answers::new(known, records))
}

/// Sends questions: what is known of the partition, and what was answered to the others.
async fn ask(
    shared: &Arc<link::Shared>,
    questions: Pipeline,
) -> Result<(Known, IntoIter<Value>), RedisLinkError> {
    let connection = shared.connection().await?;
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
    Ok((known, answers))
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads").finish_non_exhaustive()
    }
}
