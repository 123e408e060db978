//! Notices of other processes, over a channel of Redis.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use caching_core::{Backplane, BoxError, BoxFuture, Deployment, Notice};
use deadpool_redis::redis::{PushInfo, PushKind, Value, cmd};
use tokio::sync::{mpsc, watch};

use crate::error::RedisLinkError;
use crate::link::{Connection, Listener, Shared};
use crate::wire;

/// How often a connection that only listens is asked whether it still hears: a network that swallows
/// everything says nothing.
const ASK: Duration = Duration::from_secs(5);

/// How often a subscription is tried where the server changes meanwhile.
const ATTEMPTS: usize = 3;

/// Delivers notices over Redis' publish and subscribe.
///
/// It comes from [`RedisLink::backplane`](crate::RedisLink::backplane). A subscription is a connection of its
/// own, to a server that was asked as for all others; it ends when that server may no longer be the right one.
/// Clones are the same, and close together.
#[derive(Clone)]
pub struct RedisBackplane {
    shared: Arc<Shared>,
    is_closed: watch::Sender<bool>,
}

impl RedisBackplane {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            is_closed: watch::Sender::new(false),
        }
    }

    async fn try_subscribe(
        &self,
        listener: &Arc<dyn Fn(Notice) + Send + Sync>,
    ) -> Result<Subscription, RedisLinkError> {
        let channel = self.shared.opened()?.names.channel.clone();
        // One word at most: that the connection has ended. It is dropped with the connection's task, which
        // says the same.
        let (ended, has_ended) = mpsc::unbounded_channel();
        let hear = Hear {
            shared: Arc::downgrade(&self.shared),
            listener: listener.clone(),
            ended,
            has_skipped: AtomicBool::new(false),
        };
        let listener = Listener::Messages(Box::new(move |push| hear.push(push)));
        let connection = self.shared.connect(listener).await?;
        let subscribe = async { connection.multiplexed().subscribe(&channel).await };
        match tokio::time::timeout(self.shared.connect_timeout(), subscribe).await {
            Ok(confirmed) => confirmed.map_err(RedisLinkError::client)?,
            Err(_) => return Err(RedisLinkError::ConnectTimeout),
        }
        Ok(Subscription {
            generation: self.shared.watch_generation(),
            shared: self.shared.clone(),
            connection,
            has_ended,
            is_closed: self.is_closed.subscribe(),
            _open: self.is_closed.clone(),
        })
    }
}

#[async_trait]
impl Backplane for RedisBackplane {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn open(&self, deployment: &Deployment) {
        self.shared.open(deployment);
    }

    async fn subscribe(
        &self,
        listener: Box<dyn Fn(Notice) + Send + Sync>,
    ) -> Result<BoxFuture<'static, BoxError>, BoxError> {
        let listener: Arc<dyn Fn(Notice) + Send + Sync> = listener.into();
        let mut attempts = 1..=ATTEMPTS;
        loop {
            attempts.next();
            if *self.is_closed.borrow() {
                return Err(RedisLinkError::Closed.into());
            }
            match self.try_subscribe(&listener).await {
                Ok(subscription) => return Ok(Box::pin(subscription.drive())),
                Err(RedisLinkError::Distrusted) if !attempts.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn close(&self) {
        self.is_closed.send_replace(true);
    }
}

impl fmt::Debug for RedisBackplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackplane").finish_non_exhaustive()
    }
}

/// What comes in on the connection. It runs where the connection is read, so that a notice waits for nobody.
struct Hear {
    shared: std::sync::Weak<Shared>,
    listener: Arc<dyn Fn(Notice) + Send + Sync>,
    ended: mpsc::UnboundedSender<()>,
    has_skipped: AtomicBool,
}

impl Hear {
    fn push(&self, push: PushInfo) {
        match push.kind {
            PushKind::Message => match notice(&push.data) {
                Some(notice) => (self.listener)(notice),
                None => self.skip(),
            },
            PushKind::Disconnection => {
                // Nobody listens where the subscription was dropped.
                let _ = self.ended.send(());
            }
            _ => {}
        }
    }

    fn skip(&self) {
        // Relaxed: it decides about a line in the log.
        let is_first = !self.has_skipped.swap(true, Ordering::Relaxed);
        if let Some(shared) = self.shared.upgrade() {
            shared.status.malformed_notice(is_first);
        }
    }
}

/// The channel, and what was said on it.
fn notice(data: &[Value]) -> Option<Notice> {
    wire::notice(wire::bytes(data.get(1)?)?)
}

/// A subscription that the server knows of. It ends with this.
struct Subscription {
    shared: Arc<Shared>,
    connection: Connection,
    generation: watch::Receiver<u64>,
    has_ended: mpsc::UnboundedReceiver<()>,
    is_closed: watch::Receiver<bool>,
    /// A subscription outlives the handle that it was made with; only `close` ends it.
    _open: watch::Sender<bool>,
}

impl Subscription {
    async fn drive(mut self) -> BoxError {
        loop {
            if *self.is_closed.borrow_and_update() {
                return RedisLinkError::Closed.into();
            }
            // A demoted server may go on to deliver what nobody should hear.
            if *self.generation.borrow_and_update() != self.connection.generation() {
                return RedisLinkError::Distrusted.into();
            }
            tokio::select! {
                _ = self.has_ended.recv() => {
                    return RedisLinkError::Io("the subscription ended".to_owned()).into();
                }
                // They fail only without a sender, and both are held here.
                _ = self.is_closed.changed() => {}
                _ = self.generation.changed() => {}
                () = tokio::time::sleep(ASK) => if let Err(error) = self.ask().await {
                    return error.into();
                },
            }
        }
    }

    async fn ask(&self) -> Result<(), RedisLinkError> {
        let ping = cmd("PING");
        let mut connection = self.connection.multiplexed();
        let answer = connection.send_packed_command(&ping);
        match tokio::time::timeout(self.shared.connect_timeout(), answer).await {
            Ok(answer) => answer.map(drop).map_err(RedisLinkError::client),
            Err(_) => Err(RedisLinkError::ConnectTimeout),
        }
    }
}
