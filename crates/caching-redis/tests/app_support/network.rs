//! Pods that hear Redis badly, or not at all.

use std::net::SocketAddr;

use caching_testkit::{FaultProxy, RedisServer};

use super::{Pod, redis};

/// A pod behind a proxy of its own.
pub async fn through(server: &RedisServer, settings: &str) -> (Pod, FaultProxy) {
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let pod = Pod::at(&server.url_at(proxy.address()), settings).await;
    (pod, proxy)
}

/// Where a pod connects as a user that may do everything but subscribe: it hears no notice, ever. Its
/// polls tell it, by and by.
pub async fn deaf_url(server: &RedisServer, address: SocketAddr) -> String {
    let user = [
        "ACL",
        "SETUSER",
        "deaf",
        "on",
        ">deaf",
        "~*",
        "&*",
        "+@all",
        "-subscribe",
    ];
    redis(server, user).await;
    format!("redis://deaf:deaf@{address}/")
}

/// Whether scripts may say on a channel what they have done.
pub async fn mute(server: &RedisServer, is_mute: bool) {
    let publish = if is_mute { "-publish" } else { "+publish" };
    redis(server, ["ACL", "SETUSER", "default", publish]).await;
}

/// How often Redis was asked for records: each time it is asked for its time, too.
pub async fn reads(server: &RedisServer) -> u64 {
    server.info("commandstats").await.unwrap().calls("time")
}
