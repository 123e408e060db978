//! Which modules take part.

use std::collections::HashSet;

use crate::assembly::graph::Graph;
use crate::dependencies::DependencyKind;
use crate::panic::catch;
use crate::{BuildError, Config, EnabledModules, Enablement};

/// Which modules take part, by their place in the order.
pub(crate) struct Enabling {
    pub(crate) answers: Vec<Enablement>,
    /// The places of modules that cannot be configured, for a reason that has been noted.
    pub(crate) unsound: HashSet<usize>,
}

impl Enabling {
    /// Asks each module once, in order, and looks for requirements that are not met.
    pub(crate) fn ask(graph: &Graph, config: &Config, errors: &mut Vec<BuildError>) -> Self {
        let mut enabling = Self {
            answers: Vec::with_capacity(graph.nodes().len()),
            unsound: HashSet::new(),
        };
        for (index, node) in graph.nodes().iter().enumerate() {
            let answer = catch(|| node.module.enablement(config)).unwrap_or_else(|panicked| {
                enabling.unsound.insert(index);
                errors.push(BuildError::ConfigureFailed {
                    module: node.name,
                    source: panicked.into(),
                });
                Enablement::Enabled
            });
            enabling.answers.push(answer);
        }
        enabling.require(graph, errors);
        enabling
    }

    pub(crate) fn is_enabled(&self, index: usize) -> bool {
        matches!(self.answers[index], Enablement::Enabled)
    }

    pub(crate) fn enabled(&self, graph: &Graph) -> EnabledModules {
        let nodes = graph.nodes().iter().enumerate();
        let enabled = nodes.filter(|(index, _)| self.is_enabled(*index));
        EnabledModules::new(enabled.map(|(_, node)| node.id))
    }

    /// The names of the modules that do not take part, with their reasons.
    pub(crate) fn disabled(&self, graph: &Graph) -> Vec<(&'static str, String)> {
        let nodes = graph.nodes().iter().zip(&self.answers);
        nodes
            .filter_map(|(node, answer)| match answer {
                Enablement::Enabled => None,
                Enablement::Disabled { reason } => Some((node.name, reason.clone())),
            })
            .collect()
    }

    /// An enabled module whose requirement is disabled or missing cannot be configured.
    fn require(&mut self, graph: &Graph, errors: &mut Vec<BuildError>) {
        for (index, node) in graph.nodes().iter().enumerate() {
            if !self.is_enabled(index) {
                continue;
            }
            let edges = node.dependencies.iter();
            for edge in edges.filter(|edge| !matches!(edge.kind, DependencyKind::After)) {
                let Some(required) = graph.index_of(edge.id) else {
                    // Noted when the modules were collected.
                    self.unsound.insert(index);
                    continue;
                };
                if let Enablement::Disabled { reason } = &self.answers[required] {
                    errors.push(BuildError::DisabledRequirement {
                        module: node.name,
                        requirement: graph.nodes()[required].name,
                        reason: reason.clone(),
                    });
                    self.unsound.insert(index);
                }
            }
        }
    }
}
