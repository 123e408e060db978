//! The sections of the configuration that the host itself reads.

use std::time::Duration;

use serde::Deserialize;

/// The section `[app]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AppConfig {
    /// The name of the application, which wins over [`AppBuilder::name`](crate::AppBuilder::name).
    /// Default: that name, or `app`.
    pub name: Option<String>,
}

/// The section `[server]`: the socket, the limits of requests, the time that a stop may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Where to listen, as `host:port`; port 0 takes a free one. The server runs when a module brought
    /// routes, or when this is set. Default: `127.0.0.1:8080`
    pub address: String,

    /// How long a stop may take in all, from the signal to the end; Kubernetes grants as much by default.
    /// Default: `30s`
    #[serde(with = "crate::duration")]
    pub shutdown_deadline: Duration,

    /// How much of `shutdown_deadline` running requests may take before they are cut off; what is left is for
    /// the modules. Default: `20s`
    #[serde(with = "crate::duration")]
    pub drain_deadline: Duration,

    /// How long requests are still taken after readiness has said 503, so that a load balancer can notice; a
    /// part of `drain_deadline`. Default: `0s`
    #[serde(with = "crate::duration")]
    pub drain_delay: Duration,

    /// The longest body that extractors of a request take; a longer one is answered with 413.
    /// Default: `2MiB`
    #[serde(with = "crate::bytes")]
    pub body_limit: u64,

    /// How long a client may take to send the head of a request. Default: `10s`
    #[serde(with = "crate::duration")]
    pub header_timeout: Duration,

    /// So many connections are open at once; further ones wait to be accepted. Default: `10000`
    pub max_connections: u32,

    /// How long one health check may take before it counts as down. Default: `1s`
    #[serde(with = "crate::duration")]
    pub health_check_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:8080".to_owned(),
            shutdown_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(20),
            drain_delay: Duration::ZERO,
            body_limit: 2 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            max_connections: 10_000,
            health_check_timeout: Duration::from_secs(1),
        }
    }
}

impl ServerConfig {
    /// What the types do not check: the key and what is expected of it.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let rules = [
            (
                self.address.is_empty(),
                "address",
                "expected `host:port`, found nothing",
            ),
            (
                self.shutdown_deadline.is_zero(),
                "shutdown_deadline",
                "expected more than 0s",
            ),
            (
                self.drain_deadline > self.shutdown_deadline,
                "drain_deadline",
                "expected at most `server.shutdown_deadline`",
            ),
            (
                self.drain_delay > self.drain_deadline,
                "drain_delay",
                "expected at most `server.drain_deadline`",
            ),
            (
                self.header_timeout.is_zero(),
                "header_timeout",
                "expected more than 0s",
            ),
            (
                self.max_connections == 0,
                "max_connections",
                "expected at least 1",
            ),
            (
                self.health_check_timeout.is_zero(),
                "health_check_timeout",
                "expected more than 0s",
            ),
        ];
        rules
            .into_iter()
            .filter(|(is_broken, ..)| *is_broken)
            .map(|(_, key, expectation)| (key, expectation))
            .collect()
    }
}
