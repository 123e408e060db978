//! What is cached about customers, and under which names.

use caching_core::{CacheKey, Tag};

use super::{CustomerId, Summary};
use crate::invoices::InvoiceId;

/// The ids of one page of a customer's invoices.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(
    kind = "customer_invoices",
    value = Vec<InvoiceId>,
    template = "{customer}:{page}:{per_page}",
    tags = ["customer:{customer}"]
)]
pub struct CustomerInvoicesKey {
    /// The customer.
    pub customer: CustomerId,
    /// Which page; 1 is the first.
    pub page: u32,
    /// Entries of a page.
    pub per_page: u32,
}

/// What a customer was billed and still owes.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(
    kind = "customer_summary",
    value = Summary,
    template = "{customer}",
    tags = ["customer:{customer}"]
)]
pub struct CustomerSummaryKey {
    /// The customer.
    pub customer: CustomerId,
}

/// The tag that all entries of a customer carry.
pub fn customer_tag(customer: &CustomerId) -> Tag {
    Tag::of("customer", customer)
}

#[cfg(test)]
mod tests {
    use caching_core::{CacheKey, Tags};

    use super::{CustomerInvoicesKey, CustomerSummaryKey, customer_tag};

    #[test]
    fn handlers_and_keys_name_a_customer_alike() {
        let customer: super::CustomerId = "a:b {c}".parse().expect("an id");
        let mut expected = Tags::new();
        expected.add(customer_tag(&customer));

        let mut summary = Tags::new();
        CustomerSummaryKey {
            customer: customer.clone(),
        }
        .tags(&mut summary);
        let mut page = Tags::new();
        CustomerInvoicesKey {
            customer,
            page: 1,
            per_page: 20,
        }
        .tags(&mut page);

        assert_eq!(format!("{summary:?}"), format!("{expected:?}"));
        assert_eq!(format!("{page:?}"), format!("{expected:?}"));
    }
}
