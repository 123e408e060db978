//! What is cached about invoices, and under which names.

use caching_core::CacheKey;

use super::{Invoice, InvoiceId};

/// An invoice by its id, or that there is none.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
pub struct InvoiceKey {
    /// The invoice's id.
    pub id: InvoiceId,
}

/// The id of the invoice of a number, or that there is none.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(kind = "invoice_number", value = InvoiceId, template = "{number}")]
pub struct InvoiceNumberKey {
    /// The invoice's number.
    pub number: String,
}
