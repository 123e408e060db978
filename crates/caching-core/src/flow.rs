//! The steps of a call, one file each: look, load, approach, fly, offer, store; invalidate, put; hear.

mod approach;
mod changes;
mod consult;
mod context;
mod driver;
mod engine;
mod explain;
mod fetch;
mod flight;
mod flights;
mod fly;
mod hear;
mod hit;
mod invalidate;
mod join;
mod lag;
mod listen;
mod load;
mod loading;
mod look;
mod many;
mod offer;
mod poll;
mod put;
mod reap;
mod refresh;
mod request;
mod resend;
mod runtime;
mod shared;
mod store;
mod timed;
mod untold;
mod version;
mod wait;
mod waiters;
mod wake;

pub use self::context::FactoryContext;

pub(crate) use self::engine::{Engine, Profiles};
pub(crate) use self::flights::Flights;
#[cfg(feature = "host")]
pub(crate) use self::fly::panic_message;
pub(crate) use self::invalidate::Invalidation;
pub(crate) use self::load::{Begun, Boarded};
pub(crate) use self::look::{Found, Kept};
pub(crate) use self::many::{ManyFactory, Missing};
pub(crate) use self::put::Put;
pub(crate) use self::request::{Answer, Factory, Request, Terms};
pub(crate) use self::shared::{Origin, Shared};
pub(crate) use self::wait::Waiter;
