//! How long to wait before the next attempt to connect.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// After so long a quiet time the next attempt does not wait.
const QUIET: Duration = Duration::from_secs(4);

/// Attempts 50 ms apart, then twice as much each time up to 2 s; each shortened at random by up to a half, so
/// that the processes of a deployment do not come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    delay: Duration,
    last: Option<Instant>,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self {
            delay: Duration::ZERO,
            last: None,
        }
    }

    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        let is_quiet = self.last.is_none_or(|last| last.elapsed() > QUIET);
        let delay = if is_quiet { Duration::ZERO } else { self.delay };
        self.delay = (delay * 2).clamp(SHORTEST, LONGEST);
        self.last = Some(Instant::now() + delay);
        delay.mul_f64(1.0 - fastrand::f64() / 2.0)
    }

    /// An attempt has succeeded.
    pub(super) fn succeeded(&mut self) {
        self.delay = SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_come_at_once_then_ever_later_and_at_once_again_after_a_quiet_time() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(), Duration::ZERO);
        let mut longest = SHORTEST;
        for _ in 0..10 {
            let delay = backoff.next();
            assert!(
                delay >= longest / 2 && delay <= longest,
                "{delay:?} of {longest:?}"
            );
            longest = (longest * 2).min(LONGEST);
            tokio::time::advance(delay).await;
        }
        assert_eq!(longest, LONGEST);
        backoff.succeeded();
        assert!(backoff.next() <= SHORTEST);
        tokio::time::advance(QUIET * 2).await;
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
