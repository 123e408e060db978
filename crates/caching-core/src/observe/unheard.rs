//! What becomes of events that nobody hears: their values are dropped under no lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::SegQueue;

use crate::observe::CacheEvent;

/// An event in the channel. The channel drops the oldest ones under locks of its own, and a value that
/// calls the cache while it is dropped may be told of by that channel: it is put aside instead.
#[derive(Clone)]
pub(super) struct Told {
    event: CacheEvent,
    unheard: Unheard,
}

/// What is left in the place of an event that was taken out.
const NOTHING: CacheEvent = CacheEvent::Missed { count: 0 };

/// Events that were given up, until their values are dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Unheard(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    events: SegQueue<CacheEvent>,
    /// Whether somebody drops them. A value that tells of something while it is dropped gives up another
    /// event: one within the other, a full channel of them would take a stack of its own.
    is_busy: AtomicBool,
}

impl Told {
    pub(super) fn new(event: CacheEvent, unheard: &Unheard) -> Self {
        Self {
            event,
            unheard: unheard.clone(),
        }
    }

    pub(super) fn into_event(mut self) -> CacheEvent {
        std::mem::replace(&mut self.event, NOTHING)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let CacheEvent::Evicted { .. } = self.event {
            let event = std::mem::replace(&mut self.event, NOTHING);
            self.unheard.0.events.push(event);
        }
    }
}

impl Unheard {
    /// Drops what was given up. Under no lock.
    #[inline]
    pub(super) fn drop_all(&self) {
        // Once more after each round: who came meanwhile has left it to this one.
        while !self.0.events.is_empty() {
            // Acquire and release: one after the other.
            if self.0.is_busy.swap(true, Ordering::Acquire) {
                return;
            }
            while let Some(event) = self.0.events.pop() {
                // Its panic is nothing to whoever happens to be here.
                if catch_unwind(AssertUnwindSafe(|| drop(event))).is_err() {
                    tracing::error!("a value that was evicted panicked while it was dropped");
                }
            }
            self.0.is_busy.store(false, Ordering::Release);
        }
    }
}

/// Drops what was given up when it is dropped itself.
#[derive(Debug)]
pub(super) struct Last(pub(super) Unheard);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.drop_all();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last one, and under no lock; a panic here would be one while others unwind.
        while let Some(event) = self.events.pop() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(event)));
        }
    }
}
