//! A multi-tenant invoice API, made of modules in an app host.
//!
//! Each feature is a folder. Its `commands.rs` and `store.rs` write: one transaction and one event each,
//! without knowing who listens. Its `reader.rs` reads through the cache, and `handlers.rs` says what the cache
//! forgets when an event came. Where and how long things are kept stands in `config/default.toml`.

mod app;
pub mod cli;
pub mod customers;
pub mod database;
pub mod features;
pub mod http;
pub mod import;
pub mod invoices;
pub mod telemetry;
pub mod tenants;
pub mod text;

pub use app::app;
