//! Invoices: what they are, how they change, how they are read.

mod amount;
mod commands;
mod draft;
mod error;
pub mod events;
mod handlers;
mod id;
mod invoice;
pub mod keys;
mod module;
mod queries;
mod reader;
mod routes;
mod store;

pub use amount::{Amount, AmountError, DECIMALS};
pub use commands::InvoiceCommands;
pub use draft::{
    Draft, InvoiceBody, LineBody, MAX_DESCRIPTION, MAX_LINES, MAX_NUMBER, MAX_QUANTITY, MAX_SKU,
};
pub use error::InvoiceError;
pub use id::{InvoiceId, InvoiceIdError};
pub use invoice::{Currency, CurrencyError, Invoice, Line, Status, total};
pub use module::InvoicesModule;
pub use queries::InvoiceQueries;
pub(crate) use queries::parse_id;
pub use reader::{CachedList, InvoiceReader};
pub(crate) use store::{NewInvoice, insert, stored_price};
