//! Several processes of the program over one database and one Redis.

use std::{array, path::PathBuf, process::Command};

use caching_testkit::RedisServer;
use futures::future::join_all;
use tempfile::TempDir;

use super::{Program, command};

/// 32 bytes in base64, for tests.
pub const KEY: &str = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=";
/// Another 32 bytes.
pub const NEXT_KEY: &str = "7hSMrLq2ZrQ5N5CN8kN0dBYd9dVFQTQhSXKkzMGUG3g=";

/// What the processes of a deployment have in common.
pub struct Deployment {
    pub redis: RedisServer,
    dir: TempDir,
}

impl Deployment {
    /// With a server of its own, and no process yet.
    pub async fn start() -> Self {
        Self::with(RedisServer::start().await.expect("a server")).await
    }

    pub async fn with(redis: RedisServer) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { redis, dir }
    }

    /// A file in the folder of the deployment.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A process of it, in production, that encrypts; to be changed before it is run.
    pub fn command(&self) -> Command {
        let mut command = self.plain_command();
        command.env("APP__CACHE__ENCRYPTION__KEY", KEY);
        command
    }

    /// The same without a key.
    pub fn plain_command(&self) -> Command {
        let mut command = command(&self.path("invoices.sqlite"));
        command.env("APP__CACHE__REDIS__URL", self.redis.url());
        command
    }

    /// So many processes that encrypt.
    pub async fn pods<const N: usize>(&self) -> [Program; N] {
        self.run(array::from_fn(|_| self.command())).await
    }

    pub async fn run<const N: usize>(&self, commands: [Command; N]) -> [Program; N] {
        let pods = join_all(commands.map(Program::run)).await;
        pods.try_into()
            .unwrap_or_else(|_| panic!("as many as there are commands"))
    }

    /// All keys below the prefix.
    pub async fn keys(&self) -> Vec<String> {
        let reply = self.redis.command(["KEYS", "*"]).await.expect("an answer");
        let names = reply.items().iter();
        names
            .map(|name| name.text().expect("text").to_owned())
            .collect()
    }

    /// All bytes of a record; none where it has gone meanwhile.
    pub async fn bytes(&self, key: &str) -> Vec<u8> {
        let reply = self.redis.command(["GET", key]).await.expect("an answer");
        reply.bytes().map(<[u8]>::to_vec).unwrap_or_default()
    }
}
