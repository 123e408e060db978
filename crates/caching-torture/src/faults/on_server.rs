//! Faults of the server, and of what it remembers.

use std::time::Duration;

use caching_testkit::{RedisReply, RedisServer, RedisServerError, RedisSnapshot};

use crate::error::TortureError;
use crate::fault::Fault;
use crate::faults::{Effect, Ending, last};
use crate::moment::Moment;
use crate::plan::Planned;
use crate::world::BOUND;

/// Where the cache keeps what guards its records; see the reference of the wire format.
const CONTROL: &str = "{torture}:@control";
const LOG: &str = "{torture}:@log";

/// How long an epoch may take to end after what ended it.
const NOTICED: Duration = Duration::from_secs(4);

/// How many faults an old snapshot is old.
const RENEWED: u32 = 3;

/// The server, and what it held a while ago.
pub(crate) struct OnServer<'a> {
    server: &'a mut RedisServer,
    old: Option<Old>,
    made: u32,
}

/// What the server held at a time.
struct Old {
    snapshot: RedisSnapshot,
    at: Moment,
    control: Control,
}

/// The control record, as far as it says that something changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Control {
    epoch: String,
    number: i64,
}

impl<'a> OnServer<'a> {
    pub(crate) const fn new(server: &'a mut RedisServer) -> Self {
        Self {
            server,
            old: None,
            made: 0,
        }
    }

    /// Makes a fault, and heals it.
    pub(super) async fn make(
        &mut self,
        planned: &Planned,
        ending: &mut Ending,
    ) -> Result<Effect, TortureError> {
        let effect = self.make_one(planned, ending).await?;
        // After it, so that what it says is old by the next one.
        self.made += 1;
        if self.old.is_none() || self.made.is_multiple_of(RENEWED) {
            self.remember().await?;
        }
        Ok(effect)
    }

    async fn make_one(
        &mut self,
        planned: &Planned,
        ending: &mut Ending,
    ) -> Result<Effect, TortureError> {
        let before = self.control().await?;
        Ok(match planned.fault {
            Fault::RestartEmpty => self.restart(None).await?,
            Fault::RestartOld => match self.old.take() {
                Some(old) => self.restart(Some(old)).await?,
                None => Effect::new(false, "there is nothing old"),
            },
            Fault::DemotedAndBack => self.demote(planned.duration, ending).await?,
            Fault::DataBack => self.data_back(planned.duration, ending).await?,
            Fault::ServerPaused => self.pause(planned.duration, ending).await?,
            Fault::ScriptsFlushed => {
                let count = self.info("memory", "number_of_cached_scripts").await?;
                self.server.command(["SCRIPT", "FLUSH"]).await?;
                Effect::new(count > 0, format!("{count} scripts"))
            }
            Fault::ClientsKilled => {
                let mut count = 0;
                for kind in ["normal", "pubsub"] {
                    let killed = self.command(&["CLIENT", "KILL", "TYPE", kind]).await?;
                    count += killed.integer().unwrap_or_default();
                }
                Effect::new(count > 0, format!("{count} connections"))
            }
            Fault::LogTrimmed => {
                let trimmed = self.command(&["XTRIM", LOG, "MAXLEN", "0"]).await?;
                let count = trimmed.integer().unwrap_or_default();
                Effect::new(count > 0, format!("{count} entries"))
            }
            Fault::EntryDeleted => self.delete_entries().await?,
            Fault::Flushed => {
                self.server.flush_all().await?;
                self.noticed(&before).await?
            }
            Fault::NumberSetBack => {
                let number = (before.number / 2).to_string();
                self.command(&["HSET", CONTROL, "s", &number]).await?;
                self.noticed(&before).await?
            }
            // Deleting the control record, and whatever is no fault of the server.
            _ => {
                self.command(&["DEL", CONTROL]).await?;
                self.noticed(&before).await?
            }
        })
    }

    async fn command(&self, words: &[&str]) -> Result<RedisReply, TortureError> {
        match self.server.command(words).await {
            // Such as a log that is none: nothing was done, and nothing will be observed.
            Err(RedisServerError::Refused { .. }) => Ok(RedisReply::Nil),
            reply => Ok(reply?),
        }
    }

    async fn info(&self, section: &str, name: &str) -> Result<u64, TortureError> {
        let info = self.server.info(section).await?;
        Ok(info.integer(name).unwrap_or_default())
    }

    async fn control(&self) -> Result<Control, TortureError> {
        let reply = self.command(&["HMGET", CONTROL, "e", "s"]).await?;
        let [epoch, number] = reply.items() else {
            return Ok(Control::default());
        };
        let number = number.text().and_then(|text| text.parse().ok());
        Ok(Control {
            epoch: epoch.text().unwrap_or_default().to_owned(),
            number: number.unwrap_or_default(),
        })
    }

    /// Whether another epoch has begun: that what was lost was noticed.
    async fn noticed(&self, before: &Control) -> Result<Effect, TortureError> {
        let begun = Moment::now();
        while Moment::now().since(begun) < NOTICED {
            let now = self.control().await?;
            if !before.epoch.is_empty() && !now.epoch.is_empty() && now.epoch != before.epoch {
                let took = Moment::now().since(begun);
                let detail = format!(
                    "at number {}; another epoch after {took:.0?}",
                    before.number
                );
                return Ok(Effect::new(true, detail));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Effect::new(false, "the epoch went on"))
    }

    async fn remember(&mut self) -> Result<(), TortureError> {
        let control = self.control().await?;
        self.old = Some(Old {
            snapshot: self.server.snapshot().await?,
            at: Moment::now(),
            control,
        });
        Ok(())
    }

    async fn restart(&mut self, old: Option<Old>) -> Result<Effect, TortureError> {
        let (before, now) = (self.run_id(), self.control().await?);
        // Down for a moment, as long as a supervisor takes.
        self.server.kill();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Some(old) = old else {
            self.server.restart_empty().await?;
            let detail = format!("at number {}", now.number);
            return Ok(Effect::new(self.run_id() != before, detail));
        };
        self.server.restart_from_snapshot(&old.snapshot).await?;
        let is_effective = self.run_id() != before && old.lacks_something(&now);
        Ok(Effect::new(is_effective, old.told(&now)))
    }

    /// A failover to a server that lagged, and back: all connections live on.
    async fn demote(&mut self, lag: Duration, ending: &mut Ending) -> Result<Effect, TortureError> {
        // Old data of the present epoch: of another one, it would be told by that.
        self.remember().await?;
        last(lag, ending).await;
        let Some(old) = self.old.take() else {
            return Ok(Effect::new(false, "there is nothing old"));
        };
        let now = self.control().await?;
        let before = self.data_set().await?;
        let mut other = RedisServer::builder()
            .directive("repl-diskless-sync-delay", "0")
            .start()
            .await?;
        other.restart_from_snapshot(&old.snapshot).await?;
        let port = other.port().to_string();
        self.server
            .command(["REPLICAOF", "127.0.0.1", &port])
            .await?;
        let begun = Moment::now();
        let mut is_demoted = false;
        while !is_demoted && Moment::now().since(begun) < NOTICED {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let info = self.server.info("replication").await?;
            is_demoted = info.get("master_link_status") == Some("up");
        }
        // For a while it is a replica that answers reads.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.server.command(["REPLICAOF", "NO", "ONE"]).await?;
        let is_effective =
            is_demoted && self.data_set().await? != before && old.lacks_something(&now);
        Ok(Effect::new(is_effective, old.told(&now)))
    }

    /// Loads what was saved a while ago, as a failover there and back that nobody had the time to notice.
    ///
    /// The identity of the data changes with it, as it does then. Without that, where a single number was lost and
    /// given out again before the next poll, nothing would tell that anything happened, and no protocol could.
    async fn data_back(
        &mut self,
        lag: Duration,
        ending: &mut Ending,
    ) -> Result<Effect, TortureError> {
        self.remember().await?;
        last(lag, ending).await;
        let before = self.control().await?;
        let Some(old) = self.old.take() else {
            return Ok(Effect::new(false, "there is nothing old"));
        };
        self.server.command(["DEBUG", "CHANGE-REPL-ID"]).await?;
        self.server.command(["DEBUG", "RELOAD", "NOSAVE"]).await?;
        let noticed = self.noticed(&before).await?;
        let is_effective = noticed.is_effective && old.lacks_something(&before);
        Ok(Effect::new(is_effective, old.told(&before)))
    }

    async fn pause(&self, duration: Duration, ending: &mut Ending) -> Result<Effect, TortureError> {
        let begun = Moment::now();
        self.server.pause()?;
        last(duration, ending).await;
        self.server.resume()?;
        let took = Moment::now().since(begun);
        let detail = format!("for {:.1} s", took.as_secs_f64());
        Ok(Effect::new(took > BOUND, detail))
    }

    async fn delete_entries(&self) -> Result<Effect, TortureError> {
        let newest = ["XREVRANGE", LOG, "+", "-", "COUNT", "3"];
        let found = self.command(&newest).await?;
        let mut count = 0;
        for entry in found.items() {
            if let Some(id) = entry.items().first().and_then(RedisReply::text) {
                let deleted = self.command(&["XDEL", LOG, id]).await?;
                count += deleted.integer().unwrap_or_default();
            }
        }
        Ok(Effect::new(count > 0, format!("{count} entries")))
    }

    fn run_id(&self) -> Option<String> {
        self.server.run_id().map(ToOwned::to_owned)
    }

    async fn data_set(&self) -> Result<Option<String>, TortureError> {
        let info = self.server.info("replication").await?;
        Ok(info.get("master_replid").map(ToOwned::to_owned))
    }
}

impl Old {
    /// Whether something was invalidated since, so that the data is not only old but wrong.
    fn lacks_something(&self, now: &Control) -> bool {
        let is_there = !self.control.epoch.is_empty();
        is_there && (self.control.epoch != now.epoch || self.control.number < now.number)
    }

    fn told(&self, now: &Control) -> String {
        format!(
            "at number {}, back to {} of {:.1} s before",
            now.number,
            self.control.number,
            Moment::now().since(self.at).as_secs_f64()
        )
    }
}
