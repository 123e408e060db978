//! The steps of a call, one file each: look, fly, load, store, invalidate.

mod context;
mod engine;
mod flight;
mod fly;
mod invalidate;
mod load;
mod loading;
mod look;
mod store;

pub use self::context::FactoryContext;

pub(crate) use self::engine::{Engine, Profiles};
pub(crate) use self::flight::Flights;
pub(crate) use self::load::{Answer, Factory, Request};
pub(crate) use self::look::Found;
