//! A backplane whose notices are lost, doubled and held, and whose subscriptions are cut, when a test says so.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use caching_core::{Backplane, BoxError, BoxFuture, Deployment, Notice};
use tokio::sync::{oneshot, watch};

use super::NoticeFault;

/// A backplane around another one. Notices reach its listeners as a test says.
///
/// Clones are the same backplane: one goes into the cache, the other stays with the test.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// use caching_core::{Backplane, Change, Deployment, L2, MemoryStore, Mode, Notice, Partition};
/// use caching_testkit::{ChaosBackplane, NoticeFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let store = MemoryStore::new();
/// let (l2, backplane) = (store.l2(), ChaosBackplane::new(store.backplane()));
/// let deployment = Deployment::new("shop", Duration::from_secs(1));
/// l2.open(&deployment);
/// backplane.open(&deployment);
///
/// let heard = Arc::new(Mutex::new(Vec::new()));
/// let listener = {
///     let heard = heard.clone();
///     Box::new(move |notice: Notice| heard.lock().expect("nobody panics").push(notice.at.seq.number()))
/// };
/// let subscription = tokio::spawn(backplane.subscribe(listener).await?);
///
/// // The second notice overtakes the first, and the third is lost:
/// backplane.next(NoticeFault::Hold);
/// backplane.next(NoticeFault::Pass);
/// backplane.next(NoticeFault::Drop);
/// let change = Change::Group { group: "*".into(), clock: 0, mode: Mode::Remove };
/// for _ in 0..3 {
///     l2.invalidate(Partition::new(0), &change).await?;
/// }
/// backplane.arrivals(3).await;
/// backplane.deliver_held();
/// assert_eq!(*heard.lock().expect("nobody panics"), [2, 1]);
///
/// backplane.cut();
/// println!("{}", subscription.await?); // why it has ended
/// # Ok(())
/// # }
/// ```
pub struct ChaosBackplane<B> {
    inner: Arc<B>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for changes of lists, never across an await and never while a listener runs.
    state: Mutex<State>,
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    fault: NoticeFault,
    of_next: VecDeque<NoticeFault>,
    is_refusing: bool,
    subscriptions: Vec<Subscription>,
    last_number: u64,
}

struct Subscription {
    number: u64,
    listener: Listener,
    held: Vec<Notice>,
    /// Dropped to cut the subscription.
    _cut: oneshot::Sender<()>,
}

type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

impl<B: Backplane> ChaosBackplane<B> {
    /// A backplane around this one, without a fault.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self {
            inner: Arc::new(inner),
            shared: Arc::new(Shared {
                state: Mutex::default(),
                arrived: watch::Sender::default(),
            }),
        }
    }

    /// The backplane behind the faults.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// Sets the fault of every further notice.
    pub fn set(&self, fault: NoticeFault) {
        self.shared.state().fault = fault;
    }

    /// Sets the fault of one notice: the next that has none of its own yet. With several subscriptions each
    /// notice arrives once for each of them, and each arrival counts.
    pub fn next(&self, fault: NoticeFault) {
        self.shared.state().of_next.push_back(fault);
    }

    /// Delivers what was held, in the order in which it arrived.
    pub fn deliver_held(&self) {
        self.deliver_held_in(|_| {});
    }

    /// Delivers what was held, after `reorder` has had it: it may sort, double and drop. It is called once for
    /// each subscription that has something.
    pub fn deliver_held_in(&self, mut reorder: impl FnMut(&mut Vec<Notice>)) {
        let mut due: Vec<(Listener, Vec<Notice>)> = Vec::new();
        for subscription in &mut self.shared.state().subscriptions {
            let held = std::mem::take(&mut subscription.held);
            if !held.is_empty() {
                due.push((subscription.listener.clone(), held));
            }
        }
        for (listener, mut notices) in due {
            reorder(&mut notices);
            notices.into_iter().for_each(|notice| listener(notice));
        }
    }

    /// How many notices are held.
    #[must_use]
    pub fn held(&self) -> usize {
        let state = self.shared.state();
        state.subscriptions.iter().map(|it| it.held.len()).sum()
    }

    /// Gives a notice that nobody has sent to every listener, past all faults.
    pub fn forge(&self, notice: &Notice) {
        let state = self.shared.state();
        let listeners: Vec<_> = state
            .subscriptions
            .iter()
            .map(|it| it.listener.clone())
            .collect();
        drop(state);
        listeners
            .iter()
            .for_each(|listener| listener(notice.clone()));
    }

    /// Cuts every subscription: each ends with an error, and what it held is lost. New ones are made as before.
    pub fn cut(&self) {
        // Dropped outside of the lock: a listener may own what ends up here.
        let cut = std::mem::take(&mut self.shared.state().subscriptions);
        drop(cut);
    }

    /// Whether subscriptions are refused from now on. Those that are there stay.
    pub fn refuse(&self, is_refusing: bool) {
        self.shared.state().is_refusing = is_refusing;
    }

    /// No further notice has a fault, no subscription is refused, and what was held is delivered.
    pub fn heal(&self) {
        {
            let mut state = self.shared.state();
            state.fault = NoticeFault::Pass;
            state.of_next.clear();
            state.is_refusing = false;
        }
        self.deliver_held();
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.shared.state().subscriptions.len()
    }

    /// How many notices have arrived so far, lost and held ones included; one for each subscription.
    #[must_use]
    pub fn arrived(&self) -> usize {
        *self.shared.arrived.borrow()
    }

    /// Waits until so many notices have arrived, and what was to happen to them has happened.
    pub async fn arrivals(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        // The sender lives as long as this handle, so this ends when enough have come.
        let _ = arrived.wait_for(|arrived| *arrived >= count).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A notice has come for a subscription.
    fn arrive(&self, number: u64, notice: Notice) {
        if let Some((listener, times)) = self.on_the_way(number, &notice) {
            for _ in 0..times {
                listener(notice.clone());
            }
        }
        // Last, so that who waits for an arrival finds it done.
        self.arrived.send_modify(|arrived| *arrived += 1);
    }

    /// Whom to give a notice to, and how often.
    fn on_the_way(&self, number: u64, notice: &Notice) -> Option<(Listener, usize)> {
        let mut state = self.state();
        let fault = state.of_next.pop_front().unwrap_or(state.fault);
        let mut subscriptions = state.subscriptions.iter_mut();
        let subscription = subscriptions.find(|it| it.number == number)?;
        let times = match fault {
            NoticeFault::Pass => 1,
            NoticeFault::Duplicate => 2,
            NoticeFault::Drop => 0,
            NoticeFault::Hold => {
                subscription.held.push(notice.clone());
                0
            }
        };
        Some((subscription.listener.clone(), times))
    }
}

#[async_trait]
impl<B: Backplane> Backplane for ChaosBackplane<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn open(&self, deployment: &Deployment) {
        self.inner.open(deployment);
    }

    async fn subscribe(
        &self,
        listener: Box<dyn Fn(Notice) + Send + Sync>,
    ) -> Result<BoxFuture<'static, BoxError>, BoxError> {
        let (cut, is_cut) = oneshot::channel();
        // Before the inner one subscribes: its first notice may come at once.
        let subscribed = self.shared.subscribe(listener.into(), cut)?;
        let number = subscribed.number;
        let shared = self.shared.clone();
        let arrive = Box::new(move |notice| shared.arrive(number, notice));
        let inner = self.inner.subscribe(arrive).await?;
        Ok(Box::pin(async move {
            let _subscribed = subscribed;
            tokio::select! {
                biased;
                _ = is_cut => "the test has cut the subscription".into(),
                error = inner => error,
            }
        }))
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

impl Shared {
    fn subscribe(
        self: &Arc<Self>,
        listener: Listener,
        cut: oneshot::Sender<()>,
    ) -> Result<Subscribed, BoxError> {
        let mut state = self.state();
        if state.is_refusing {
            return Err("the test refuses subscriptions".into());
        }
        state.last_number += 1;
        let number = state.last_number;
        state.subscriptions.push(Subscription {
            number,
            listener,
            held: Vec::new(),
            _cut: cut,
        });
        Ok(Subscribed {
            shared: self.clone(),
            number,
        })
    }
}

/// A subscription that is listed until this is dropped.
struct Subscribed {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let place = state
            .subscriptions
            .iter()
            .position(|it| it.number == self.number);
        let ended = place.map(|place| state.subscriptions.remove(place));
        drop(state);
        drop(ended); // outside of the lock, as in `cut`
    }
}

impl<B> Clone for ChaosBackplane<B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<B> fmt::Debug for ChaosBackplane<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosBackplane").finish_non_exhaustive()
    }
}
