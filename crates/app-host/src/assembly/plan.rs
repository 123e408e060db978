//! What modules asked for in `configure`, before anything is made of it.

use std::any::{Any, TypeId, type_name};
use std::future::Future;
use std::pin::Pin;

use crate::health::HealthCheck;
use crate::service::AnyService;
use crate::type_name::short;
use crate::{BoxError, BuildError, ConfigError, ServiceBuilder, Services};

/// What all modules asked for, in the order of the modules.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) providers: Vec<Provider>,
    pub(crate) contributions: Vec<Contribution>,
    pub(crate) checks: Vec<Owned<Check>>,
    pub(crate) health: Vec<HealthCheck>,
    #[cfg(feature = "http")]
    pub(crate) http: crate::http::plan::HttpPlan,
    pub(crate) errors: Vec<BuildError>,
}

impl Plan {
    pub(crate) fn note_configuration(&mut self, error: &ConfigError) {
        let problems = error.problems().iter().cloned();
        self.errors.extend(problems.map(BuildError::Configuration));
    }

    /// Notes why a module could not be configured, unless its section has been noted as the reason.
    pub(crate) fn note_failure(&mut self, module: &'static str, source: BoxError) {
        let Some(config_error) = source.downcast_ref::<ConfigError>() else {
            self.errors
                .push(BuildError::ConfigureFailed { module, source });
            return;
        };
        for problem in config_error.problems() {
            let is_noted = self
                .errors
                .iter()
                .any(|noted| matches!(noted, BuildError::Configuration(noted) if noted == problem));
            if !is_noted {
                self.errors.push(BuildError::Configuration(problem.clone()));
            }
        }
    }

    /// Provides what the host itself has for all modules.
    pub(crate) fn provide_by_host<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        // No module has this place.
        let provider = Provider::of_value("app-host", usize::MAX, value);
        self.providers.push(provider);
    }
}

/// Something that one module asked for.
pub(crate) struct Owned<T> {
    pub(crate) module: &'static str,
    /// The place of the module in the order.
    pub(crate) index: usize,
    pub(crate) value: T,
}

pub(crate) type Check = Box<dyn FnOnce(&Services) -> Result<(), BoxError> + Send>;

type AnyBuilder = Box<dyn Any + Send>;
type BuildFuture = Pin<Box<dyn Future<Output = Result<AnyService, BoxError>> + Send>>;
type Fold = Box<dyn FnOnce(AnyBuilder) -> Result<AnyBuilder, BoxError> + Send>;

/// One service to be, erased to its types' ids.
pub(crate) struct Provider {
    pub(crate) module: &'static str,
    pub(crate) index: usize,
    pub(crate) service: TypeId,
    pub(crate) service_name: String,
    /// `None` for a value, which nobody can contribute to.
    pub(crate) builder: Option<TypeId>,
    pub(crate) product: Product,
}

/// How far a service is.
pub(crate) enum Product {
    Unfinished {
        builder: AnyBuilder,
        build: fn(AnyBuilder, Services) -> BuildFuture,
    },
    Finished(AnyService),
    /// A contribution failed, which has been reported.
    Spoiled,
}

impl Provider {
    pub(crate) fn of_builder<B: ServiceBuilder>(
        module: &'static str,
        index: usize,
        builder: B,
    ) -> Self {
        Self {
            module,
            index,
            service: TypeId::of::<B::Service>(),
            service_name: short(type_name::<B::Service>()),
            builder: Some(TypeId::of::<B>()),
            product: Product::Unfinished {
                builder: Box::new(builder),
                build: build::<B>,
            },
        }
    }

    pub(crate) fn of_value<T: Clone + Send + Sync + 'static>(
        module: &'static str,
        index: usize,
        value: T,
    ) -> Self {
        Self {
            module,
            index,
            service: TypeId::of::<T>(),
            service_name: short(type_name::<T>()),
            builder: None,
            product: Product::Finished(Box::new(value)),
        }
    }
}

fn build<B: ServiceBuilder>(builder: AnyBuilder, services: Services) -> BuildFuture {
    Box::pin(async move {
        let service = downcast::<B>(builder).build(&services).await?;
        Ok(Box::new(service) as AnyService)
    })
}

/// A change to a builder that some module provides.
pub(crate) struct Contribution {
    pub(crate) module: &'static str,
    pub(crate) index: usize,
    pub(crate) builder: TypeId,
    pub(crate) builder_name: String,
    pub(crate) fold: Fold,
}

impl Contribution {
    pub(crate) fn new<B: ServiceBuilder>(
        module: &'static str,
        index: usize,
        change: impl FnOnce(B) -> Result<B, BoxError> + Send + 'static,
    ) -> Self {
        Self {
            module,
            index,
            builder: TypeId::of::<B>(),
            builder_name: short(type_name::<B>()),
            fold: Box::new(move |builder| {
                let changed = change(downcast::<B>(builder))?;
                Ok(Box::new(changed) as AnyBuilder)
            }),
        }
    }
}

fn downcast<B: 'static>(builder: AnyBuilder) -> B {
    *builder
        .downcast::<B>()
        .expect("builders are stored and found by the id of their type")
}
