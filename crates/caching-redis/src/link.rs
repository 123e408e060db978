//! A few long-lived connections, each of which has made sure of the server before anything else.
//!
//! ```text
//! operation -> connection() -> one of the set, round robin -> send() -> answer, epoch noted
//!                  |                                            |
//!                  none: wait for the keeper, briefly           broken, demoted, another epoch:
//!                                                               out of the set, wake the keeper
//! ```

mod settings;

mod send;
mod set;
mod shared;
mod silence;

mod backoff;
mod connect;
mod hello;
mod keeper;

mod status;

use std::sync::Arc;

use crate::backplane::RedisBackplane;
use crate::config::{Connections, RedisConfig, RedisConfigError};
use crate::l2::RedisL2;

pub use self::status::{LinkCounters, LinkStatus};

pub(crate) use self::connect::{Connection, Listener};
pub(crate) use self::shared::{Opened, Shared};

use self::settings::Settings;

/// The way to one Redis server, shared by [`RedisL2`] and [`RedisBackplane`].
///
/// It connects when it is first needed, and then keeps `cache.redis.connections` open. Whatever breaks is
/// opened again by one task, 50 ms to 2 s apart; until then operations fail at once. Cheap to clone; the
/// connections end with [`close`](Self::close), or with the last clone, L2 and backplane.
#[derive(Clone, Debug)]
pub struct RedisLink {
    shared: Arc<Shared>,
}

impl RedisLink {
    /// A link as a configuration says. It opens nothing; a connection string in a file or a variable is read
    /// once, to see that it is there.
    ///
    /// # Errors
    ///
    /// [`RedisConfigError`], also where the configuration names a connection: that takes
    /// [`with_connections`](Self::with_connections).
    pub fn from_config(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        Self::with_connections(config, &Connections::new())
    }

    /// The same, with the sections that `connection` may name.
    ///
    /// # Errors
    ///
    /// [`RedisConfigError`].
    pub fn with_connections(
        config: &RedisConfig,
        connections: &Connections,
    ) -> Result<Self, RedisConfigError> {
        let shared = Shared::new(Settings::check(config, connections)?)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The L2 over this link.
    #[must_use]
    pub fn l2(&self) -> RedisL2 {
        RedisL2::new(self.shared.clone())
    }

    /// The backplane over this link.
    #[must_use]
    pub fn backplane(&self) -> RedisBackplane {
        RedisBackplane::new(self.shared.clone())
    }

    /// How the link is.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        self.shared.status.now()
    }

    /// What has happened to it since it was made.
    #[must_use]
    pub fn counters(&self) -> LinkCounters {
        self.shared.status.counters()
    }

    /// Closes every connection. Operations fail from now on.
    pub fn close(&self) {
        self.shared.close();
    }
}
