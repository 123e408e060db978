//! Feature flags: a tenant's own value, or else that of everybody.

mod commands;
pub mod events;
mod flag;
mod handlers;
pub mod keys;
mod module;
mod queries;
mod reader;
mod routes;

pub use commands::{FeatureCommands, FeatureError};
pub use flag::{Feature, FeatureBody, FlagScope, MAX_NAME, flag_name};
pub use module::FeaturesModule;
pub use queries::FeatureQueries;
pub use reader::FeatureReader;
