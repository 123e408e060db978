//! Customers: their invoices and what they owe.

mod id;
mod summary;
mod queries;
pub mod keys;
mod reader;
mod handlers;
mod routes;
mod module;

pub use id::{CustomerId, MAX_CUSTOMER_ID};
pub use module::CustomersModule;
pub use queries::CustomerQueries;
pub use reader::CustomerReader;
pub use summary::{CurrencySummary, Summary};
