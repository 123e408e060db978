//! How long something took, in buckets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long things took, in buckets that each count those before it, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// How many took as long as this at most, each bucket with those before it.
    pub buckets: Vec<(Duration, u64)>,
    /// How many there were in all.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

impl Durations {
    /// The upper end of the bucket in which this share of them ended: `quantile(0.99)` took as long as
    /// that at most. `None` where there were none, or where it lies beyond the last bucket.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (self.count as f64 * share).ceil().max(1.0);
        let reached = |(_, count): &&(Duration, u64)| *count as f64 >= rank;
        self.buckets.iter().find(reached).map(|(end, _)| *end)
    }
}

/// Something that takes a while each time, and is measured.
pub(crate) trait Measured {
    /// How long it took so far.
    fn snapshot(&self) -> Durations;

    /// Tells somebody else each time, too, from now on. It must neither block nor measure.
    #[cfg_attr(not(feature = "opentelemetry"), expect(dead_code))]
    fn listen(&self, listener: Listener);
}

/// Who is told how long it took.
pub(crate) type Listener = Box<dyn Fn(Duration) + Send + Sync>;

/// Counts durations by bucket. Each number is right by itself.
pub(crate) struct DurationMeter<const N: usize> {
    ends: &'static [Duration; N],
    counts: [AtomicU64; N],
    count: AtomicU64,
    nanos: AtomicU64,
    /// Held for reading while they are told, which no hit does, and for writing when one is added.
    listeners: RwLock<Vec<Listener>>,
}

impl<const N: usize> DurationMeter<N> {
    pub(crate) const fn new(ends: &'static [Duration; N]) -> Self {
        Self {
            ends,
            counts: [const { AtomicU64::new(0) }; N],
            count: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            listeners: RwLock::new(Vec::new()),
        }
    }

    pub(crate) fn note(&self, took: Duration) {
        // Relaxed: counts order nothing, and who reads them in between is off by one.
        self.count.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        let ends = self.ends.iter().zip(&self.counts);
        if let Some((_, bucket)) = ends.into_iter().find(|(end, _)| took <= **end) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let listeners = self.listeners.read();
        let listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(took));
    }
}

impl<const N: usize> Measured for DurationMeter<N> {
    fn snapshot(&self) -> Durations {
        let mut so_far = 0;
        let ends = self.ends.iter().zip(&self.counts);
        Durations {
            buckets: ends
                .map(|(end, count)| {
                    so_far += count.load(Ordering::Relaxed);
                    (*end, so_far)
                })
                .collect(),
            count: self.count.load(Ordering::Relaxed),
            sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }

    fn listen(&self, listener: Listener) {
        // A list that only grows is whole whatever happened under the lock.
        let listeners = self.listeners.write();
        listeners
            .unwrap_or_else(PoisonError::into_inner)
            .push(listener);
    }
}

impl<const N: usize> fmt::Debug for DurationMeter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];

    #[test]
    fn a_quantile_is_the_end_of_the_bucket_that_reaches_it() {
        let meter = DurationMeter::new(&ENDS);
        assert_eq!(meter.snapshot().quantile(0.5), None);
        for _ in 0..99 {
            meter.note(Duration::from_micros(300));
        }
        meter.note(Duration::from_millis(10));
        let seen = meter.snapshot();
        assert_eq!(seen.quantile(0.0), Some(ENDS[0]));
        assert_eq!(seen.quantile(0.99), Some(ENDS[0]));
        assert_eq!(seen.quantile(0.999), Some(ENDS[1]));
        meter.note(Duration::from_secs(1));
        assert_eq!(meter.snapshot().quantile(1.0), None, "beyond the last");
        assert_eq!(meter.snapshot().count, 101);
    }
}
