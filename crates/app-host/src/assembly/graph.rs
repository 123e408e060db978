//! The modules of an application in an order in which each comes after what it depends on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::dependencies::{Dependency, DependencyKind};
use crate::{BuildError, Module, ModuleId};

/// A module with its place in the application.
pub(crate) struct Node {
    pub(crate) id: ModuleId,
    pub(crate) name: &'static str,
    pub(crate) module: Arc<dyn Module>,
    /// The module that pulled this one in, where nobody named it at the builder.
    pub(crate) pulled_in_by: Option<&'static str>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// The modules in order.
pub(crate) struct Graph {
    nodes: Vec<Node>,
    index: HashMap<ModuleId, usize>,
}

/// A module as the builder got it.
pub(crate) struct Given {
    pub(crate) id: ModuleId,
    pub(crate) module: Arc<dyn Module>,
}

impl Graph {
    /// Adds what is required and sorts; the order is that of the builder wherever the edges leave a choice.
    pub(crate) fn new(given: Vec<Given>) -> (Self, Vec<BuildError>) {
        let mut errors = Vec::new();
        let nodes = collect(given, &mut errors);
        let order = Sort::new(&nodes, &mut errors).run();
        (Self::in_order(nodes, &order), errors)
    }

    fn in_order(nodes: Vec<Node>, order: &[usize]) -> Self {
        let mut nodes: Vec<_> = nodes.into_iter().map(Some).collect();
        let nodes: Vec<_> = order.iter().filter_map(|&i| nodes[i].take()).collect();
        let index = nodes.iter().enumerate().map(|(i, node)| (node.id, i));
        Self {
            index: index.collect(),
            nodes,
        }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The place of a module in the order.
    pub(crate) fn index_of(&self, id: ModuleId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// Whether the module at `from`, or one that it depends on in any number of steps, is in `targets`.
    pub(crate) fn reaches(&self, from: usize, targets: &HashSet<usize>) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if targets.contains(&at) {
                return true;
            }
            if seen.insert(at) {
                let edges = &self.nodes[at].dependencies;
                open.extend(edges.iter().filter_map(|edge| self.index_of(edge.id)));
            }
        }
        false
    }
}

/// The given modules, and behind them what they require, in the order of discovery.
fn collect(given: Vec<Given>, errors: &mut Vec<BuildError>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut known = HashSet::new();
    for Given { id, module } in given {
        if known.insert(id) {
            nodes.push(node(id, module, None));
        } else {
            let module = module.name();
            errors.push(BuildError::DuplicateModule { module });
        }
    }

    let mut at = 0;
    while at < nodes.len() {
        let name = nodes[at].name;
        let missing: Vec<_> = nodes[at]
            .dependencies
            .iter()
            .filter(|edge| !known.contains(&edge.id))
            .filter_map(|edge| match edge.kind {
                DependencyKind::Required(make) => Some((edge.id, edge.type_name.clone(), make)),
                DependencyKind::After => None,
            })
            .collect();
        for (id, requirement, make) in missing {
            match make {
                Some(make) if known.insert(id) => nodes.push(node(id, make(), Some(name))),
                Some(_) => {}
                None => errors.push(BuildError::MissingRequirement {
                    module: name,
                    requirement,
                }),
            }
        }
        at += 1;
    }
    nodes
}

fn node(id: ModuleId, module: Arc<dyn Module>, pulled_in_by: Option<&'static str>) -> Node {
    Node {
        id,
        name: module.name(),
        dependencies: module.depends_on().into_edges(),
        module,
        pulled_in_by,
    }
}

/// A depth-first sort: what a module depends on is put before it.
struct Sort<'a> {
    nodes: &'a [Node],
    index: HashMap<ModuleId, usize>,
    state: Vec<Visit>,
    /// The modules being visited, from the outermost to the innermost.
    trail: Vec<usize>,
    order: Vec<usize>,
    errors: &'a mut Vec<BuildError>,
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    NotYet,
    Open,
    Done,
}

impl<'a> Sort<'a> {
    fn new(nodes: &'a [Node], errors: &'a mut Vec<BuildError>) -> Self {
        let index = nodes.iter().enumerate().map(|(i, node)| (node.id, i));
        Self {
            nodes,
            index: index.collect(),
            state: vec![Visit::NotYet; nodes.len()],
            trail: Vec::new(),
            order: Vec::with_capacity(nodes.len()),
            errors,
        }
    }

    fn run(mut self) -> Vec<usize> {
        for at in 0..self.nodes.len() {
            self.visit(at);
        }
        self.order
    }

    fn visit(&mut self, at: usize) {
        match self.state[at] {
            Visit::Done => return,
            // An edge back to a module on the trail closes a circle. It is reported and then left out, so
            // that everything else that is wrong can still be found.
            Visit::Open => return self.report_cycle(at),
            Visit::NotYet => {}
        }
        self.state[at] = Visit::Open;
        self.trail.push(at);
        let nodes = self.nodes;
        for edge in &nodes[at].dependencies {
            if let Some(&next) = self.index.get(&edge.id) {
                self.visit(next);
            }
        }
        self.trail.pop();
        self.state[at] = Visit::Done;
        self.order.push(at);
    }

    fn report_cycle(&mut self, at: usize) {
        let start = self.trail.iter().position(|&open| open == at).unwrap_or(0);
        let circle = self.trail[start..].iter().chain([&at]);
        self.errors.push(BuildError::Cycle {
            path: circle.map(|&i| self.nodes[i].name).collect(),
        });
    }
}
