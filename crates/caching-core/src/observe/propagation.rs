//! How long an invalidation takes to be heard: from when it was sent to when its notice came, in the process
//! that sent it, on whose one clock both are read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::Asof;
use crate::observe::durations::{DurationMeter, Measured};

/// The upper ends of the buckets.
const ENDS: [Duration; 9] = [
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// How many numbers wait for their other half.
const WAITING: usize = 1024;

/// Measures propagation. Off the path of hits: an invalidation and its notice come by here once.
#[derive(Debug)]
pub(crate) struct PropagationMeter {
    took: DurationMeter<{ ENDS.len() }>,
    /// Held for a map operation, never across an await.
    state: Mutex<State>,
}

impl Default for PropagationMeter {
    fn default() -> Self {
        Self {
            took: DurationMeter::new(&ENDS),
            state: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Own invalidations that were sent and not answered.
    in_flight: usize,
    sent: HashMap<Asof, Tick>,
    heard: HashMap<Asof, Tick>,
}

impl PropagationMeter {
    /// An invalidation is about to be sent.
    pub(crate) fn sending(&self) {
        self.lock().in_flight += 1;
    }

    /// It was answered, with its number, or not.
    pub(crate) fn answered(&self, sent_at: Tick, at: Option<Asof>) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        if let Some(at) = at {
            match state.heard.remove(&at) {
                Some(heard_at) => self.took.note(heard_at.since(sent_at)),
                None if state.sent.len() < WAITING => {
                    state.sent.insert(at, sent_at);
                }
                // Notices do not come; the numbers of before never will be heard.
                None => state.sent.clear(),
            }
        }
        if state.in_flight == 0 {
            state.heard.clear();
        }
    }

    /// A notice was heard, of this process or of another.
    pub(crate) fn heard(&self, at: Asof, now: Tick) {
        let mut state = self.lock();
        match state.sent.remove(&at) {
            Some(sent_at) => self.took.note(now.since(sent_at)),
            // It may be that of an invalidation whose answer has yet to come.
            None if state.in_flight > 0 && state.heard.len() < WAITING => {
                state.heard.insert(at, now);
            }
            None => {}
        }
    }

    /// How long it took so far.
    pub(crate) fn took(&self) -> &dyn Measured {
        &self.took
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers; each change leaves them usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Epoch, Seq};

    fn at(seq: u64) -> Asof {
        Asof {
            epoch: Epoch::new(1),
            seq: Seq::new(seq),
        }
    }

    fn ms(ms: u64) -> Tick {
        Tick::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn answer_and_notice_may_come_in_either_order() {
        let meter = PropagationMeter::default();
        meter.sending();
        meter.heard(at(1), ms(13));
        meter.answered(ms(10), Some(at(1)));
        meter.sending();
        meter.answered(ms(20), Some(at(2)));
        meter.heard(at(2), ms(50));
        let seen = meter.took().snapshot();
        assert_eq!((seen.count, seen.sum), (2, Duration::from_millis(33)));
        assert_eq!(seen.buckets[4], (Duration::from_millis(5), 1));
        assert_eq!(seen.buckets[6], (Duration::from_millis(100), 2));
    }

    #[test]
    fn notices_of_others_are_not_kept() {
        let meter = PropagationMeter::default();
        for seq in 0..10 {
            meter.heard(at(seq), ms(1));
        }
        assert!(meter.lock().heard.is_empty());
        assert_eq!(meter.took().snapshot().count, 0);
    }
}
