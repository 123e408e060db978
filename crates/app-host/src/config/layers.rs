//! Files, texts and environment variables, merged into one tree.

use std::fs;
use std::path::{Path, PathBuf};

use config::{FileFormat, Format, Map, Source, Value, ValueKind};

use crate::{ConfigProblem, Environment};

/// A file of configuration is at most this long; more is a mistake, such as a wrong path.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// The language of a configuration file or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigFormat {
    /// TOML 1.0
    Toml,
    /// JSON (RFC 8259)
    Json,
}

const FORMATS: [(&str, ConfigFormat); 2] =
    [("toml", ConfigFormat::Toml), ("json", ConfigFormat::Json)];

/// Endings that one may expect to be read, and that are not.
const FOREIGN_ENDINGS: [&str; 5] = ["yaml", "yml", "json5", "ini", "ron"];

/// One source of values, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) values: Map<String, Value>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone())
    }
}

/// The layers of a directory in their order, with the names of the files, and all that is wrong with them.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) layers: Vec<Layer>,
    pub(crate) names: Vec<String>,
    pub(crate) problems: Vec<ConfigProblem>,
}

/// Reads the layers of a directory; files that are not there are no problem.
pub(crate) fn of_directory(directory: &Path, environment: &Environment) -> Found {
    let mut found = Found::default();
    for stem in ["default", environment.as_str(), "local"] {
        match of_stem(directory, stem) {
            Ok(Some((layer, name))) => {
                found.layers.push(layer);
                found.names.push(name);
            }
            Ok(None) => {}
            Err(problem) => found.problems.push(problem),
        }
    }
    found
}

/// Parses one source.
pub(crate) fn parse(
    origin: &str,
    format: ConfigFormat,
    text: &str,
) -> Result<Layer, ConfigProblem> {
    let format = match format {
        ConfigFormat::Toml => FileFormat::Toml,
        ConfigFormat::Json => FileFormat::Json,
    };
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let values = format
        .parse(Some(&origin.to_owned()), text)
        .map_err(|error| ConfigProblem::in_source(origin, without_source(&error.to_string())))?;
    Ok(Layer { values })
}

/// Merges layers; later ones win key by key.
pub(crate) fn merge(layers: Vec<Layer>) -> Result<Value, ConfigProblem> {
    let mut builder = config::Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    builder
        .build()
        .and_then(|merged| merged.collect())
        .map(|values| Value::new(None, ValueKind::Table(values)))
        .map_err(|error| ConfigProblem::in_source("configuration", error.to_string()))
}

/// The layer of a name such as `default`, in whichever format it is there.
fn of_stem(directory: &Path, stem: &str) -> Result<Option<(Layer, String)>, ConfigProblem> {
    let present = |ending: &str| {
        let path = directory.join(format!("{stem}.{ending}"));
        path.exists().then_some(path)
    };
    for ending in FOREIGN_ENDINGS {
        if let Some(path) = present(ending) {
            let problem = format!("this format is not read; use {stem}.toml or {stem}.json");
            return Err(ConfigProblem::in_source(shown(&path), problem));
        }
    }
    let mut found = FORMATS
        .into_iter()
        .filter_map(|(ending, format)| Some((present(ending)?, format)));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((path, format)), None) => {
            let name = shown(&path);
            let layer = parse(&name, format, &text_of(&path)?)?;
            Ok(Some((layer, name)))
        }
        (Some((first, _)), Some((second, _))) => Err(ConfigProblem::in_source(
            shown(&first),
            format!("{} is there as well; keep one of them", shown(&second)),
        )),
    }
}

fn text_of(path: &PathBuf) -> Result<String, ConfigProblem> {
    let failed = |error: std::io::Error| {
        ConfigProblem::in_source(shown(path), format!("cannot be read: {error}"))
    };
    if fs::metadata(path).map_err(failed)?.len() > LONGEST_FILE {
        let problem = format!("longer than {LONGEST_FILE} bytes, which no configuration file is");
        return Err(ConfigProblem::in_source(shown(path), problem));
    }
    fs::read_to_string(path).map_err(failed)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Leaves out the lines of the file that the TOML parser shows around an error: they may hold a secret.
fn without_source(message: &str) -> String {
    let kept: Vec<_> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter(|line| {
            !line
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start()
                .starts_with('|')
        })
        .collect();
    kept.join(": ")
}
