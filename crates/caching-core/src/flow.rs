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
mod fly;
mod hear;
mod hit;
mod invalidate;
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
mod resend;
mod runtime;
mod shared;
mod store;
mod timed;
mod untold;
mod version;
mod wake;

pub use self::context::FactoryContext;

pub(crate) use self::engine::{Engine, Profiles};
pub(crate) use self::flight::Flights;
#[cfg(feature = "host")]
pub(crate) use self::fly::panic_message;
pub(crate) use self::invalidate::Invalidation;
pub(crate) use self::load::{Answer, Factory, Request};
pub(crate) use self::look::{Found, Kept};
pub(crate) use self::many::{ManyFactory, Missing};
pub(crate) use self::put::Put;
pub(crate) use self::shared::{Origin, Shared};
