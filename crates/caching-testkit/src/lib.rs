//! For tests: the real thing, and ways to break it.
//!
//! A cache over a network is right or wrong in the moments that no mock has. This crate starts what production
//! runs, makes it fail as production does, and forces the order in which things happen:
//!
//! | what | for |
//! | --- | --- |
//! | [`RedisServer`] | a real `redis-server` of one's own: paused, killed, flushed, restarted empty or from an old snapshot |
//! | [`RedisRecord`] | what the cache keeps in Redis under a key, to be looked at and altered |
//! | [`FaultProxy`] | a TCP proxy: cut, blackhole, hold, delay, slow, cut in the middle; each direction on its own |
//! | [`Pod`], [`serve_pod`] | instances of a program as processes that are asked, paused and killed |
//! | [`Gate`] | holds tasks back, and tells when they have come |
//! | [`Source`] | factories that are counted, and wait at a gate |
//! | [`ChaosL2`], [`ChaosBackplane`] | a shared level whose operations and notices fail, wait and get lost on demand |
//! | [`l2_contract`] | the contract that every L2 keeps, as a suite of tests |
//!
//! Of the cache it knows the seams and how a record stands in Redis; it has no Redis client of anybody's, so that it
//! can judge any. What
//! it starts ends with the test, however that ends.
//!
//! ```
//! use caching_testkit::{Fault, FaultProxy, RedisServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = RedisServer::start().await?;
//! let proxy = FaultProxy::start(server.address()).await?;
//! let url = server.url_at(proxy.address()); // what the program under test connects to
//! # let _ = url;
//!
//! proxy.set_to_client(Fault::Blackhole); // the server hears the program and its answers are lost
//! server.pause()?; // or it hears nothing
//! # server.resume()?;
//! # Ok(())
//! # }
//! ```
//!
//! The guide *Testing with Redis* in the repository shows how these are used together.
//!
//! # Platforms
//!
//! Linux and macOS; what starts processes (`RedisServer`, `Pod`) is there on Unix only.

mod gate;
mod source;

mod chaos;
pub mod l2_contract;

mod proxy;

#[cfg(unix)]
mod pod;
#[cfg(unix)]
mod redis;

#[cfg(unix)]
mod blocking;
#[cfg(unix)]
mod process;

pub use crate::gate::Gate;
pub use crate::source::{Answer, Source};

pub use crate::chaos::{ChaosBackplane, ChaosL2, L2Fault, L2Operation, NoticeFault};

pub use crate::proxy::{Fault, FaultProxy, ProxyConnection, ProxyCounters};

#[cfg(unix)]
pub use crate::pod::{Pod, PodBuilder, PodError, PodLines, serve_pod};
#[cfg(unix)]
pub use crate::redis::{
    RedisInfo, RedisRecord, RedisReply, RedisSegment, RedisServer, RedisServerBuilder,
    RedisServerError, RedisSnapshot,
};

// The guide's code is compiled and run with the documentation tests.
#[cfg(all(doctest, unix))]
#[doc = include_str!("../../../docs/guides/testing-with-redis.md")]
struct Guide;
