//! The contract that every L2 keeps, on Redis.

use async_trait::async_trait;
use caching_core::Seq;
use caching_redis::{RedisBackplane, RedisConfig, RedisL2, RedisLink};
use caching_testkit::RedisServer;
use caching_testkit::l2_contract::L2Fixture;
use tokio::sync::Mutex;

/// A server that one test has for itself.
struct OnRedis {
    server: Mutex<RedisServer>,
}

impl OnRedis {
    async fn start() -> Self {
        let server = RedisServer::builder().append_only().start().await;
        Self {
            server: Mutex::new(server.expect("a redis-server starts")),
        }
    }

    async fn command(&self, words: &[&str]) {
        let server = self.server.lock().await;
        server.command(words).await.expect("the server answers");
    }
}

#[async_trait]
impl L2Fixture for OnRedis {
    type L2 = RedisL2;
    type Backplane = RedisBackplane;

    async fn connect(&self) -> (RedisL2, RedisBackplane) {
        let mut config = RedisConfig::new(self.server.lock().await.url());
        config.application = Some("contract".to_owned());
        let link = RedisLink::from_config(&config).expect("the configuration is right");
        (link.l2(), link.backplane())
    }

    async fn forget_everything(&self) {
        self.command(&["FLUSHALL"]).await;
    }

    async fn lose_from_log(&self, seq: Seq) {
        let id = format!("{}-0", seq.number());
        let log = format!("{{{}}}:@log", self.key_prefix());
        self.command(&["XDEL", &log, &id]).await;
    }

    async fn replace_server(&self) {
        let mut server = self.server.lock().await;
        server.restart().await.expect("the server starts again");
    }
}

caching_testkit::l2_contract_tests!(OnRedis::start().await);
