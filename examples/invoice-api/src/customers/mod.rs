//! Customers: their invoices and what they owe.

mod handlers;
mod id;
pub mod keys;
mod module;
mod queries;
mod reader;
mod routes;
mod summary;

pub use id::{CustomerId, MAX_CUSTOMER_ID};
pub use module::CustomersModule;
pub use queries::CustomerQueries;
pub use reader::CustomerReader;
pub use summary::{CurrencySummary, Summary};
