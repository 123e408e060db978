//! The identity of a customer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::text::{self, TextError};

/// The most bytes that a customer id holds. Each byte may become three in a tag, which has 256.
pub const MAX_CUSTOMER_ID: usize = 64;

/// The identity of a customer within a tenant: a text of the tenant's own choosing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerId(String);

impl CustomerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomerId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_CUSTOMER_ID {
            return Err(TextError::TooLong {
                limit: MAX_CUSTOMER_ID,
                length: text.len(),
            });
        }
        text::name(text, MAX_CUSTOMER_ID).map(|text| Self(text.to_owned()))
    }
}

impl TryFrom<String> for CustomerId {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::CustomerId;

    #[test]
    fn any_short_text_is_an_id_and_nothing_that_hides_is() {
        for text in ["17850", "a:b/c d", "Æther", "..", "%2e"] {
            assert!(text.parse::<CustomerId>().is_ok(), "{text}");
        }
        for text in ["", " ", "a\0b", "a\nb", &"ä".repeat(33)] {
            assert!(text.parse::<CustomerId>().is_err(), "{text:?}");
        }
    }
}
