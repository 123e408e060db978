//! What an application is made of, as a table.

use std::fmt;

use crate::assembly::enable::Enabling;
use crate::assembly::graph::Graph;
use crate::assembly::plan::Plan;
use crate::{Enablement, Environment};

/// What an application is made of: its modules, which are enabled or why not, and what they provide.
///
/// `Display` is the table that the host prints at start. It holds names and reasons, never values of the
/// configuration.
#[derive(Clone, Debug)]
pub struct AppReport {
    name: String,
    environment: Environment,
    configuration: Vec<String>,
    modules: Vec<ModuleReport>,
}

/// What one module is and does.
#[derive(Clone, Debug)]
pub struct ModuleReport {
    name: &'static str,
    enablement: Enablement,
    provides: Vec<String>,
    contributes_to: Vec<String>,
    pulled_in_by: Option<&'static str>,
}

impl AppReport {
    /// What the modules asked for, before anything is made of it.
    pub(crate) fn of_plan(
        name: &str,
        environment: &Environment,
        configuration: Vec<String>,
        graph: &Graph,
        enabling: &Enabling,
        plan: &Plan,
    ) -> Self {
        let nodes = graph.nodes().iter().zip(&enabling.answers).enumerate();
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
        Self {
            name: name.to_owned(),
            environment: environment.clone(),
            configuration,
            modules: modules.collect(),
        }
    }

    /// The name of the application.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the application runs.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The files and other sources that the configuration was read from, in the order of the layers.
    pub fn configuration(&self) -> &[String] {
        &self.configuration
    }

    /// The modules in the order of their start, disabled ones included.
    pub fn modules(&self) -> &[ModuleReport] {
        &self.modules
    }

    /// The module of this name.
    pub fn module(&self, name: &str) -> Option<&ModuleReport> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// Prints the table: as an event, or on standard error where nobody listens to events.
    pub(crate) fn announce(&self) {
        tracing::info!(app = self.name, environment = %self.environment, "modules\n{self}");
    }
}

impl ModuleReport {
    /// The name of the module.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the module takes part, or why not.
    pub fn enablement(&self) -> &Enablement {
        &self.enablement
    }

    /// Whether the module takes part.
    pub fn is_enabled(&self) -> bool {
        self.enablement == Enablement::Enabled
    }

    /// The types of the services that the module provides.
    pub fn provides(&self) -> &[String] {
        &self.provides
    }

    /// The types of the builders that the module contributes to.
    pub fn contributes_to(&self) -> &[String] {
        &self.contributes_to
    }

    /// The module that required this one, where nobody named it at the builder.
    pub fn pulled_in_by(&self) -> Option<&'static str> {
        self.pulled_in_by
    }

    fn state(&self) -> String {
        let state = match &self.enablement {
            Enablement::Enabled => "enabled".to_owned(),
            Enablement::Disabled { reason } => format!("disabled: {reason}"),
        };
        match self.pulled_in_by {
            Some(by) => format!("{state} (for {by})"),
            None => state,
        }
    }

    fn brings(&self) -> String {
        let mut brings = self.provides.clone();
        brings.extend(self.contributes_to.iter().map(|to| format!("+ {to}")));
        brings.join(", ")
    }
}

impl fmt::Display for AppReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = match self.configuration.as_slice() {
            [] => "no configuration".to_owned(),
            sources => sources.join(", "),
        };
        writeln!(f, "{} ({}), {sources}", self.name, self.environment)?;

        let header = ["module", "state", "provides (+ contributes to)"].map(str::to_owned);
        let rows = self
            .modules
            .iter()
            .map(|module| [module.name.to_owned(), module.state(), module.brings()]);
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        for (index, [name, state, brings]) in rows.iter().enumerate() {
            let line = format!("  {name:first$}  {state:second$}  {brings}");
            let end = if index + 1 == rows.len() { "" } else { "\n" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}
