//! The identity of an invoice.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::tenants::TenantId;

/// The name space of the ids that an import derives (RFC 9562, version 5).
const IMPORTED: Uuid = Uuid::from_u128(0x6b1f_0f0e_52f4_4d5c_9d0a_7b8c_11e5_03a9);

/// The identity of an invoice: a UUID, unique within every tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InvoiceId(Uuid);

/// The text is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an invoice id is a UUID such as 0193a5b0-7a3e-7c1d-8f2b-3c4d5e6f7a8b")]
pub struct InvoiceIdError;

impl InvoiceId {
    /// A new identity that sorts by the time at which it was made (UUID version 7).
    #[expect(
        clippy::new_without_default,
        reason = "each call makes another identity, which a default must not"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The identity of an imported invoice, derived from its tenant and number (UUID version 5): the
    /// same file gives the same ids on every machine.
    pub fn imported(tenant: &TenantId, number: &str) -> Self {
        // A tenant id holds no slash, so no two pairs make the same name.
        let name = format!("{tenant}/{number}");
        Self(Uuid::new_v5(&IMPORTED, name.as_bytes()))
    }
}

impl FromStr for InvoiceId {
    type Err = InvoiceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One way to write an id: 36 characters with hyphens, not braces, a URN or bare digits.
        if text.len() != 36 {
            return Err(InvoiceIdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvoiceIdError)
    }
}

impl fmt::Display for InvoiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::InvoiceId;
    use crate::tenants::TenantId;

    #[test]
    fn an_imported_id_depends_on_the_tenant_and_the_number_alone() {
        let acme = TenantId::parse("acme").expect("valid");
        let globex = TenantId::parse("globex").expect("valid");
        let id = InvoiceId::imported(&acme, "536365");
        assert_eq!(id, InvoiceId::imported(&acme, "536365"));
        assert_ne!(id, InvoiceId::imported(&acme, "536366"));
        assert_ne!(id, InvoiceId::imported(&globex, "536365"));
    }

    #[test]
    fn an_id_has_one_way_to_be_written() {
        let id = InvoiceId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "7",
            "{0193a5b0-7a3e-7c1d-8f2b-3c4d5e6f7a8b}",
            "../../etc/passwd",
        ] {
            assert!(text.parse::<InvoiceId>().is_err(), "{text}");
        }
    }
}
