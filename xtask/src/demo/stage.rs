//! What the scenes play on: Redis, three pods, and the traffic.

use std::net::SocketAddr;
use std::path::Path;

use crate::failure::Result;

use super::pod::{Build, PodSettings};
use super::process::Process;
use super::redis::Redis;
use super::traffic::Traffic;

pub(super) const PODS: usize = 3;

/// What the scenes play on. Dropped from the top: traffic, pods, Redis.
pub(super) struct Stage {
    pub(super) traffic: Traffic,
    pods: Vec<(PodSettings, Process, SocketAddr)>,
    redis: Redis,
    pub(super) redis_version: String,
}

/// What Redis holds, to be looked at.
pub(super) struct InRedis {
    /// The name of one record.
    pub(super) key: String,
    /// The bytes of its value.
    pub(super) value: Vec<u8>,
}

impl Stage {
    /// Starts everything.
    pub(super) fn set(build: Build, folder: &Path) -> Result<Self> {
        let redis = Redis::start(folder)?;
        let mut pods = Vec::new();
        for number in 1..=PODS {
            let settings = PodSettings {
                number,
                build,
                folder: folder.to_owned(),
                redis: redis.url(),
            };
            let (process, address) = settings.start()?;
            pods.push((settings, process, address));
        }
        let addresses: Vec<SocketAddr> = pods.iter().map(|(_, _, address)| *address).collect();
        Ok(Self {
            traffic: Traffic::begin(&addresses)?,
            redis_version: redis.version()?,
            pods,
            redis,
        })
    }

    pub(super) fn flush_redis(&mut self) -> Result {
        self.redis.command(&["FLUSHALL"]).map(drop)
    }

    pub(super) fn freeze_redis(&mut self) -> Result {
        self.traffic.redis_goes();
        self.redis.freeze()
    }

    pub(super) fn thaw_redis(&mut self) -> Result {
        self.traffic.redis_comes_back();
        self.redis.thaw()
    }

    pub(super) fn kill_redis(&mut self) -> Result {
        self.traffic.redis_goes();
        self.redis.kill()
    }

    pub(super) fn start_redis(&mut self) -> Result {
        self.redis.start_again()?;
        self.traffic.redis_comes_back();
        Ok(())
    }

    pub(super) fn restart_redis(&mut self) -> Result {
        self.kill_redis()?;
        self.start_redis()
    }

    pub(super) fn kill_pod(&mut self, pod: usize) -> Result {
        self.traffic.pod_goes(pod);
        self.pods[pod].1.kill()
    }

    pub(super) fn start_pod(&mut self, pod: usize) -> Result {
        let (settings, process, _) = &mut self.pods[pod];
        let (started, address) = settings.start()?;
        *process = started;
        self.traffic.pod_comes_back(pod, address);
        self.pods[pod].2 = address;
        Ok(())
    }

    pub(super) fn freeze_pod(&mut self, pod: usize) -> Result {
        self.traffic.pod_goes(pod);
        self.pods[pod].1.freeze()
    }

    pub(super) fn thaw_pod(&mut self, pod: usize) -> Result {
        self.pods[pod].1.thaw()?;
        self.traffic.pod_comes_back(pod, self.pods[pod].2);
        Ok(())
    }

    /// What was written last, and what each pod gives, of each invoice.
    pub(super) fn last_words(&self) -> Result<(Vec<u64>, Vec<Vec<u64>>)> {
        self.traffic.versions()
    }

    /// One record as it stands in Redis.
    pub(super) fn in_redis(&self) -> Result<Option<InRedis>> {
        // KEYS is for a server of one's own, as this one is.
        let mut keys = self.redis.command(&["KEYS", "*:t:acme:invoice:*"])?;
        keys.retain(|key| !key.windows(2).any(|part| part == b":@"));
        keys.sort();
        let Some(key) = keys
            .first()
            .map(|key| String::from_utf8_lossy(key).into_owned())
        else {
            return Ok(None);
        };
        let record = self.redis.command(&["GET", &key])?.into_iter().next();
        Ok(record.and_then(|record| {
            let value = value_in(&record)?.to_vec();
            Some(InRedis { key, value })
        }))
    }
}

/// The first value of a record: a mark, `FIELD LENGTH LENGTH` and a line feed, what stands beside it, the value.
fn value_in(record: &[u8]) -> Option<&[u8]> {
    let end = record.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(record.get(..end)?).ok()?;
    let mut lengths = head.split(' ').skip(1);
    let mut length = || lengths.next()?.parse::<usize>().ok();
    let (beside, value) = (length()?, length()?);
    record.get(end + 1 + beside..end + 1 + beside + value)
}
