//! Key files, looked at again at an interval.

use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, info};

use super::{KeyFiles, Reloaded};
use crate::error::EncryptionErrors;

impl KeyFiles {
    /// Reads the files again at the interval of the settings, for as long as it is polled.
    ///
    /// The content decides, not the time of a change: that is coarse, and an older file can be put back. What
    /// changes is logged by the ids of keys; a file that gives no key is an error in the log once, and
    /// not at every interval.
    ///
    /// It never ends, so whoever spawns it stops it; the module of an app host does.
    pub async fn watch(self) {
        let interval = self.shared.interval;
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let files = self.clone();
            // On a thread that may wait for a disk; this task waits for it, so there is one at a time. Where
            // this task is dropped meanwhile, the reload ends by itself, and is whole.
            let reload = spawn_blocking(move || (files.problem(), files.reload()));
            match reload.await {
                Ok((before, reloaded)) => self.tell(before, reloaded),
                Err(failed) => error!(%failed, "reading key files again failed"),
            }
        }
    }

    fn tell(&self, before: Option<String>, reloaded: Result<Reloaded, EncryptionErrors>) {
        match reloaded {
            Ok(reloaded) => {
                if before.is_some() {
                    info!("key files can be read again");
                }
                if reloaded == Reloaded::Changed {
                    let keys = self.ring().keys();
                    info!(active = %keys.active(), "key files have changed, and so have the keys");
                }
            }
            Err(errors) => {
                let problem = errors.to_string();
                if before.as_ref() != Some(&problem) {
                    error!(%problem, "key files cannot be read again; the keys of before stay in use");
                }
            }
        }
    }
}
