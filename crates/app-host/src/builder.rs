//! Collects modules and configuration, and builds an application of them.

use std::any::TypeId;
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use ::config::Value;
use tokio_util::sync::CancellationToken;

use crate::assembly::assemble::{Assembly, Replacement};
use crate::assembly::graph::{Given, Graph};
use crate::assembly::plan::{Plan, Provider};
use crate::config::{Variables, layers};
use crate::context::AppFacts;
use crate::dependencies::DependencyKind;
use crate::lifecycle::Lifecycle;
use crate::panic::catch;
use crate::readiness::Readiness;
use crate::report::{AppReport, ModuleReport};
use crate::{
    App, AppConfig, BuildError, BuildErrors, Config, ConfigError, ConfigFormat, ConfigProblem,
    ConfigureContext, EnabledModules, Enablement, Environment, Module, ModuleId, ServerConfig,
};

/// Where configuration files are looked for unless said otherwise, from the working directory.
const DEFAULT_DIRECTORY: &str = "config";
const ENVIRONMENT_VARIABLE: &str = "APP_ENVIRONMENT";

/// Collects modules and configuration; made by [`App::builder`].
///
/// Nothing happens before [`build`](Self::build).
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Default)]
pub struct AppBuilder {
    name: Option<String>,
    modules: Vec<Given>,
    directory: Option<PathBuf>,
    texts: Vec<(ConfigFormat, String)>,
    environment: Option<Environment>,
    variables: Option<Variables>,
    replacements: Vec<Replacement>,
}

impl AppBuilder {
    /// The name of the application; caches use it as the prefix of their keys. Default `app`; `app.name` in
    /// the configuration wins.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a module that can be made from nothing. Modules that it requires need not be named.
    pub fn module<M: Module + Default>(self) -> Self {
        self.with_module(M::default())
    }

    /// Adds a module that is there already.
    pub fn with_module<M: Module>(mut self, module: M) -> Self {
        self.modules.push(Given {
            id: ModuleId::of::<M>(),
            module: Arc::new(module),
        });
        self
    }

    /// Where the configuration files are. Default `config` in the working directory, which need not exist; a
    /// directory named here must.
    pub fn config_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Adds a text as a layer above the files; later texts win over earlier ones.
    ///
    /// Files are then read only from a directory named by [`config_dir`](Self::config_dir), so that a test
    /// sees what it says.
    pub fn config_str(mut self, format: ConfigFormat, text: impl Into<String>) -> Self {
        self.texts.push((format, text.into()));
        self
    }

    /// Where the application runs; wins over `APP_ENVIRONMENT`.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// No environment variable is looked at, neither `APP__…` nor `APP_ENVIRONMENT`, nor those that secrets
    /// refer to.
    pub fn without_environment_variables(self) -> Self {
        self.env_vars([] as [(String, String); 0])
    }

    /// These variables are looked at instead of those of the process.
    pub fn env_vars<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let variables = variables.into_iter().map(|(k, v)| (k.into(), v.into()));
        self.variables = Some(Variables::given(variables));
        self
    }

    /// Uses `service` wherever a `T` is asked for, instead of what a module provides: for tests.
    ///
    /// The builder of the module is not built.
    pub fn replace_service<T: Clone + Send + Sync + 'static>(mut self, service: T) -> Self {
        self.replacements.push(Replacement {
            service: TypeId::of::<T>(),
            value: Box::new(service),
        });
        self
    }

    /// Orders and configures the modules and builds the services. Nothing is opened and nothing started.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: see [`BuildError`]. What only follows from another error is left
    /// out.
    pub async fn build(self) -> Result<App, BuildErrors> {
        let Self {
            name,
            modules,
            directory,
            texts,
            environment,
            variables,
            replacements,
        } = self;

        let (graph, mut errors) = Graph::new(modules);
        let loaded = load(directory, texts, environment, variables, declared(&graph));
        let Loaded {
            config,
            environment,
            sources,
            problems,
        } = loaded;
        if !problems.is_empty() {
            // What the modules would find missing may stand in the file that could not be read.
            errors.extend(problems.into_iter().map(BuildError::Configuration));
            return Err(BuildErrors::new(errors));
        }

        let mut plan = Plan::default();
        let (app, server) = host_sections(&config, &mut plan);
        let name = app.name.or(name).unwrap_or_else(|| "app".to_owned());

        let mut unsound = HashSet::new();
        let enablement = enablement(&graph, &config, &mut unsound, &mut errors);
        require_enabled(&graph, &enablement, &mut unsound, &mut errors);
        let enabled = (0..graph.nodes().len()).filter(|&i| is_enabled(&enablement[i]));
        let enabled = EnabledModules::new(enabled.map(|i| graph.nodes()[i].id));
        host_services(&mut plan, &config, &environment, &enabled);

        for (index, node) in graph.nodes().iter().enumerate() {
            if !is_enabled(&enablement[index]) || unsound.contains(&index) {
                continue;
            }
            let mut cx = ConfigureContext {
                module: node.name,
                index,
                config: &config,
                environment: &environment,
                app_name: &name,
                enabled: &enabled,
                plan: &mut plan,
            };
            let noted = cx.plan.errors.len();
            let configured = catch(|| node.module.configure(&mut cx));
            if let Err(source) = configured.unwrap_or_else(|panicked| Err(panicked.into())) {
                note_configure_failure(&mut plan, node.name, source);
            }
            if plan.errors.len() > noted {
                unsound.insert(index);
            }
        }
        let unread = config.unread_sections();
        plan.errors
            .extend(unread.into_iter().map(BuildError::Configuration));
        errors.append(&mut plan.errors);

        let report = report(&name, &environment, sources, &graph, &enablement, &plan);
        let disabled = disabled(&graph, &enablement);
        let mut assembly = Assembly {
            graph: &graph,
            unsound,
            errors,
        };
        let services = assembly.build(&mut plan, replacements, disabled).await;
        assembly.check(&mut plan, &services);

        let facts = Arc::new(AppFacts {
            name,
            config,
            environment,
            services,
            draining: CancellationToken::new(),
        });
        let modules = graph
            .nodes()
            .iter()
            .enumerate()
            .filter(|(index, _)| is_enabled(&enablement[*index]))
            .map(|(_, node)| (node.name, Arc::clone(&node.module)));
        let lifecycle = Arc::new(Lifecycle::new(
            modules.collect(),
            Arc::clone(&facts),
            server.shutdown_deadline,
        ));
        let readiness = Arc::new(Readiness::new(
            plan.health,
            server.health_check_timeout,
            &report,
        ));
        #[cfg(feature = "http")]
        let http = crate::http::HttpApp::assemble(
            &mut assembly,
            plan.http,
            &lifecycle,
            &readiness,
            &server,
        );

        if !assembly.errors.is_empty() {
            return Err(BuildErrors::new(assembly.errors));
        }
        Ok(App {
            lifecycle,
            readiness,
            report,
            #[cfg(feature = "http")]
            http,
        })
    }
}

/// The configuration of the layers, and all that is wrong with them.
struct Loaded {
    config: Config,
    environment: Environment,
    sources: Vec<String>,
    problems: Vec<ConfigProblem>,
}

fn load(
    directory: Option<PathBuf>,
    texts: Vec<(ConfigFormat, String)>,
    environment: Option<Environment>,
    variables: Option<Variables>,
    declared: BTreeSet<String>,
) -> Loaded {
    let variables = variables.unwrap_or_else(Variables::of_process);
    let (mut layers, mut sources, mut problems) = (Vec::new(), Vec::new(), Vec::new());

    let environment = environment.unwrap_or_else(|| {
        environment_of(&variables).unwrap_or_else(|problem| {
            problems.push(problem);
            Environment::default()
        })
    });

    if let Some(named) = &directory
        && !named.is_dir()
    {
        let problem = "there is no such directory of configuration files";
        problems.push(ConfigProblem::in_source(
            named.display().to_string(),
            problem,
        ));
    }
    let directory = match directory {
        None if texts.is_empty() => Some(PathBuf::from(DEFAULT_DIRECTORY)),
        other => other,
    };
    if let Some(directory) = directory {
        let (found, names, wrong) = layers::of_directory(&directory, &environment);
        layers.extend(found);
        sources.extend(names);
        problems.extend(wrong);
    }
    for (index, (format, text)) in texts.iter().enumerate() {
        let origin = match texts.len() {
            1 => "the given text".to_owned(),
            _ => format!("given text {}", index + 1),
        };
        match layers::parse(&origin, *format, text) {
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
        sources.push(origin);
    }
    let (layer, wrong) = variables.layer();
    if !layer.values.is_empty() {
        sources.push("environment variables".to_owned());
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
        sources,
        problems,
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
        .map_err(|error: crate::InvalidEnvironment| {
            ConfigProblem::in_source(origin, error.to_string())
        })
}

fn declared(graph: &Graph) -> BTreeSet<String> {
    let sections = graph.nodes().iter().flat_map(|node| node.module.sections());
    sections.map(|section| (*section).to_owned()).collect()
}

/// The sections of the host itself; defaults where they are wrong, which has been noted then.
fn host_sections(config: &Config, plan: &mut Plan) -> (AppConfig, ServerConfig) {
    let mut wrong = Vec::new();
    let app: AppConfig = config
        .section("app")
        .unwrap_or_else(|error| note(error, &mut wrong));
    if app.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        let origin = config.origin("app.name");
        wrong.push(ConfigError::custom(
            origin,
            "app.name",
            "expected a name, found nothing",
        ));
    }
    let server: ServerConfig = config
        .section("server")
        .unwrap_or_else(|error| note(error, &mut wrong));
    for (key, expectation) in server.faults() {
        let key = format!("server.{key}");
        wrong.push(ConfigError::custom(config.origin(&key), key, expectation));
    }
    for error in &wrong {
        plan.note_configuration(error);
    }
    (app, server)
}

fn note<T: Default>(error: ConfigError, wrong: &mut Vec<ConfigError>) -> T {
    wrong.push(error);
    T::default()
}

/// Asks each module once, in order.
fn enablement(
    graph: &Graph,
    config: &Config,
    unsound: &mut HashSet<usize>,
    errors: &mut Vec<BuildError>,
) -> Vec<Enablement> {
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .map(|(index, node)| {
            catch(|| node.module.enablement(config)).unwrap_or_else(|panicked| {
                unsound.insert(index);
                errors.push(BuildError::ConfigureFailed {
                    module: node.name,
                    source: panicked.into(),
                });
                Enablement::Enabled
            })
        })
        .collect()
}

/// An enabled module whose requirement is disabled or missing cannot be configured.
fn require_enabled(
    graph: &Graph,
    enablement: &[Enablement],
    unsound: &mut HashSet<usize>,
    errors: &mut Vec<BuildError>,
) {
    for (index, node) in graph.nodes().iter().enumerate() {
        if !is_enabled(&enablement[index]) {
            continue;
        }
        for edge in &node.dependencies {
            if matches!(edge.kind, DependencyKind::After) {
                continue;
            }
            let Some(required) = graph.index_of(edge.id) else {
                // Noted when the modules were collected.
                unsound.insert(index);
                continue;
            };
            if let Enablement::Disabled { reason } = &enablement[required] {
                unsound.insert(index);
                errors.push(BuildError::DisabledRequirement {
                    module: node.name,
                    requirement: graph.nodes()[required].name,
                    reason: reason.clone(),
                });
            }
        }
    }
}

/// Notes why a module could not be configured, unless its section has been noted as the reason.
fn note_configure_failure(plan: &mut Plan, module: &'static str, source: crate::BoxError) {
    let Some(config_error) = source.downcast_ref::<ConfigError>() else {
        plan.errors
            .push(BuildError::ConfigureFailed { module, source });
        return;
    };
    for problem in config_error.problems() {
        let is_noted = plan
            .errors
            .iter()
            .any(|noted| matches!(noted, BuildError::Configuration(noted) if noted == problem));
        if !is_noted {
            plan.errors.push(BuildError::Configuration(problem.clone()));
        }
    }
}

/// What the host itself provides to all modules.
fn host_services(
    plan: &mut Plan,
    config: &Config,
    environment: &Environment,
    enabled: &EnabledModules,
) {
    const HOST: (&str, usize) = ("app-host", usize::MAX);
    plan.providers.extend([
        Provider::of_value(HOST.0, HOST.1, config.clone()),
        Provider::of_value(HOST.0, HOST.1, environment.clone()),
        Provider::of_value(HOST.0, HOST.1, enabled.clone()),
    ]);
}

fn is_enabled(enablement: &Enablement) -> bool {
    matches!(enablement, Enablement::Enabled)
}

fn disabled(graph: &Graph, enablement: &[Enablement]) -> Vec<(&'static str, String)> {
    let nodes = graph.nodes().iter().zip(enablement);
    nodes
        .filter_map(|(node, enablement)| match enablement {
            Enablement::Enabled => None,
            Enablement::Disabled { reason } => Some((node.name, reason.clone())),
        })
        .collect()
}

fn report(
    name: &str,
    environment: &Environment,
    configuration: Vec<String>,
    graph: &Graph,
    enablement: &[Enablement],
    plan: &Plan,
) -> AppReport {
    let nodes = graph.nodes().iter().zip(enablement).enumerate();
    let modules = nodes.map(|(index, (node, enablement))| {
        let provides = plan.providers.iter().filter(|p| p.index == index);
        let contributes = plan.contributions.iter().filter(|c| c.index == index);
        ModuleReport {
            name: node.name,
            enablement: enablement.clone(),
            provides: provides.map(|p| p.service_name.clone()).collect(),
            contributes_to: contributes.map(|c| c.builder_name.clone()).collect(),
            pulled_in_by: node.pulled_in_by,
        }
    });
    AppReport {
        name: name.to_owned(),
        environment: environment.clone(),
        configuration,
        modules: modules.collect(),
    }
}
