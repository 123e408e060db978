//! Environment variables as a layer of the configuration.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use config::{Map, Value, ValueKind};

use crate::ConfigProblem;
use crate::config::layers::Layer;

const PREFIX: &str = "app__";
const SEPARATOR: &str = "__";
const ORIGIN: &str = "environment variable ";

/// The environment variables that an application sees: those of the process, or given ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    all: Arc<BTreeMap<OsString, OsString>>,
}

impl Variables {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// As the process has them now; later changes are not seen.
    pub(crate) fn of_process() -> Self {
        Self::given(std::env::vars_os())
    }

    pub(crate) fn given<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let all = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            all: Arc::new(all.collect()),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.all.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The variables that begin with `APP__`, as a layer. Variables that cannot be placed are problems.
    ///
    /// Not `config::Environment`: it names no variable as the origin, puts a key of digits at the top and
    /// lets the last of two colliding variables win silently.
    pub(crate) fn layer(&self) -> (Layer, Vec<ConfigProblem>) {
        let mut values = Map::new();
        let mut problems = Vec::new();
        for (name, value) in self.all.iter() {
            let Some(name) = name.to_str() else { continue };
            let lower = name.to_ascii_lowercase();
            let Some(path) = lower.strip_prefix(PREFIX) else {
                continue;
            };
            let origin = format!("{ORIGIN}{name}");
            let placed = value
                .to_str()
                .ok_or("the value is not valid UTF-8")
                .and_then(|text| {
                    let value = Value::new(Some(&origin), text);
                    place(&mut values, path.split(SEPARATOR), value)
                });
            if let Err(reason) = placed {
                problems.push(ConfigProblem::in_source(origin, reason));
            }
        }
        (Layer { values }, problems)
    }
}

/// Whether a value is the text of an environment variable.
pub(super) fn is_from_variable(value: &Value) -> bool {
    value
        .origin()
        .is_some_and(|origin| origin.starts_with(ORIGIN))
}

/// The variable that sets the key at a path.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', SEPARATOR)).to_ascii_uppercase()
}

fn place<'a>(
    table: &mut Map<String, Value>,
    path: impl IntoIterator<Item = &'a str>,
    value: Value,
) -> Result<(), &'static str> {
    let mut path = path.into_iter().peekable();
    let mut table = table;
    while let Some(name) = path.next() {
        if name.is_empty() {
            return Err("the name has an empty part; parts are separated by two underscores");
        }
        if path.peek().is_none() {
            if table.contains_key(name) {
                return Err("another environment variable sets this key, or keys inside it");
            }
            table.insert(name.to_owned(), value);
            return Ok(());
        }
        let inner = table
            .entry(name.to_owned())
            .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
        table = match &mut inner.kind {
            ValueKind::Table(inner) => inner,
            _ => return Err("another environment variable sets a key that this one is inside of"),
        };
    }
    Ok(())
}
