//! Collects modules and configuration, and builds an application of them.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::assembly::assemble::{Assembly, Replacement};
use crate::assembly::enable::Enabling;
use crate::assembly::graph::{Given, Graph};
use crate::assembly::plan::Plan;
use crate::config::Variables;
use crate::config::host_sections::host_sections;
use crate::config::load::{ConfigSources, Loaded};
use crate::context::AppFacts;
use crate::lifecycle::Lifecycle;
use crate::panic::catch;
use crate::readiness::Readiness;
use crate::{
    App, AppReport, BuildError, BuildErrors, ConfigFormat, ConfigureContext, Environment, Module,
    ModuleId,
};

/// Collects modules and configuration; made by [`App::builder`].
///
/// Nothing happens before [`build`](Self::build).
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Default)]
pub struct AppBuilder {
    name: Option<String>,
    modules: Vec<Given>,
    sources: ConfigSources,
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
        self.sources.directory = Some(directory.into());
        self
    }

    /// Adds a text as a layer above the files; later texts win over earlier ones.
    ///
    /// Files are then read only from a directory named by [`config_dir`](Self::config_dir), so that a test
    /// sees what it says.
    pub fn config_str(mut self, format: ConfigFormat, text: impl Into<String>) -> Self {
        self.sources.texts.push((format, text.into()));
        self
    }

    /// Where the application runs; wins over `APP_ENVIRONMENT`.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.sources.environment = Some(environment);
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
        self.sources.variables = Some(Variables::given(variables));
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
        let (graph, mut errors) = Graph::new(self.modules);
        let loaded = self.sources.load(declared_sections(&graph));
        if !loaded.problems.is_empty() {
            // What the modules would find missing may stand in the file that could not be read.
            errors.extend(loaded.problems.into_iter().map(BuildError::Configuration));
            return Err(BuildErrors::new(errors));
        }

        let mut plan = Plan::default();
        let (app, server, wrong) = host_sections(&loaded.config);
        wrong
            .iter()
            .for_each(|error| plan.note_configuration(error));
        let name = app.name.or(self.name).unwrap_or_else(|| "app".to_owned());

        let mut enabling = Enabling::ask(&graph, &loaded.config, &mut errors);
        configure(&graph, &mut enabling, &loaded, &name, &mut plan);
        errors.append(&mut plan.errors);
        let report = AppReport::of_plan(
            &name,
            &loaded.environment,
            loaded.names,
            &graph,
            &enabling,
            &plan,
        );

        let disabled = enabling.disabled(&graph);
        let modules = enabled_modules(&graph, &enabling);
        let mut assembly = Assembly {
            graph: &graph,
            unsound: enabling.unsound,
            errors,
        };
        let services = assembly.build(&mut plan, self.replacements, disabled).await;
        assembly.check(&mut plan, &services);

        let facts = Arc::new(AppFacts {
            name,
            config: loaded.config,
            environment: loaded.environment,
            services,
            started: CancellationToken::new(),
            draining: CancellationToken::new(),
        });
        let lifecycle = Arc::new(Lifecycle::new(modules, facts, server.shutdown_deadline));
        let checks = std::mem::take(&mut plan.health);
        let readiness = Arc::new(Readiness::new(checks, server.health_check_timeout, &report));
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

fn declared_sections(graph: &Graph) -> BTreeSet<String> {
    let sections = graph.nodes().iter().flat_map(|node| node.module.sections());
    sections.map(|section| (*section).to_owned()).collect()
}

/// Lets each enabled module say what it brings; one that fails is unsound.
fn configure(
    graph: &Graph,
    enabling: &mut Enabling,
    loaded: &Loaded,
    app_name: &str,
    plan: &mut Plan,
) {
    let enabled = enabling.enabled(graph);
    plan.provide_by_host(loaded.config.clone());
    plan.provide_by_host(loaded.environment.clone());
    plan.provide_by_host(enabled.clone());

    for (index, node) in graph.nodes().iter().enumerate() {
        if !enabling.is_enabled(index) || enabling.unsound.contains(&index) {
            continue;
        }
        let noted = plan.errors.len();
        let mut cx = ConfigureContext {
            module: node.name,
            index,
            config: &loaded.config,
            environment: &loaded.environment,
            app_name,
            enabled: &enabled,
            plan,
        };
        let configured = catch(|| node.module.configure(&mut cx));
        if let Err(source) = configured.unwrap_or_else(|panicked| Err(panicked.into())) {
            plan.note_failure(node.name, source);
        }
        if plan.errors.len() > noted {
            enabling.unsound.insert(index);
        }
    }
    // A module that failed may not have come to read its section.
    let all_read = (0..graph.nodes().len())
        .all(|index| !enabling.is_enabled(index) || !enabling.unsound.contains(&index));
    let unread = loaded.config.unread_sections(all_read).into_iter();
    plan.errors.extend(unread.map(BuildError::Configuration));
}

/// The modules to be started, in order.
fn enabled_modules(graph: &Graph, enabling: &Enabling) -> Vec<(&'static str, Arc<dyn Module>)> {
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .filter(|(index, _)| enabling.is_enabled(*index))
        .map(|(_, node)| (node.name, Arc::clone(&node.module)))
        .collect()
}
