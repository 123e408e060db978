//! Every place that settings name, read as a whole.

use std::path::PathBuf;
use std::time::Duration;

use super::place::Place;
use crate::config::{EncryptionConfig, KeyPlace, KeyText};
use crate::error::{EncryptionError, EncryptionErrors, KeysError};
use crate::keys::{Fingerprint, KeyId, Keys, KeysBuilder, RingKey};
use crate::secret_key::SecretKey;

/// The id of the key that stands alone, in `cache.encryption.key`.
const ONLY: &str = "default";

const KEY: &str = "cache.encryption.key";
const KEYS: &str = "cache.encryption.keys";
const SCOPE_SECRETS: &str = "cache.encryption.scope_secrets";
const RELOAD_INTERVAL: &str = "cache.encryption.reload_interval";

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Where every key is.
pub(super) struct Sources {
    /// Which list a fault of the ring is told about.
    setting: &'static str,
    pub(super) keys: Vec<(String, Place)>,
    active: Option<KeyId>,
    secrets: Vec<(String, Place)>,
}

impl Sources {
    pub(super) fn new(config: &EncryptionConfig) -> Result<Self, EncryptionErrors> {
        let mut errors = Vec::new();
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&config.reload_interval) {
            errors.push(EncryptionError::InvalidSetting {
                setting: RELOAD_INTERVAL,
                problem: "is not between 100 ms and 1 h",
            });
        }
        let mut keys = Vec::new();
        let setting = match (&config.key, config.keys.is_empty()) {
            (Some(_), false) => {
                errors.push(EncryptionError::KeyAndKeys);
                KEYS
            }
            (Some(place), true) => {
                keys.push((ONLY.to_owned(), Place::new(KEY.to_owned(), place.clone())));
                KEY
            }
            (None, false) => KEYS,
            (None, true) => {
                errors.push(EncryptionError::EnabledWithoutKey);
                KEYS
            }
        };
        for (index, key) in config.keys.iter().enumerate() {
            let at = format!("{KEYS}[{index}]");
            match one_place(&key.key, &key.file, &key.env) {
                Some(place) => keys.push((key.id.to_string(), Place::new(at, place))),
                None => errors.push(EncryptionError::OnePlace { setting: at }),
            }
        }
        let mut secrets = Vec::new();
        for (index, secret) in config.scope_secrets.iter().enumerate() {
            let at = format!("{SCOPE_SECRETS}[{index}]");
            match one_place(&secret.key, &secret.file, &secret.env) {
                Some(place) => secrets.push((secret.scope.clone(), Place::new(at, place))),
                None => errors.push(EncryptionError::OnePlace { setting: at }),
            }
        }
        let sources = Self {
            setting,
            keys,
            active: config.active.clone(),
            secrets,
        };
        if errors.is_empty() {
            return Ok(sources);
        }
        // What is wrong with single keys is told along with it.
        errors.extend(sources.read().err().into_iter().flat_map(|more| more.0));
        Err(EncryptionErrors(errors))
    }

    pub(super) fn has_files(&self) -> bool {
        let mut places = self.keys.iter().chain(&self.secrets);
        places.any(|(_, place)| place.is_file())
    }

    pub(super) fn read(&self) -> Result<Read, EncryptionErrors> {
        let mut errors = Vec::new();
        let mut all = |places: &[(String, Place)]| -> Vec<SecretKey> {
            places
                .iter()
                .filter_map(|(_, place)| place.read().map_err(|error| errors.push(error)).ok())
                .collect()
        };
        let read = Read {
            keys: all(&self.keys),
            secrets: all(&self.secrets),
        };
        if errors.is_empty() {
            Ok(read)
        } else {
            Err(EncryptionErrors(errors))
        }
    }
}

/// The keys of all sources, in their order.
pub(super) struct Read {
    pub(super) keys: Vec<SecretKey>,
    secrets: Vec<SecretKey>,
}

impl Read {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.all(), other.all());
        mine.zip(theirs).all(|(mine, theirs)| same(mine, theirs))
    }

    fn all(&self) -> impl Iterator<Item = &SecretKey> {
        self.keys.iter().chain(&self.secrets)
    }

    pub(super) fn keys(
        &self,
        sources: &Sources,
        retired: &[Option<RingKey>],
    ) -> Result<Keys, EncryptionErrors> {
        let mut builder = Keys::builder();
        for ((id, _), key) in sources.keys.iter().zip(&self.keys) {
            builder = builder.key(id, key.clone());
        }
        for ((scope, _), secret) in sources.secrets.iter().zip(&self.secrets) {
            builder = builder.scope_secret(scope, secret.clone());
        }
        if let Some(active) = &sources.active {
            builder = builder.active(active.as_str());
        }
        builder = retired.iter().flatten().fold(builder, KeysBuilder::retired);
        builder.build().map_err(|errors| {
            let told = errors.0.into_iter().map(|problem| EncryptionError::Keys {
                setting: setting_of(&problem, sources.setting),
                problem,
            });
            EncryptionErrors(told.collect())
        })
    }
}

/// Which setting a fault of the ring belongs to.
fn setting_of(problem: &KeysError, keys: &'static str) -> &'static str {
    match problem {
        KeysError::UnknownActive { .. } => "cache.encryption.active",
        KeysError::InvalidScope { .. } | KeysError::DuplicateScope { .. } => SCOPE_SECRETS,
        _ => keys,
    }
}

pub(super) fn same(one: &SecretKey, other: &SecretKey) -> bool {
    Fingerprint::of(one) == Fingerprint::of(other)
}

fn one_place(
    key: &Option<KeyText>,
    file: &Option<PathBuf>,
    env: &Option<String>,
) -> Option<KeyPlace> {
    match (key, file, env) {
        (Some(key), None, None) => Some(KeyPlace::Inline(key.clone())),
        (None, Some(file), None) => Some(KeyPlace::File(file.clone())),
        (None, None, Some(variable)) => Some(KeyPlace::Env(variable.clone())),
        _ => None,
    }
}
