//! Feature flags: a tenant's own value, or else that of everybody.

mod flag;
pub mod events;
mod commands;
mod queries;
pub mod keys;
mod reader;
mod handlers;
mod routes;
mod module;

pub use commands::{FeatureCommands, FeatureError};
pub use flag::{Feature, FeatureBody, FlagScope, MAX_NAME, flag_name};
pub use module::FeaturesModule;
pub use queries::FeatureQueries;
pub use reader::FeatureReader;
