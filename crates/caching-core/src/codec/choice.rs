//! Which codec writes the values of a profile.

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::error::CacheBuildError;
use crate::key::is_lower_snake;

/// Which codec writes the values of a profile when they leave the process.
///
/// | in a file | writes | floats | when a type gains a field |
/// | --- | --- | --- | --- |
/// | `json` | JSON, which people can read | NaN and infinities become null | `#[serde(default)]` reads what is older |
/// | `message_pack` | MessagePack with the names of fields, about a fifth shorter | all | the same |
/// | `custom` | what the cache was given as its codec | | |
///
/// Records of two codecs live side by side under one key, so a change in a rolling deployment costs
/// each version one load and mixes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodecChoice {
    /// [`JsonCodec`](crate::JsonCodec).
    #[default]
    Json,
    /// `MessagePackCodec`, with the cargo feature `message-pack`.
    MessagePack,
    /// The codec that was given to the builder of the cache.
    Custom,
}

impl CodecChoice {
    /// The name, as it stands in configuration, and in stored records for the codecs of this crate.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "message_pack",
            Self::Custom => "custom",
        }
    }
}

/// The longest name of a codec, so that with a version it fits into the name of a field.
const LONGEST_NAME: usize = 48;

/// Why a codec cannot be the custom one of a cache.
pub(crate) fn name_problem(custom: &dyn Codec) -> Option<CacheBuildError> {
    let name = custom.name();
    let problem = if [CodecChoice::Json, CodecChoice::MessagePack]
        .iter()
        .any(|built_in| built_in.as_str() == name)
    {
        "which is a built-in codec's, so that one could read the bytes of the other; rename it"
    } else if !is_lower_snake(name) || name.len() > LONGEST_NAME {
        "which stands in records: it has to be lower_snake, of at most 48 bytes"
    } else {
        return None;
    };
    Some(CacheBuildError::InvalidSetting {
        setting: "HybridCacheBuilder::codec".to_owned(),
        problem: format!("was given a codec with the name \"{name}\", {problem}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::JsonCodec;
    use crate::config::CacheConfig;
    use crate::error::BoxError;

    struct Named(&'static str);

    impl Codec for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn encode(
            &self,
            value: &dyn erased_serde::Serialize,
            out: &mut Vec<u8>,
        ) -> Result<(), BoxError> {
            JsonCodec.encode(value, out)
        }

        fn decode(
            &self,
            bytes: &[u8],
            read: &mut dyn FnMut(
                &mut dyn erased_serde::Deserializer<'_>,
            ) -> Result<(), erased_serde::Error>,
        ) -> Result<(), BoxError> {
            JsonCodec.decode(bytes, read)
        }
    }

    fn problems(toml: &str, custom: Option<&dyn Codec>) -> String {
        let config: CacheConfig = toml::from_str(toml).unwrap();
        let problems = config.codec_problems(custom);
        problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect()
    }

    #[test]
    fn a_custom_codec_that_is_chosen_and_not_there_is_refused_for_each_profile() {
        let text = "defaults.codec = 'custom'\nprofiles.invoice.codec = 'custom'";
        let problems_of = problems(text, None);
        assert!(
            problems_of.contains("`cache.defaults.codec`"),
            "{problems_of}"
        );
        assert!(
            problems_of.contains("`cache.profiles.invoice.codec`"),
            "{problems_of}"
        );
        assert!(
            problems_of.contains("HybridCacheBuilder::codec"),
            "{problems_of}"
        );
        assert_eq!(problems(text, Some(&Named("postcard"))), "");
        assert_eq!(problems("", None), "");
    }

    #[cfg(not(feature = "message-pack"))]
    #[test]
    fn message_pack_without_its_feature_is_refused() {
        let problems = problems("profiles.invoice.codec = 'message_pack'", None);
        assert!(
            problems.contains("`cache.profiles.invoice.codec`"),
            "{problems}"
        );
        assert!(problems.contains("feature `message-pack`"), "{problems}");
    }

    #[cfg(feature = "message-pack")]
    #[test]
    fn message_pack_with_its_feature_is_taken() {
        assert_eq!(
            problems("profiles.invoice.codec = 'message_pack'", None),
            ""
        );
    }

    #[test]
    fn a_custom_codec_with_a_name_that_records_could_not_tell_apart_is_refused() {
        let long = "x".repeat(49).leak();
        for name in ["json", "message_pack", "", "Json", "a.b", "a b", long] {
            let problems = problems("", Some(&Named(name)));
            assert!(
                problems.contains(&format!("\"{name}\"")),
                "{name}: {problems}"
            );
        }
        assert_eq!(problems("", Some(&Named("bincode_2"))), "");
    }
}
