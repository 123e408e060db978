//! The configuration of an application, read from everywhere it comes from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use config::Value;

use crate::config::variables::Variables;
use crate::config::{Config, ConfigFormat, layers};
use crate::{ConfigProblem, Environment, InvalidEnvironment};

/// Where configuration files are looked for unless said otherwise, from the working directory.
const DEFAULT_DIRECTORY: &str = "config";
const ENVIRONMENT_VARIABLE: &str = "APP_ENVIRONMENT";

/// Where a configuration comes from, as far as the builder was told.
#[derive(Default)]
pub(crate) struct ConfigSources {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) texts: Vec<(ConfigFormat, String)>,
    pub(crate) environment: Option<Environment>,
    pub(crate) variables: Option<Variables>,
}

/// The configuration of all layers, and all that is wrong with them.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    /// The names of the layers.
    pub(crate) names: Vec<String>,
    pub(crate) problems: Vec<ConfigProblem>,
}

impl ConfigSources {
    /// Reads all layers and merges them; `declared` are the sections that modules own.
    pub(crate) fn load(self, declared: BTreeSet<String>) -> Loaded {
        let variables = self.variables.unwrap_or_else(Variables::of_process);
        let (mut layers, mut names, mut problems) = (Vec::new(), Vec::new(), Vec::new());

        let environment = self.environment.unwrap_or_else(|| {
            environment_of(&variables).unwrap_or_else(|problem| {
                problems.push(problem);
                Environment::default()
            })
        });

        if let Some(named) = &self.directory
            && !named.is_dir()
        {
            let problem = "there is no such directory of configuration files";
            problems.push(ConfigProblem::in_source(
                named.display().to_string(),
                problem,
            ));
        }
        let directory = match self.directory {
            None if self.texts.is_empty() => Some(PathBuf::from(DEFAULT_DIRECTORY)),
            named_or_none => named_or_none,
        };
        if let Some(directory) = directory {
            let found = layers::of_directory(&directory, &environment);
            layers.extend(found.layers);
            names.extend(found.names);
            problems.extend(found.problems);
        }
        for (index, (format, text)) in self.texts.iter().enumerate() {
            let name = match self.texts.len() {
                1 => "the given text".to_owned(),
                _ => format!("given text {}", index + 1),
            };
            match layers::parse(&name, *format, text) {
                Ok(layer) => layers.push(layer),
                Err(problem) => problems.push(problem),
            }
            names.push(name);
        }
        let (layer, wrong) = variables.layer();
        if !layer.values.is_empty() {
            names.push("environment variables".to_owned());
        }
        layers.push(layer);
        problems.extend(wrong);

        let root = layers::merge(layers).unwrap_or_else(|problem| {
            problems.push(problem);
            Value::default()
        });
        Loaded {
            config: Config::new(root, declared, variables),
            environment,
            names,
            problems,
        }
    }
}

fn environment_of(variables: &Variables) -> Result<Environment, ConfigProblem> {
    let Some(value) = variables.get(ENVIRONMENT_VARIABLE) else {
        return Ok(Environment::default());
    };
    let origin = format!("environment variable {ENVIRONMENT_VARIABLE}");
    value
        .to_string_lossy()
        .parse()
        .map_err(|error: InvalidEnvironment| ConfigProblem::in_source(origin, error.to_string()))
}
