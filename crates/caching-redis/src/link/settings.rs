//! What a configuration says, checked.

use std::time::Duration;

use crate::config::{Connections, RedisConfig, RedisConfigError};
use crate::place::Place;

/// What a configuration says, checked.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) allow_eviction: bool,
    pub(super) application: Option<String>,
}

impl Settings {
    pub(super) fn check(
        config: &RedisConfig,
        connections: &Connections,
    ) -> Result<Self, RedisConfigError> {
        let refuse = |setting, found: String, bounds| RedisConfigError::OutOfBounds {
            setting,
            found,
            bounds,
        };
        if !(1..=64).contains(&config.connections) {
            let found = config.connections.to_string();
            return Err(refuse("connections", found, "from 1 to 64"));
        }
        let timeout = config.connect_timeout;
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&timeout) {
            let found = format!("{timeout:?}");
            return Err(refuse("connect_timeout", found, "from 10ms to 1m"));
        }
        Ok(Self {
            place: Place::of(config, connections)?,
            connections: config.connections,
            connect_timeout: timeout,
            allow_eviction: config.allow_eviction,
            application: config.application.clone(),
        })
    }
}
