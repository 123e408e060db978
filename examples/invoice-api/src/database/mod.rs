//! The SQLite file: settings, connections, schema, and a count of the queries.

mod config;
mod connection;
mod transaction;
mod error;
mod migrations;
mod queries;
mod module;

pub use config::{DatabaseConfig, DatabaseUrl, DatabaseUrlError};
pub use connection::Database;
pub use transaction::WriteTransaction;
pub use error::DatabaseError;
pub use module::DatabaseModule;
pub use queries::{QueryCounter, QueryLabels};
