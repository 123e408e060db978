//! The section `[cache]` of a configuration file.

mod shared;
mod warm_up;

use std::collections::BTreeMap;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

pub use self::shared::{CoherenceConfig, L2Config};
pub use self::warm_up::WarmUpConfig;
use crate::codec::{Codec, CodecChoice, name_problem};
use crate::error::CacheBuildError;
use crate::key::is_lower_snake;
use crate::level::Room;
use crate::options::{EntryOptions, Profile, is_share};
use crate::units::{EagerRefresh, Limit, SizeLimit};

/// The last generation: so short a number fits beside the longest name of a codec.
const LAST_GENERATION: u16 = 999;

/// The section `[cache]`. An empty one gives the defaults.
///
/// It deserialises from anything that serde reads; an app host reads it from its TOML or JSON files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// Whether anything is kept at all. A cache that is switched off asks the factory each time, once
    /// for all who ask at the same time, and still invalidates for other processes. Default: `true`
    pub enabled: bool,

    /// What stands before every key and channel that leaves the process. Default: the
    /// application's name
    pub key_prefix: Option<String>,

    /// Another number than before lets a deployment start on an empty cache, while pods of the former
    /// one still run: neither reads what the other stored, and each hears what the other invalidates.
    /// 0 to 999. Default: `0`
    pub generation: u16,

    /// The longest text of a key, in bytes. Default: `1024`
    pub key_limit: usize,

    /// The largest payload that leaves the process, before it is compressed. Default: `1MiB`
    pub payload_limit: ByteSize,

    /// Payloads longer than this leave the process compressed, if that makes them shorter; or `off`.
    /// Default: `2KiB`
    pub compress_above: SizeLimit,

    /// The options of every entry for which its kind says nothing else.
    pub defaults: EntryOptions,

    /// Options by kind of key: `[cache.profiles.invoice]` is for keys of kind `invoice`.
    pub profiles: BTreeMap<String, EntryOptions>,

    /// How many factories may run at the same time; more wait for their turn. So a source that is
    /// asked for everything at once, after the shared store was emptied say, is spared. One that has
    /// waited for the soft limit of its profile runs all the same, and so does one that another
    /// factory waits for. Default: `256`
    pub concurrent_factories: usize,

    /// The level in the process.
    pub l1: L1Config,

    /// The store that processes share.
    pub l2: L2Config,

    /// How current the processes keep each other.
    pub coherence: CoherenceConfig,

    /// What modules load while an application comes up.
    pub warm_up: WarmUpConfig,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            key_prefix: None,
            generation: 0,
            key_limit: 1024,
            payload_limit: ByteSize::mib(1),
            compress_above: SizeLimit::At(ByteSize::kib(2)),
            defaults: EntryOptions::default(),
            profiles: BTreeMap::new(),
            concurrent_factories: 256,
            l1: L1Config::default(),
            l2: L2Config::default(),
            coherence: CoherenceConfig::default(),
            warm_up: WarmUpConfig::default(),
        }
    }
}

/// The section `[cache.l1]`: the level in the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct L1Config {
    /// The most entries that are kept; the least valuable are evicted. Default: `100000`
    pub max_entries: u64,

    /// The most memory that they take up, in bytes, as far as that is known; see the option `size`; or
    /// `off`. Default: `off`
    pub max_bytes: SizeLimit,
}

impl L1Config {
    pub(crate) fn room(&self) -> Room {
        Room {
            max_entries: self.max_entries,
            max_bytes: self.max_bytes.size().map(|size| size.as_u64()),
        }
    }
}

impl Default for L1Config {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_bytes: SizeLimit::Off,
        }
    }
}

impl CacheConfig {
    /// What is wrong with the codecs that profiles choose, and with the custom one.
    pub(crate) fn codec_problems(&self, custom: Option<&dyn Codec>) -> Vec<CacheBuildError> {
        let chosen = std::iter::once(("cache.defaults".to_owned(), &self.defaults)).chain(
            self.profiles
                .iter()
                .map(|(kind, options)| (format!("cache.profiles.{kind}"), options)),
        );
        let missing = chosen.filter_map(|(section, options)| {
            let way_out = match options.codec? {
                CodecChoice::MessagePack if !cfg!(feature = "message-pack") => {
                    "is `message_pack`, which this program is built without; \
                     switch on the feature `message-pack` of caching-core"
                }
                CodecChoice::Custom if custom.is_none() => {
                    "is `custom`, and there is none; give the cache one by `HybridCacheBuilder::codec`"
                }
                _ => return None,
            };
            Some(CacheBuildError::InvalidSetting {
                setting: format!("{section}.codec"),
                problem: way_out.to_owned(),
            })
        });
        missing.chain(custom.and_then(name_problem)).collect()
    }

    /// All that is wrong with these settings, each with its place and the way out.
    pub(crate) fn problems(&self) -> Vec<CacheBuildError> {
        let mut problems = self.l2.problems();
        problems.extend(self.coherence.problems());
        problems.extend(self.warm_up.problems());
        let mut refuse = |setting: String, problem: String| {
            problems.push(CacheBuildError::InvalidSetting { setting, problem });
        };
        if self.l1.max_entries == 0 {
            refuse(
                "cache.l1.max_entries".to_owned(),
                "is 0, which keeps nothing; set it to 1 or more".to_owned(),
            );
        }
        if self.l1.max_bytes == SizeLimit::At(ByteSize::b(0)) {
            refuse(
                "cache.l1.max_bytes".to_owned(),
                "is 0, which keeps nothing; set it to a size such as \"64MiB\", or to \"off\""
                    .to_owned(),
            );
        }
        if self.concurrent_factories == 0 {
            refuse(
                "cache.concurrent_factories".to_owned(),
                "is 0, with which nothing is ever loaded; set it to 1 or more".to_owned(),
            );
        }
        if self.generation > LAST_GENERATION {
            refuse(
                "cache.generation".to_owned(),
                format!(
                    "is {}; set it to {LAST_GENERATION} or less, or to 0 again once what was stored \
                     with that has ended",
                    self.generation
                ),
            );
        }
        if self.key_limit == 0 {
            refuse(
                "cache.key_limit".to_owned(),
                "is 0, which refuses every key; set it to 1 or more".to_owned(),
            );
        }
        if let Some(prefix) = &self.key_prefix
            && (prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            refuse(
                "cache.key_prefix".to_owned(),
                "may hold only visible ASCII characters, and at least one of them".to_owned(),
            );
        }
        for kind in self.profiles.keys().filter(|kind| !is_lower_snake(kind)) {
            refuse(
                format!("cache.profiles.{kind}"),
                "names no kind that there can be: kinds are lower_snake".to_owned(),
            );
        }
        let sections = std::iter::once(("cache.defaults".to_owned(), self.defaults.clone())).chain(
            self.profiles
                .iter()
                .map(|(kind, options)| (format!("cache.profiles.{kind}"), options.clone())),
        );
        for (section, own) in sections {
            let options = own.clone().or(&self.defaults);
            if let Some(EagerRefresh::At(share)) = options.eager_refresh
                && !is_share(share)
            {
                refuse(
                    format!("{section}.eager_refresh"),
                    format!("is {share}; set it above 0 and below 1, or to \"off\""),
                );
            }
            let profile = Profile::new(&options);
            if let Some(sliding) = profile.sliding
                && (sliding.is_zero() || sliding >= profile.duration)
            {
                refuse(
                    format!("{section}.sliding"),
                    format!(
                        "is {sliding:?}, and could never matter: an entry ends after {:?} at the latest; \
                         set it above zero and below `duration`, or to \"off\"",
                        profile.duration
                    ),
                );
            }
            let serves_stale = own.serve_stale.is_some_and(|limit| limit != Limit::Off);
            if serves_stale && !profile.fail_safe && !profile.revocable {
                refuse(
                    format!("{section}.serve_stale"),
                    "gives values in place of those that `fail_safe = false` asks for; \
                     leave one of the two out"
                        .to_owned(),
                );
            }
            let gives_stale = [
                ("fail_safe", own.fail_safe == Some(true)),
                ("allow_stale", own.allow_stale == Some(true)),
                ("serve_stale", serves_stale),
            ];
            for (setting, _) in gives_stale
                .into_iter()
                .filter(|_| profile.revocable)
                .filter(|said| said.1)
            {
                refuse(
                    format!("{section}.{setting}"),
                    "gives stale values of a kind that is `revocable`, which never does; \
                     leave one of the two out"
                        .to_owned(),
                );
            }
            if let (Some(soft), Some(hard)) =
                (profile.factory_soft_limit, profile.factory_hard_limit)
                && soft > hard
            {
                refuse(
                    format!("{section}.factory_soft_limit"),
                    format!(
                        "is {soft:?}, past the hard limit of {hard:?}, and could never matter; \
                         lower it, raise `factory_hard_limit`, or set it to \"off\""
                    ),
                );
            }
        }
        problems
    }
}
