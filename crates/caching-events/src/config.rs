//! The section `[cache.events]` of a configuration file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The section `[cache.events]`. An empty one gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsConfig {
    /// How often a handler is tried again after it failed. Default: `5`
    pub retries: u32,

    /// How long to wait before the first retry; each further wait is twice as long. Default: `200ms`
    #[serde(with = "crate::duration")]
    pub backoff: Duration,

    /// The longest wait before a retry. Default: `30s`
    #[serde(with = "crate::duration")]
    pub max_backoff: Duration,

    /// How long one try of a handler may take; it is then dropped and counts as failed.
    /// Default: `30s`
    #[serde(with = "crate::duration")]
    pub try_limit: Duration,

    /// How many events one handler works on at a time. Default: `16`
    pub concurrency: usize,

    /// How many handlers may be running or waiting at a time, over all events. What comes beyond
    /// goes to the dead letters at once. Default: `10000`
    pub max_pending: usize,

    /// How many dead letters are kept; the oldest make room. Default: `1000`
    pub dead_letters: usize,

    /// How long running handlers have to end when the application stops. Default: `10s`
    #[serde(with = "crate::duration")]
    pub drain_deadline: Duration,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            retries: 5,
            backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(30),
            try_limit: Duration::from_secs(30),
            concurrency: 16,
            max_pending: 10_000,
            dead_letters: 1000,
            drain_deadline: Duration::from_secs(10),
        }
    }
}

impl EventsConfig {
    /// How long to wait after this many tries.
    pub(crate) fn wait_after(&self, tries: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.backoff.saturating_mul(doubled).min(self.max_backoff)
    }

    /// What makes no sense, each with the way out.
    pub(crate) fn problems(&self) -> Vec<String> {
        let zero = [
            (
                self.concurrency == 0,
                "concurrency",
                "no handler would ever run",
            ),
            (
                self.max_pending == 0,
                "max_pending",
                "no handler would ever run",
            ),
            (
                self.try_limit.is_zero(),
                "try_limit",
                "every try would fail",
            ),
        ];
        zero.into_iter()
            .filter(|(is_zero, ..)| *is_zero)
            .map(|(_, setting, why)| {
                format!("`cache.events.{setting}` is zero, and {why}; set it to more than zero")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let config = EventsConfig::default();
        let waits = [1, 2, 3, 8, 9, 40].map(|tries| config.wait_after(tries).as_millis());
        assert_eq!(waits, [200, 400, 800, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn an_empty_section_gives_the_defaults() {
        assert_eq!(
            toml::from_str::<EventsConfig>("").unwrap(),
            EventsConfig::default()
        );
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        let config: EventsConfig = toml::from_str("backoff = \"1s 500ms\"").unwrap();
        assert_eq!(config.backoff, Duration::from_millis(1500));
        let written = toml::to_string(&config).unwrap();
        assert!(written.contains("backoff = \"1s 500ms\""), "{written}");
    }

    #[test]
    fn a_setting_that_is_unknown_or_of_no_unit_is_refused_with_what_is_expected() {
        let unknown = toml::from_str::<EventsConfig>("retry = 3").unwrap_err();
        assert!(
            unknown.to_string().contains("unknown field `retry`"),
            "{unknown}"
        );
        let unitless = toml::from_str::<EventsConfig>("backoff = \"200\"").unwrap_err();
        assert!(
            unitless.to_string().contains("such as \"200ms\""),
            "{unitless}"
        );
    }
}
