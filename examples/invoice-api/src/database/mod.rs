//! The SQLite file: settings, connections, schema, and a count of the queries.

mod config;
mod connection;
mod error;
mod migrations;
mod module;
mod queries;
mod transaction;

pub use config::{DatabaseConfig, DatabaseUrl, DatabaseUrlError};
pub use connection::Database;
pub use error::DatabaseError;
pub use module::DatabaseModule;
pub use queries::{QueryCounter, QueryLabels};
pub use transaction::WriteTransaction;
