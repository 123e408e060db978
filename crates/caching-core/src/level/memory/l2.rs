//! The L2 of a store within the process.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::coherence::{Applied, Asof, Change, Partition};
use crate::key::KeyName;
use crate::level::{
    Address, Claim, Deployment, FillAnswer, L2, L2Error, PollAnswer, PurgedAnswer, PutAnswer,
    ReadAnswer, Record,
};

use super::connection::{Connection, ConnectionError};

/// Its one partition.
const PARTITION: Partition = Partition::new(0);

/// A connection to a [`MemoryStore`](crate::MemoryStore), for one cache. Clones are the same connection, and
/// close together.
///
/// No operation waits, and none fails but before `open`, after `close`, and of a partition other than 0.
#[derive(Clone)]
pub struct MemoryL2 {
    connection: Connection,
}

impl MemoryL2 {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn deployment(&self, partition: Partition) -> Result<&Deployment, ConnectionError> {
        if partition != PARTITION {
            return Err(ConnectionError::NoSuchPartition);
        }
        self.connection.deployment()
    }
}

#[async_trait]
impl L2 for MemoryL2 {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn open(&self, deployment: &Deployment) {
        self.connection.open(deployment);
    }

    fn partitions(&self) -> u16 {
        1
    }

    fn partition_of(&self, _: &KeyName) -> Partition {
        PARTITION
    }

    async fn read(&self, address: Address<'_>) -> Result<ReadAnswer, L2Error> {
        let deployment = self.deployment(address.partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| {
            (ledger.read(call, address), None)
        }))
    }

    async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> Result<FillAnswer, L2Error> {
        let deployment = self.deployment(address.partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| {
            (ledger.fill(call, address, record, asof, claim), None)
        }))
    }

    async fn put(
        &self,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> Result<PutAnswer, L2Error> {
        let deployment = self.deployment(address.partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| {
            let (answer, notice) = ledger.put(call, address, record, since);
            (answer, Some(notice))
        }))
    }

    async fn invalidate(&self, partition: Partition, change: &Change) -> Result<Applied, L2Error> {
        let deployment = self.deployment(partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| {
            let (applied, notice) = ledger.invalidate(call, partition, change.clone());
            (applied, Some(notice))
        }))
    }

    async fn purged(
        &self,
        partition: Partition,
        groups: &[String],
    ) -> Result<PurgedAnswer, L2Error> {
        let deployment = self.deployment(partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, _| (ledger.purged(groups), None)))
    }

    async fn claim(
        &self,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> Result<bool, L2Error> {
        let deployment = self.deployment(address.partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| {
            (ledger.claim(call, address, claim, at_most), None)
        }))
    }

    async fn release(&self, address: Address<'_>, claim: Claim) -> Result<(), L2Error> {
        let deployment = self.deployment(address.partition)?;
        let store = &self.connection.store;
        store.act(deployment, |ledger, _| {
            (ledger.release(address.key, address.field, claim), None)
        });
        Ok(())
    }

    async fn poll(&self, partition: Partition, known: Asof) -> Result<PollAnswer, L2Error> {
        let deployment = self.deployment(partition)?;
        let store = &self.connection.store;
        Ok(store.act(deployment, |ledger, call| (ledger.poll(call, known), None)))
    }

    async fn close(&self) {
        self.connection.closed.cancel();
    }
}

impl fmt::Debug for MemoryL2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryL2").finish_non_exhaustive()
    }
}
