//! Customers: their invoices and what they owe.

mod id;
mod summary;
mod queries;

pub use id::{CustomerId, MAX_CUSTOMER_ID};
pub use queries::CustomerQueries;
pub use summary::{CurrencySummary, Summary};
