//! The shared level and the backplane of the cache on Redis.
//!
//! [`RedisL2`] keeps records and the sequence of invalidations that guards them; [`RedisBackplane`] delivers
//! notices. Both go over one [`RedisLink`]: a few long-lived connections, each of which has made sure of the
//! server before anything else is sent over it.
//!
//! ```
//! use std::time::Duration;
//!
//! use caching_core::{Deployment, L2};
//! use caching_redis::{RedisConfig, RedisLink};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = caching_testkit::RedisServer::start().await?;
//! # let url = server.url();
//! let link = RedisLink::from_config(&RedisConfig::new(url))?;
//! let l2 = link.l2();
//! // The cache does this when it is built:
//! l2.open(&Deployment::new("shop", Duration::from_secs(1)));
//! # let key = caching_core::KeyName::parse("shared greeting:x")?;
//! # let address = caching_core::Address::new(l2.partition_of(&key), &key, "json.1");
//! # assert_eq!(l2.read(address).await?.found, caching_core::Find::Nothing);
//! # l2.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! In an app host, `CachingRedisModule` does this for the cache of the application.
//!
//! # What is needed
//!
//! A single Redis 7.0 or later, or what speaks its protocol and runs its scripts; the primary, never a replica.
//!
//! # Features
//!
//! | feature | on by default | what |
//! | --- | --- | --- |
//! | `host` | yes | `CachingRedisModule` for an app host |
//! | `tls` | yes | `rediss://`, by rustls |

mod config;
mod place;

mod error;
mod names;
mod scripts;
mod wire;

mod link;

mod backplane;
mod l2;

#[cfg(feature = "host")]
mod module;

pub use crate::backplane::RedisBackplane;
pub use crate::config::{
    ConnectionConfig, Connections, RedisConfig, RedisConfigError, RedisUrl, UrlError,
};
pub use crate::error::{RedisLinkError, Refusal};
pub use crate::l2::RedisL2;
pub use crate::link::{LinkCounters, LinkStatus, RedisLink};
#[cfg(feature = "host")]
pub use crate::module::CachingRedisModule;

// The guide's code is compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../../docs/guides/redis.md")]
struct Guide;
