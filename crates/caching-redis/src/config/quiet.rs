//! Reading settings that may hold a password, with errors that never repeat what they found.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::RedisUrl;

impl<'de> Deserialize<'de> for RedisUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer);
        url.map(Self::new)
            .map_err(|_| D::Error::custom("expected a URL such as `redis://127.0.0.1:6379`"))
    }
}

/// A duration with a unit, such as `"2s"`.
pub(super) mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(de)?;
        humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom("expected a duration with a unit, such as \"2s\" or \"500ms\"")
        })
    }
}
