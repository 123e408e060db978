//! Invoices: what they are, how they change, how they are read.

mod amount;
mod id;
mod invoice;
mod draft;
mod error;
pub mod events;
mod store;
mod commands;
mod queries;
pub mod keys;
mod reader;
mod handlers;
mod routes;
mod module;

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
pub use reader::{CachedList, InvoiceReader};
pub(crate) use queries::parse_id;
pub(crate) use store::{NewInvoice, insert, stored_price};
