//! Noticing that the machine slept.

use std::time::{Duration, Instant};

/// How much the two clocks may differ without a sleep: the coarser one counts in hundredths of a
/// second.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Notices that the machine slept.
///
/// The clocks that a hit can afford stand still while a machine is suspended, and a lease with them.
/// Linux tells the time since boot, sleep included, in [`/proc/uptime`]; where that can be read, it is
/// compared with the clock that stands still. Elsewhere a sleep goes unnoticed.
///
/// [`/proc/uptime`]: https://man7.org/linux/man-pages/man5/proc_uptime.5.html
pub(crate) struct SleepWatch {
    began: Instant,
    /// The time since boot when the watch began.
    uptime: Option<Duration>,
    /// How long the machine has slept since.
    slept: Duration,
}

impl SleepWatch {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            uptime: uptime(),
            slept: Duration::ZERO,
        }
    }

    /// How long the machine has slept since this was last asked, if it did.
    pub(crate) fn slept(&mut self) -> Option<Duration> {
        self.compare(self.began.elapsed(), uptime()?)
    }

    fn compare(&mut self, awake: Duration, uptime: Duration) -> Option<Duration> {
        let all = uptime.saturating_sub(self.uptime?).saturating_sub(awake);
        let slept = all.saturating_sub(self.slept);
        if slept <= TOLERANCE {
            return None;
        }
        self.slept = all;
        Some(slept)
    }
}

fn uptime() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_sleep_is_noticed_once() {
        let mut watch = SleepWatch {
            began: Instant::now(),
            uptime: Some(100 * SECOND),
            slept: Duration::ZERO,
        };
        assert_eq!(watch.compare(5 * SECOND, 105 * SECOND), None);
        assert_eq!(watch.compare(6 * SECOND, 136 * SECOND), Some(30 * SECOND));
        assert_eq!(watch.compare(7 * SECOND, 137 * SECOND), None);
    }

    #[test]
    fn a_machine_that_is_awake_has_not_slept() {
        assert_eq!(SleepWatch::new().slept(), None);
    }
}
