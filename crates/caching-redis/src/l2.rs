//! The store that processes share, on Redis.

mod answer;
mod reads;
mod send;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caching_core::{
    Address, Applied, Asof, Change, Claim, Deployment, Epoch, FillAnswer, KeyName, L2, L2Error,
    Mode, Partition, PollAnswer, PurgedAnswer, PutAnswer, ReadAnswer, Record,
};
use deadpool_redis::redis::{Cmd, Value, pipe};

use crate::error::RedisLinkError;
use crate::link::{Connection, Opened, Shared};
use crate::scripts::SCRIPTS;
use crate::wire;

use self::reads::Reads;
use self::send::{Sendable, check_address, check_group};

/// Its one partition: a single server.
const PARTITION: Partition = Partition::new(0);

/// How many entries of the log one answer holds, and about how many bytes.
const PAGE: (usize, usize) = (512, 1024 * 1024);

/// Records and the sequence of invalidations that guards them, on a Redis server.
///
/// It comes from [`RedisLink::l2`](crate::RedisLink::l2). Each operation is one round trip; whatever stores or
/// invalidates is one script. Clones are the same.
///
/// Nothing here waits for longer than half a second for a connection, and for an answer as long as the caller
/// does: time limits are the cache's.
///
/// Where the server has no memory left, what stores fails with
/// [`Full`](caching_core::L2ErrorKind::Full) and has changed nothing, a [`put`](L2::put) neither: invalidate
/// then, which works.
#[derive(Clone)]
pub struct RedisL2 {
    shared: Arc<Shared>,
    reads: Arc<Reads>,
}

impl RedisL2 {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            reads: Arc::new(Reads::new()),
        }
    }

    /// A connection for an operation on a partition.
    async fn connection(&self, partition: Partition) -> Result<Connection, RedisLinkError> {
        check_partition(partition)?;
        self.shared.connection().await
    }

    /// Runs a script that takes the keys that most scripts take, and may begin an epoch.
    async fn run_shared(
        &self,
        connection: &Connection,
        script: &crate::scripts::Script,
        further_keys: &[String],
        arguments: impl Fn(&mut Cmd, &Opened),
    ) -> Result<Value, RedisLinkError> {
        let opened = self.shared.opened()?;
        let (nonce, bound) = self.shared.epoch_arguments(opened);
        let run = self.shared.run(connection, script, |command| {
            command
                .arg(opened.names.shared.len() + further_keys.len())
                .arg(&opened.names.shared)
                .arg(further_keys)
                .arg(&nonce)
                .arg(bound);
            arguments(command, opened);
        });
        run.await
    }

    /// A demoted server answers reads without an error, and the rest where it needs no replicas: what comes
    /// from it after it was found out is void.
    fn still_counts(
        &self,
        connection: &Connection,
        epoch: Option<Epoch>,
    ) -> Result<(), RedisLinkError> {
        if self.shared.still_counts(connection, epoch) {
            Ok(())
        } else {
            Err(RedisLinkError::Distrusted)
        }
    }

    fn applied(
        &self,
        connection: &Connection,
        answer: &Value,
        operation: &'static str,
    ) -> Result<Applied, RedisLinkError> {
        let applied = answer::applied(answer).ok_or(RedisLinkError::Answer { operation })?;
        self.still_counts(connection, Some(applied.at.epoch))?;
        self.shared.saw(connection, applied.at.epoch);
        Ok(applied)
    }

    async fn invalidate_keys(
        &self,
        partition: Partition,
        keys: &[KeyName],
        mode: Mode,
    ) -> Result<Applied, RedisLinkError> {
        let change = send::change(keys, mode)?;
        let opened = self.shared.opened()?;
        let records: Vec<String> = keys.iter().map(|key| opened.names.record(key)).collect();
        let connection = self.connection(partition).await?;
        let answer = self
            .run_shared(
                &connection,
                &SCRIPTS.invalidate,
                &records,
                |command, opened| {
                    command
                        .arg(&opened.names.channel)
                        .arg(&change)
                        .arg(wire::encode_mode(mode));
                    for key in keys {
                        command.arg(key.stripe());
                    }
                },
            )
            .await?;
        self.applied(&connection, &answer, "invalidate")
    }

    async fn purge(
        &self,
        partition: Partition,
        group: &str,
        mode: Mode,
    ) -> Result<Applied, RedisLinkError> {
        check_group(group)?;
        let connection = self.connection(partition).await?;
        let answer = self
            .run_shared(&connection, &SCRIPTS.purge, &[], |command, opened| {
                command
                    .arg(&opened.names.channel)
                    .arg(wire::encode_mode(mode))
                    .arg(group);
            })
            .await?;
        self.applied(&connection, &answer, "purge")
    }
}

#[async_trait]
impl L2 for RedisL2 {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn open(&self, deployment: &Deployment) {
        self.shared.open(deployment);
    }

    fn partitions(&self) -> u16 {
        1
    }

    fn partition_of(&self, _: &KeyName) -> Partition {
        PARTITION
    }

    async fn read(&self, address: Address<'_>) -> Result<ReadAnswer, L2Error> {
        check_address(address)?;
        check_partition(address.partition)?;
        Ok(self.reads.read(&self.shared, address).await?)
    }

    async fn read_many(&self, addresses: &[Address<'_>]) -> Result<Vec<ReadAnswer>, L2Error> {
        for address in addresses {
            check_address(*address)?;
            check_partition(address.partition)?;
        }
        Ok(self.reads.read_many(&self.shared, addresses).await?)
    }

    async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> Result<FillAnswer, L2Error> {
        check_address(address)?;
        let sendable = Sendable::new(record)?;
        let connection = self.connection(address.partition).await?;
        let names = &self.shared.opened()?.names;
        let token = claim.map(send::token).unwrap_or_default();
        let keys = [
            names.control(),
            &names.record(address.key),
            &names.claim(address),
        ];
        let answer = self
            .shared
            .run(&connection, &SCRIPTS.fill, |command| {
                command
                    .arg(keys.len())
                    .arg(&keys)
                    .arg(wire::hex(asof.epoch))
                    .arg(asof.seq.number())
                    .arg(address.key.stripe());
                sendable.add(command, address.field);
                command.arg(&token);
            })
            .await?;
        let filled = answer::fill(&answer).ok_or(RedisLinkError::Answer { operation: "fill" })?;
        self.still_counts(&connection, filled.epoch)?;
        if let Some(epoch) = filled.epoch {
            self.shared.saw(&connection, epoch);
        }
        if filled.replaced_another {
            self.shared.status.replaced_another();
        }
        Ok(filled.answer)
    }

    async fn put(
        &self,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> Result<PutAnswer, L2Error> {
        check_address(address)?;
        let sendable = Sendable::new(record)?;
        let change = send::change(std::slice::from_ref(address.key), Mode::Remove)?;
        let connection = self.connection(address.partition).await?;
        let key = [self.shared.opened()?.names.record(address.key)];
        let answer = self
            .run_shared(&connection, &SCRIPTS.put, &key, |command, opened| {
                command
                    .arg(&opened.names.channel)
                    .arg(&change)
                    .arg(address.key.stripe());
                match since {
                    Some(since) => command.arg(wire::hex(since.epoch)).arg(since.seq.number()),
                    None => command.arg("").arg(""),
                };
                sendable.add(command, address.field);
            })
            .await?;
        let applied = self.applied(&connection, &answer, "put")?;
        Ok(if answer::was_stored(&answer) {
            PutAnswer::Stored(applied)
        } else {
            PutAnswer::Invalidated(applied)
        })
    }

    async fn invalidate(&self, partition: Partition, change: &Change) -> Result<Applied, L2Error> {
        let applied = match change {
            Change::Keys { keys, mode } => self.invalidate_keys(partition, keys, *mode).await,
            // The store gives the clock, whatever stands there.
            Change::Group { group, mode, .. } => self.purge(partition, group, *mode).await,
            _ => Err(RedisLinkError::Unsendable("a change of an unknown kind")),
        };
        Ok(applied?)
    }

    async fn purged(
        &self,
        partition: Partition,
        groups: &[String],
    ) -> Result<PurgedAnswer, L2Error> {
        let connection = self.connection(partition).await?;
        let names = &self.shared.opened()?.names;
        let mut questions = pipe();
        // The younger generation first and the floor last: what grows old between the questions is then
        // found in the older generation, or below the floor.
        for generation in [names.tags(), names.tags_of_before()] {
            let question = questions.cmd("HMGET").arg(generation);
            question.arg("@");
            for group in groups {
                check_group(group)?;
                question.arg(format!("r{group}")).arg(format!("e{group}"));
            }
        }
        questions
            .cmd("HMGET")
            .arg(names.control())
            .arg(&["e", "c", "f", "g"]);
        let answers = self.shared.send_all(&connection, &questions).await?;
        let answer = answer::purged(&answers, groups.len()).ok_or(RedisLinkError::Answer {
            operation: "purged",
        })?;
        self.still_counts(&connection, answer.epoch)?;
        if let Some(epoch) = answer.epoch {
            self.shared.saw(&connection, epoch);
        }
        Ok(answer)
    }

    async fn claim(
        &self,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> Result<bool, L2Error> {
        check_address(address)?;
        let connection = self.connection(address.partition).await?;
        let key = self.shared.opened()?.names.claim(address);
        let answer = self
            .shared
            .run(&connection, &SCRIPTS.claim, |command| {
                command
                    .arg(1)
                    .arg(&key)
                    .arg(send::token(claim))
                    .arg(send::milliseconds(at_most).max(1));
            })
            .await?;
        Ok(answer == Value::Int(1))
    }

    async fn release(&self, address: Address<'_>, claim: Claim) -> Result<(), L2Error> {
        check_address(address)?;
        let connection = self.connection(address.partition).await?;
        let key = self.shared.opened()?.names.claim(address);
        self.shared
            .run(&connection, &SCRIPTS.release, |command| {
                command.arg(1).arg(&key).arg(send::token(claim));
            })
            .await?;
        Ok(())
    }

    async fn poll(&self, partition: Partition, known: Asof) -> Result<PollAnswer, L2Error> {
        let connection = self.connection(partition).await?;
        let answer = self
            .run_shared(&connection, &SCRIPTS.poll, &[], |command, _| {
                command
                    .arg(wire::hex(known.epoch))
                    .arg(known.seq.number())
                    .arg(PAGE.0)
                    .arg(PAGE.1);
            })
            .await?;
        let (answer, epoch) =
            answer::poll(&answer, known).ok_or(RedisLinkError::Answer { operation: "poll" })?;
        self.still_counts(&connection, Some(epoch))?;
        self.shared.saw(&connection, epoch);
        Ok(answer)
    }

    async fn close(&self) {
        self.shared.close();
    }
}

fn check_partition(partition: Partition) -> Result<(), RedisLinkError> {
    match partition {
        PARTITION => Ok(()),
        _ => Err(RedisLinkError::Unsendable("there is partition 0 only")),
    }
}

impl fmt::Debug for RedisL2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisL2").finish_non_exhaustive()
    }
}
