//! What a server says about itself.

use std::collections::BTreeMap;

/// The answer of `INFO`: names and values, without the headings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisInfo {
    values: BTreeMap<String, String>,
}

impl RedisInfo {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            values: values.collect(),
        }
    }

    /// A value by its name, such as `run_id` or `maxmemory_policy`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A value that is a whole number, such as `connected_clients`.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// How often a command was called since the start or `CONFIG RESETSTAT`; from section `commandstats`.
    /// The name is in lower case, with `|` before that of a subcommand: `get`, `config|set`.
    #[must_use]
    pub fn calls(&self, command: &str) -> u64 {
        let statistics = self.get(&format!("cmdstat_{command}")).unwrap_or_default();
        let calls = statistics
            .split(',')
            .find_map(|field| field.strip_prefix("calls="));
        calls.and_then(|calls| calls.parse().ok()).unwrap_or(0)
    }

    /// Every name with its value, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::RedisInfo;

    #[test]
    fn names_values_and_calls_are_read() {
        let info = RedisInfo::parse(
            "# Server\r\nrun_id:abc\r\nuptime:7\r\n\r\n# Commandstats\r\ncmdstat_get:calls=3,usec=9\r\n",
        );
        assert_eq!(info.get("run_id"), Some("abc"));
        assert_eq!(info.integer("uptime"), Some(7));
        assert_eq!(info.integer("run_id"), None);
        assert_eq!((info.calls("get"), info.calls("keys")), (3, 0));
        assert_eq!(info.iter().count(), 3);
    }
}
