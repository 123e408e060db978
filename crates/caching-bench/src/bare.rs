//! Bare connections: as many as the cache has, shared by all callers.

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{Client, Cmd, Pipeline, Value};

use crate::Result;

/// As many as a cache has unless its configuration says otherwise.
const CONNECTIONS: usize = 2;

#[derive(Clone)]
pub(crate) struct Bare(Vec<MultiplexedConnection>);

impl Bare {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let client = Client::open(url)?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(client.get_multiplexed_async_connection().await?);
        }
        Ok(Self(connections))
    }

    pub(crate) async fn run(&self, caller: usize, command: &Cmd) -> Result<Value> {
        Ok(command
            .query_async(&mut self.0[caller % CONNECTIONS].clone())
            .await?)
    }

    pub(crate) async fn run_all(&self, caller: usize, commands: &Pipeline) -> Result<Value> {
        Ok(commands
            .query_async(&mut self.0[caller % CONNECTIONS].clone())
            .await?)
    }
}
