//! An L2 whose operations fail, wait and lose their answers when a test says so.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use caching_core::{
    Address, Applied, Asof, Change, Claim, Deployment, FillAnswer, KeyName, L2, L2Error,
    L2ErrorKind, Partition, PollAnswer, PurgedAnswer, PutAnswer, ReadAnswer, Record,
};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::{L2Fault, L2Operation};

/// An L2 around another one, with a fault for each kind of operation. It counts what it is asked.
///
/// Clones are the same L2: one goes into the cache, the other stays with the test.
///
/// ```
/// use std::time::Duration;
///
/// use caching_core::{Asof, Deployment, L2, L2ErrorKind, MemoryStore, Partition, PollAnswer};
/// use caching_testkit::{ChaosL2, Gate, L2Fault, L2Operation};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let l2 = ChaosL2::new(MemoryStore::new().l2());
/// l2.open(&Deployment::new("shop", Duration::from_secs(1)));
/// let partition = Partition::new(0);
///
/// // The store is away for one poll:
/// l2.next(L2Operation::Poll, L2Fault::Fail(L2ErrorKind::Unavailable));
/// assert!(l2.poll(partition, Asof::default()).await.is_err());
/// assert!(l2.poll(partition, Asof::default()).await.is_ok());
///
/// // A poll is under way while something else happens:
/// let gate = Gate::closed();
/// l2.set(L2Operation::Poll, L2Fault::Hold(gate.clone()));
/// let poll = tokio::spawn({
///     let l2 = l2.clone();
///     async move { l2.poll(partition, Asof::default()).await }
/// });
/// gate.arrivals(1).await; // it has been sent
/// gate.open(); // and arrives only now
/// assert!(matches!(poll.await??, PollAnswer::Break { .. }));
/// assert_eq!(l2.calls(L2Operation::Poll), 3);
/// # Ok(())
/// # }
/// ```
pub struct ChaosL2<L> {
    shared: Arc<Shared<L>>,
}

struct Shared<L> {
    inner: Arc<L>,
    /// Held for a look-up, never across an await.
    faults: Mutex<Faults>,
    calls: watch::Sender<HashMap<L2Operation, usize>>,
    /// What has been sent and has not arrived. This owns it: it ends with the last clone.
    under_way: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Faults {
    of_all: HashMap<L2Operation, L2Fault>,
    of_next: HashMap<L2Operation, VecDeque<L2Fault>>,
}

impl<L: L2> ChaosL2<L> {
    /// An L2 around this one, without a fault.
    #[must_use]
    pub fn new(inner: L) -> Self {
        Self {
            shared: Arc::new(Shared {
                inner: Arc::new(inner),
                faults: Mutex::default(),
                calls: watch::Sender::default(),
                under_way: Mutex::default(),
            }),
        }
    }

    /// The L2 behind the faults.
    #[must_use]
    pub fn inner(&self) -> &L {
        &self.shared.inner
    }

    /// Sets the fault of every further operation of this kind. What is under way stays as it is.
    pub fn set(&self, operation: L2Operation, fault: L2Fault) {
        self.shared.faults().of_all.insert(operation, fault);
    }

    /// Sets the fault of every further operation.
    pub fn set_all(&self, fault: L2Fault) {
        for operation in L2Operation::ALL {
            self.set(operation, fault.clone());
        }
    }

    /// Sets the fault of one operation: the next of this kind that has none of its own yet. It goes before what
    /// [`set`](Self::set) says.
    pub fn next(&self, operation: L2Operation, fault: L2Fault) {
        let mut faults = self.shared.faults();
        faults
            .of_next
            .entry(operation)
            .or_default()
            .push_back(fault);
    }

    /// No further operation has a fault. What stands at a gate goes on standing there.
    pub fn heal(&self) {
        *self.shared.faults() = Faults::default();
    }

    /// How many operations of this kind have been asked for, those that failed included.
    #[must_use]
    pub fn calls(&self, operation: L2Operation) -> usize {
        let calls = self.shared.calls.borrow();
        calls.get(&operation).copied().unwrap_or_default()
    }

    /// Waits until so many operations of this kind have been asked for.
    pub async fn called(&self, operation: L2Operation, count: usize) {
        let mut calls = self.shared.calls.subscribe();
        let is_so = |calls: &HashMap<_, _>| calls.get(&operation).is_some_and(|n| *n >= count);
        // The sender lives as long as this handle, so this ends when there were enough.
        let _ = calls.wait_for(|calls| count == 0 || is_so(calls)).await;
    }

    /// Does an operation on the inner L2, as its fault says.
    async fn send<A, F>(
        &self,
        operation: L2Operation,
        work: impl FnOnce(Arc<L>) -> F + Send,
    ) -> Result<A, L2Error>
    where
        A: Send + 'static,
        F: Future<Output = Result<A, L2Error>> + Send + 'static,
    {
        let fault = self.shared.fault_of_next(operation);
        let work = work(self.shared.inner.clone());
        match fault {
            L2Fault::Pass => work.await,
            L2Fault::Fail(kind) => Err(L2Error::new(kind, "a fault that the test has set")),
            L2Fault::LoseAnswer(kind) => {
                work.await?;
                Err(L2Error::new(kind, "the test has lost the answer"))
            }
            L2Fault::Delay(time) => {
                let arrival = tokio::time::sleep(time);
                self.shared.arrive_after(arrival, work).await
            }
            L2Fault::Hold(gate) => {
                let arrival = async move { gate.pass().await };
                self.shared.arrive_after(arrival, work).await
            }
            L2Fault::HoldAnswer(gate) => {
                let answer = work.await;
                gate.pass().await;
                answer
            }
        }
    }
}

impl<L> Shared<L> {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault_of_next(&self, operation: L2Operation) -> L2Fault {
        self.calls
            .send_modify(|calls| *calls.entry(operation).or_default() += 1);
        let mut faults = self.faults();
        let next = faults.of_next.get_mut(&operation);
        match next.and_then(VecDeque::pop_front) {
            Some(fault) => fault,
            None => faults.of_all.get(&operation).cloned().unwrap_or_default(),
        }
    }

    /// Does the work in a task of its own, so that it is done although nobody waits for it any more.
    async fn arrive_after<A: Send + 'static>(
        &self,
        arrival: impl Future<Output = ()> + Send + 'static,
        work: impl Future<Output = Result<A, L2Error>> + Send + 'static,
    ) -> Result<A, L2Error> {
        let (sender, answer) = oneshot::channel();
        {
            let tasks = self.under_way.lock();
            let mut tasks = tasks.unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {} // those that are over
            tasks.spawn(async move {
                arrival.await;
                // An error says that nobody waits.
                let _ = sender.send(work.await);
            });
        }
        let gone = |_| L2Error::new(L2ErrorKind::Unavailable, "the runtime has shut down");
        answer.await.map_err(gone)?
    }
}

#[async_trait]
impl<L: L2> L2 for ChaosL2<L> {
    fn name(&self) -> &'static str {
        self.shared.inner.name()
    }

    fn open(&self, deployment: &Deployment) {
        self.shared.inner.open(deployment);
    }

    fn partitions(&self) -> u16 {
        self.shared.inner.partitions()
    }

    fn partition_of(&self, key: &KeyName) -> Partition {
        self.shared.inner.partition_of(key)
    }

    async fn read(&self, address: Address<'_>) -> Result<ReadAnswer, L2Error> {
        let place = Place::from(address);
        let work = |inner: Arc<L>| async move { inner.read(place.address()).await };
        self.send(L2Operation::Read, work).await
    }

    async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> Result<FillAnswer, L2Error> {
        let (place, record) = (Place::from(address), record.clone());
        let work = move |inner: Arc<L>| async move {
            inner.fill(place.address(), &record, asof, claim).await
        };
        self.send(L2Operation::Fill, work).await
    }

    async fn put(
        &self,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> Result<PutAnswer, L2Error> {
        let (place, record) = (Place::from(address), record.clone());
        let work =
            move |inner: Arc<L>| async move { inner.put(place.address(), &record, since).await };
        self.send(L2Operation::Put, work).await
    }

    async fn invalidate(&self, partition: Partition, change: &Change) -> Result<Applied, L2Error> {
        let change = change.clone();
        let work = move |inner: Arc<L>| async move { inner.invalidate(partition, &change).await };
        self.send(L2Operation::Invalidate, work).await
    }

    async fn purged(
        &self,
        partition: Partition,
        groups: &[String],
    ) -> Result<PurgedAnswer, L2Error> {
        let groups = groups.to_vec();
        let work = move |inner: Arc<L>| async move { inner.purged(partition, &groups).await };
        self.send(L2Operation::Purged, work).await
    }

    async fn claim(
        &self,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> Result<bool, L2Error> {
        let place = Place::from(address);
        let work =
            move |inner: Arc<L>| async move { inner.claim(place.address(), claim, at_most).await };
        self.send(L2Operation::Claim, work).await
    }

    async fn release(&self, address: Address<'_>, claim: Claim) -> Result<(), L2Error> {
        let place = Place::from(address);
        let work = move |inner: Arc<L>| async move { inner.release(place.address(), claim).await };
        self.send(L2Operation::Release, work).await
    }

    async fn poll(&self, partition: Partition, known: Asof) -> Result<PollAnswer, L2Error> {
        let work = move |inner: Arc<L>| async move { inner.poll(partition, known).await };
        self.send(L2Operation::Poll, work).await
    }

    async fn close(&self) {
        self.shared.inner.close().await;
    }
}

/// An address that its operation takes along.
struct Place {
    partition: Partition,
    key: KeyName,
    field: String,
}

impl Place {
    fn address(&self) -> Address<'_> {
        Address::new(self.partition, &self.key, &self.field)
    }
}

impl From<Address<'_>> for Place {
    fn from(address: Address<'_>) -> Self {
        Self {
            partition: address.partition,
            key: address.key.clone(),
            field: address.field.to_owned(),
        }
    }
}

impl<L> Clone for ChaosL2<L> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<L> fmt::Debug for ChaosL2<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosL2")
            .field("calls", &*self.shared.calls.borrow())
            .finish_non_exhaustive()
    }
}
