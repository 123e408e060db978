//! Services made of builders and contributions, once.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};

use crate::assembly::graph::Graph;
use crate::assembly::plan::{Contribution, Owned, Plan, Product, Provider};
use crate::panic::{catch, catch_async};
use crate::service::AnyService;
use crate::{BoxError, BuildError, MissingService, Services};

/// A service that stands in for whatever a module provides.
pub(crate) struct Replacement {
    pub(crate) service: TypeId,
    pub(crate) value: AnyService,
}

/// Makes services of a plan, and notes what fails.
///
/// An error that only follows from another one is not told: a service that is missing because its module
/// could not be configured, in a module that depends on that one; or a service that cannot be built, where a
/// module failed that would have contributed to it.
pub(crate) struct Assembly<'a> {
    pub(crate) graph: &'a Graph,
    /// The places of modules that have failed already.
    pub(crate) unsound: HashSet<usize>,
    pub(crate) errors: Vec<BuildError>,
}

impl Assembly<'_> {
    /// Folds the contributions and builds the services in order.
    pub(crate) async fn build(
        &mut self,
        plan: &mut Plan,
        replacements: Vec<Replacement>,
        disabled: Vec<(&'static str, String)>,
    ) -> Services {
        let mut providers = self.without_duplicates(std::mem::take(&mut plan.providers));
        self.fold(&mut providers, std::mem::take(&mut plan.contributions));
        replace(&mut providers, replacements);

        let slots = providers.iter().map(|p| (p.service, p.module));
        let services = Services::with_slots(slots, disabled);
        for provider in providers {
            let service = provider.service;
            let built = self.build_one(provider, &services).await;
            services.fill(service, built);
        }
        services
    }

    /// Runs something of a module that looks at the finished services.
    pub(crate) fn run<T>(
        &mut self,
        owner: (&'static str, usize),
        work: impl FnOnce() -> Result<T, BoxError>,
        error: impl FnOnce(&'static str, BoxError) -> BuildError,
    ) -> Option<T> {
        let (module, index) = owner;
        let result = catch(work).unwrap_or_else(|panicked| Err(panicked.into()));
        result
            .map_err(|source| self.note(index, source, |source| error(module, source)))
            .ok()
    }

    /// Runs the checks of all modules.
    pub(crate) fn check(&mut self, plan: &mut Plan, services: &Services) {
        for Owned {
            module,
            index,
            value: check,
        } in std::mem::take(&mut plan.checks)
        {
            self.run(
                (module, index),
                || check(services),
                |module, source| BuildError::CheckFailed { module, source },
            );
        }
    }

    /// Keeps the first provider of each service.
    fn without_duplicates(&mut self, providers: Vec<Provider>) -> Vec<Provider> {
        let mut first: HashMap<TypeId, &'static str> = HashMap::new();
        let mut kept = Vec::with_capacity(providers.len());
        for provider in providers {
            match first.get(&provider.service) {
                Some(&first) => self.errors.push(BuildError::DuplicateProvider {
                    service: provider.service_name,
                    first,
                    second: provider.module,
                }),
                None => {
                    first.insert(provider.service, provider.module);
                    kept.push(provider);
                }
            }
        }
        kept
    }

    fn fold(&mut self, providers: &mut [Provider], contributions: Vec<Contribution>) {
        for contribution in contributions {
            let provider = providers
                .iter_mut()
                .find(|provider| provider.builder == Some(contribution.builder));
            match provider {
                Some(provider) => self.fold_one(provider, contribution),
                None if self.graph.reaches(contribution.index, &self.unsound) => {}
                None => self.errors.push(BuildError::ContributionWithoutProvider {
                    module: contribution.module,
                    builder: contribution.builder_name,
                }),
            }
        }
    }

    fn fold_one(&mut self, provider: &mut Provider, contribution: Contribution) {
        let Contribution {
            module,
            index,
            builder_name,
            fold,
            ..
        } = contribution;
        // Out while it is changed: a contribution that fails has used the builder up.
        match std::mem::replace(&mut provider.product, Product::Spoiled) {
            Product::Unfinished { builder, build } => {
                let folded = self.run(
                    (module, index),
                    || fold(builder),
                    |module, source| BuildError::ContributionFailed {
                        module,
                        builder: builder_name,
                        source,
                    },
                );
                if let Some(builder) = folded {
                    provider.product = Product::Unfinished { builder, build };
                }
            }
            other => provider.product = other,
        }
    }

    async fn build_one(&mut self, provider: Provider, services: &Services) -> Option<AnyService> {
        let Provider {
            module,
            index,
            service_name,
            product,
            ..
        } = provider;
        let (builder, build) = match product {
            Product::Finished(value) => return Some(value),
            Product::Spoiled => return None,
            Product::Unfinished { .. } if self.unsound.contains(&index) => return None,
            Product::Unfinished { builder, build } => (builder, build),
        };
        let built = catch_async(build(builder, services.clone())).await;
        match built.unwrap_or_else(|panicked| Err(panicked.into())) {
            Ok(service) => Some(service),
            // What it lacks may be what that module would have contributed.
            Err(_) if self.is_unfinished(index) => None,
            Err(source) => {
                self.note(index, source, |source| BuildError::ServiceFailed {
                    module,
                    service: service_name,
                    source,
                });
                None
            }
        }
    }

    fn note(&mut self, index: usize, source: BoxError, error: impl FnOnce(BoxError) -> BuildError) {
        if !self.is_consequence(index, &source) {
            self.errors.push(error(source));
        }
    }

    /// Whether a module has failed that could have contributed to what this one provides.
    fn is_unfinished(&self, index: usize) -> bool {
        let provider = HashSet::from([index]);
        let mut failed = self.unsound.iter();
        failed.any(|failed| self.graph.reaches(*failed, &provider))
    }

    /// Whether an error of a module only follows from one that has been noted.
    fn is_consequence(&self, index: usize, source: &BoxError) -> bool {
        match missing_service(source) {
            Some(MissingService::Failed { .. }) => true,
            Some(_) => self.graph.reaches(index, &self.unsound),
            None => false,
        }
    }
}

fn replace(providers: &mut Vec<Provider>, replacements: Vec<Replacement>) {
    for Replacement { service, value } in replacements {
        let product = Product::Finished(value);
        match providers.iter_mut().find(|p| p.service == service) {
            Some(provider) => provider.product = product,
            // Of a module that is disabled or not in this application.
            None => providers.push(Provider {
                module: "a replacement",
                index: usize::MAX,
                service,
                service_name: String::new(),
                builder: None,
                product,
            }),
        }
    }
}

fn missing_service(error: &BoxError) -> Option<&MissingService> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = next {
        if let Some(missing) = error.downcast_ref::<MissingService>() {
            return Some(missing);
        }
        next = error.source();
    }
    None
}
