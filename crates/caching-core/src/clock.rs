//! Time: a point on one machine's clock, and the clocks that give it.

mod sleep;

use std::time::{Duration, SystemTime};

pub(crate) use self::sleep::SleepWatch;

/// A point in time, in nanoseconds since its clock began.
///
/// Ticks of two clocks, or of two machines, are never compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The first tick of a clock.
    pub const ZERO: Self = Self(0);
    /// A tick that never comes: 584 years after the first.
    pub const NEVER: Self = Self(u64::MAX);

    /// The tick at this many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock began.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The tick after this duration; [`Tick::NEVER`] where it would lie beyond.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// The tick this long before; the first one where it would lie before that.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero where it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A clock that never goes back.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Tick;

    /// The time of the calendar, for what ends at an instant of it. Default: the machine's
    fn today(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The machine's monotonic clock, read through `quanta`, which asks the processor where it can.
#[derive(Debug)]
pub struct SystemClock {
    clock: quanta::Clock,
    origin: u64,
}

impl SystemClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let origin = clock.raw();
        Self { clock, origin }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Tick {
        Tick(self.clock.delta_as_nanos(self.origin, self.clock.raw()))
    }
}

/// Tokio's clock, which tests can pause and advance.
///
/// ```
/// use std::time::Duration;
/// use caching_core::{HybridCache, TokioClock};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().clock(TokioClock::new()).build()?;
/// cache.set("greeting", String::from("hello")).await?;
/// tokio::time::advance(Duration::from_secs(5 * 60)).await;
/// assert!(cache.get::<_, String>("greeting").await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
    day: SystemTime,
}

impl TokioClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
            day: SystemTime::now(),
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Tick {
        Tick::ZERO.after(self.origin.elapsed())
    }

    fn today(&self) -> SystemTime {
        let elapsed = self.origin.elapsed();
        self.day.checked_add(elapsed).unwrap_or(self.day)
    }
}
