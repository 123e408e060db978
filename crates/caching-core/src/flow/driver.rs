//! The one task that keeps a cache coherent: started, missed, replaced, ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::clock::{SleepWatch, Tick};
use crate::flow::Engine;
use crate::flow::engine::LAST_MOMENT;
use crate::flow::listen::drive;
use crate::flow::shared::Shared;

/// How often, at most, it is asked whether the machine slept.
const LOOK: Duration = Duration::from_millis(10);

/// The task that keeps a cache coherent, once it was started, and what stays where it is replaced.
pub(crate) struct Driver {
    /// Held for a comparison, never across an await.
    task: Mutex<Option<JoinHandle<()>>>,
    /// The number of the one that counts. Held while what it was told counts and takes effect, never across
    /// an await, nor while a line is logged; taken after `task`, never before.
    turn: Mutex<u64>,
    /// When it last came by, on the clock of the cache.
    seen: AtomicU64,
    /// Whether the lease held when it was last looked at.
    was_leased: AtomicBool,
    /// Held for a look, never across an await.
    sleep: Mutex<Sleep>,
}

/// Whether the machine slept, and when that was last asked.
struct Sleep {
    watch: SleepWatch,
    looked_at: Instant,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Self {
            task: Mutex::default(),
            turn: Mutex::new(0),
            seen: AtomicU64::new(0),
            was_leased: AtomicBool::new(false),
            sleep: Mutex::new(Sleep {
                watch: SleepWatch::new(),
                looked_at: Instant::now(),
            }),
        }
    }

    /// It came by.
    pub(crate) fn was_seen(&self, now: Tick) {
        // Relaxed, here and below: hints, which cost a new driver at worst.
        self.seen.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Notes whether the lease holds; whether it has ended since that was last noted.
    pub(crate) fn has_lapsed(&self, is_leased: bool) -> bool {
        // Relaxed: for a count.
        self.was_leased.swap(is_leased, Ordering::Relaxed) && !is_leased
    }

    /// How long the machine has slept since this was last asked, if it did.
    pub(crate) fn slept(&self) -> Option<Duration> {
        // Times, which are right whatever the thread that held the lock came to.
        let mut sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.looked_at.elapsed() < LOOK {
            return None;
        }
        sleep.looked_at = Instant::now();
        sleep.watch.slept()
    }

    /// The right to change what is known, for the driver with this number, unless it was replaced: a
    /// thread may stand still anywhere, and what it knows is of before then.
    pub(crate) fn turn(&self, number: u64) -> Option<MutexGuard<'_, u64>> {
        let turn = self.lock_turn();
        (*turn == number).then_some(turn)
    }

    /// Gives the turn to the next one.
    fn next(&self) -> u64 {
        let mut turn = self.lock_turn();
        *turn += 1;
        *turn
    }

    fn lock_turn(&self) -> MutexGuard<'_, u64> {
        // A number.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, before what it listens to is closed.
    pub(crate) async fn stop(&self) {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.abort();
            // Bounded: its runtime may not be driven any more.
            let _ = tokio::time::timeout(LAST_MOMENT, task).await;
        }
    }

    /// When it sits on a runtime that nobody drives any more, unless it comes by until then.
    ///
    /// It comes by twice within the bound at least, whether the store answers or not. Who has not been
    /// seen for as long as that has no lease either that could be lost by beginning anew.
    fn stuck_at(&self, bound: Duration) -> Tick {
        Tick::from_nanos(self.seen.load(Ordering::Relaxed)).after(bound)
    }
}

impl Shared {
    /// How long the driver may yet stay away before another one takes its place.
    pub(crate) fn patience(&self, now: Tick) -> Duration {
        self.driver.stuck_at(self.bound()).since(now)
    }
}

impl Engine {
    /// Starts the driver on this runtime, unless it runs.
    ///
    /// One on a runtime that stands still would neither poll nor send what is queued: it is replaced.
    pub(crate) fn start_driver(self: &Arc<Self>, runtime: &Handle) {
        let Some(shared) = &self.shared else { return };
        let mut task = shared
            .driver
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref().filter(|task| !task.is_finished()) {
            if !shared.patience(self.clock.now()).is_zero() {
                return;
            }
            task.abort();
        }
        shared.driver.was_seen(self.clock.now());
        let ending = self.ending.clone();
        // It ends with `ending`, which `stop` and the last handle of the cache cancel.
        let drive = drive(Arc::clone(self), shared.driver.next());
        *task = Some(runtime.spawn(async move {
            ending.run_until_cancelled(drive).await;
        }));
    }
}
