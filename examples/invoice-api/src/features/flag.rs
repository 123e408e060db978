//! A feature flag.

use serde::{Deserialize, Serialize};

/// The most characters of a flag's name.
pub const MAX_NAME: usize = 64;

/// A flag as a tenant sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Whose value this is: the tenant's own, or that of everybody.
    pub scope: FlagScope,
}

/// Whose value a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlagScope {
    /// One tenant's own, which wins.
    Tenant,
    /// That of every tenant that has not set its own.
    Global,
}

/// What a client sends to set a flag.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct FeatureBody {
    /// Whether it is to be on.
    pub enabled: bool,
    /// For whom.
    pub scope: FlagScope,
}

/// Accepts the name of a flag: letters, digits, `-`, `_` and `.`.
pub fn flag_name(name: &str) -> Result<&str, &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_allowed) {
        Ok(name)
    } else {
        Err("the name of a feature is 1 to 64 letters, digits, `-`, `_` and `.`")
    }
}

#[cfg(test)]
mod tests {
    use super::flag_name;

    #[test]
    fn a_name_holds_nothing_that_means_something_elsewhere() {
        assert!(flag_name("new-checkout_2.0").is_ok());
        for name in ["", "a b", "a:b", "a/b", "a\n", "ä", &"a".repeat(65)] {
            assert!(flag_name(name).is_err(), "{name:?}");
        }
    }
}
