//! The configuration of one application: layers merged into one tree, read by section.

pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod settings;

pub(crate) mod secret;

pub mod bytes;
pub mod duration;

pub(crate) mod host_sections;
pub(crate) mod layers;
pub(crate) mod load;
mod variables;

mod de;
mod read;
mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::config::{Value, ValueKind};
use serde::de::DeserializeOwned;

pub use self::layers::ConfigFormat;
pub(crate) use self::variables::Variables;

use crate::config::error::nearest;
use crate::{ConfigError, ConfigProblem};

/// The merged configuration of an application.
///
/// Values come from layers, later ones win key by key:
///
/// 1. `config/default.toml` or `.json`
/// 2. `config/{environment}.toml` or `.json`
/// 3. `config/local.toml` or `.json`, for one machine and not for the repository
/// 4. texts given to [`AppBuilder::config_str`](crate::AppBuilder::config_str)
/// 5. environment variables: `APP__CACHE__KEY_PREFIX` is `cache.key_prefix`
///
/// Names are `lower_snake`, as names of environment variables are lowercased. The value of a variable is
/// text; it becomes a number or a boolean where the setting is one, and stays a text where it is a text
/// (`007` too). A list is written with commas.
///
/// A module reads its own section in `configure`; here are look-ups for
/// [`Module::enablement`](crate::Module::enablement). Cheap to clone. `Debug` shows no value.
#[derive(Clone)]
pub struct Config {
    shared: Arc<Shared>,
}

struct Shared {
    root: Value,
    /// Paths that modules declared by `Module::sections`.
    declared: BTreeSet<String>,
    variables: Variables,
    /// Top-level names that somebody looked at. A std lock: held for one insertion, never across an await.
    looked_at: Mutex<BTreeSet<String>>,
}

impl Config {
    pub(crate) fn new(root: Value, declared: BTreeSet<String>, variables: Variables) -> Self {
        Self {
            shared: Arc::new(Shared {
                root,
                declared,
                variables,
                looked_at: Mutex::default(),
            }),
        }
    }

    /// A configuration with nothing in it.
    pub fn empty() -> Self {
        Self::new(tree::empty_table(), BTreeSet::new(), Variables::none())
    }

    /// The configuration of a text, without files and environment variables.
    ///
    /// # Errors
    ///
    /// The text is not in this format.
    ///
    /// ```
    /// use app_host::{Config, ConfigFormat};
    ///
    /// let config = Config::from_text(ConfigFormat::Json, r#"{ "cache": { "size": 7 } }"#)?;
    /// assert_eq!(config.get::<u32>("cache.size")?, Some(7));
    /// # Ok::<(), app_host::ConfigError>(())
    /// ```
    pub fn from_text(format: ConfigFormat, text: &str) -> Result<Self, ConfigError> {
        let layer = layers::parse("the given text", format, text)
            .map_err(|problem| ConfigError::new(vec![problem]))?;
        let root = layers::merge(vec![layer]).map_err(|problem| ConfigError::new(vec![problem]))?;
        Ok(Self::new(root, BTreeSet::new(), Variables::none()))
    }

    /// Whether a value is set at a path such as `"cache.redis.url"`. A `null` of JSON does not count.
    pub fn contains(&self, path: &str) -> bool {
        self.look_at(path)
            .is_some_and(|value| value.kind != ValueKind::Nil)
    }

    /// The value at a path, or `None` where nothing is set.
    ///
    /// # Errors
    ///
    /// What is there is no `T`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ConfigError> {
        match self.look_at(path) {
            None => Ok(None),
            Some(value) if value.kind == ValueKind::Nil => Ok(None),
            Some(value) => self.read(path, value.clone()).map(Some),
        }
    }

    /// The section at a path; an absent one is read as an empty table.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the section.
    pub fn section<T: DeserializeOwned>(&self, path: &str) -> Result<T, ConfigError> {
        let mut section = match self.look_at(path) {
            None => tree::empty_table(),
            Some(value) if value.kind == ValueKind::Nil => tree::empty_table(),
            Some(value) => value.clone(),
        };
        for inner in self.declared_inside(path) {
            tree::remove(&mut section, inner.split('.'));
        }
        self.read(path, section)
    }

    /// Where the value at a path comes from: a file, or the name of an environment variable.
    pub fn origin(&self, path: &str) -> Option<String> {
        tree::origin(&self.shared.root, path.split('.')).map(str::to_owned)
    }

    fn read<T: DeserializeOwned>(&self, path: &str, value: Value) -> Result<T, ConfigError> {
        read::read(path, value, &self.shared.variables)
    }

    fn look_at(&self, path: &str) -> Option<&Value> {
        let top = path.split('.').next().unwrap_or(path);
        self.shared
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(top.to_owned());
        tree::find(&self.shared.root, path.split('.'))
    }

    /// Declared sections strictly inside `path`, relative to it.
    fn declared_inside<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.shared
            .declared
            .iter()
            .filter_map(move |declared| declared.strip_prefix(path)?.strip_prefix('.'))
    }

    /// Top-level sections that no module declared or looked at: most likely typing errors. Where `all_read`
    /// is not certain, only those with a name like that of a known one.
    pub(crate) fn unread_sections(&self, all_read: bool) -> Vec<ConfigProblem> {
        let looked_at = self
            .shared
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let declared = self.shared.declared.iter();
        let mut known: BTreeSet<&str> =
            declared.filter_map(|path| path.split('.').next()).collect();
        known.extend(looked_at.iter().map(String::as_str));

        let mut unread: Vec<_> = tree::entries(&self.shared.root)
            .filter(|(name, _)| !known.contains(name))
            .filter(|(name, _)| all_read || nearest(name, known.iter().copied()).is_some())
            .collect();
        unread.sort_unstable_by_key(|(name, _)| *name);
        unread
            .into_iter()
            .map(|(name, value)| ConfigProblem::unread(name, tree::first_origin(value), &known))
            .collect()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sections: Vec<_> = tree::entries(&self.shared.root)
            .map(|(name, _)| name)
            .collect();
        sections.sort_unstable();
        f.debug_struct("Config")
            .field("sections", &sections)
            .finish_non_exhaustive()
    }
}
