//! What a module may do while it is being configured.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::assembly::plan::{Check, Contribution, Owned, Plan, Provider};
use crate::health::HealthCheck;
use crate::made::Made;
use crate::{
    BoxError, Config, ConfigError, EnabledModules, Environment, Health, Module, ModuleId,
    ServiceBuilder, Services,
};

/// What [`Module::configure`] works with: reading configuration, and saying what the module brings.
pub struct ConfigureContext<'a> {
    pub(crate) module: &'static str,
    pub(crate) index: usize,
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    pub(crate) app_name: &'a str,
    pub(crate) enabled: &'a EnabledModules,
    pub(crate) plan: &'a mut Plan,
}

impl ConfigureContext<'_> {
    /// The configuration as a whole; a module's own section is read with [`section`](Self::section).
    pub fn config(&self) -> &Config {
        self.config
    }

    /// Where the application runs.
    pub fn environment(&self) -> &Environment {
        self.environment
    }

    /// The name of the application.
    pub fn app_name(&self) -> &str {
        self.app_name
    }

    /// Whether the module `M` takes part.
    pub fn is_enabled<M: Module>(&self) -> bool {
        self.enabled.contains(ModuleId::of::<M>())
    }

    /// Reads the section at a path such as `"cache.redis"`; an absent section is an empty table.
    ///
    /// Give `T` the attributes `#[serde(deny_unknown_fields, default)]`. Sections of other modules inside
    /// this one ([`Module::sections`]) are left out.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong in the section. The host has noted it already:
    /// return it with `?`, it is not reported twice.
    pub fn section<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ConfigError> {
        self.config.section(path).inspect_err(|error| {
            self.plan.note_configuration(error);
        })
    }

    /// Provides the service that `builder` makes once all modules have contributed.
    ///
    /// Two providers of one service type are a build error.
    pub fn provide<B: ServiceBuilder>(&mut self, builder: B) {
        self.plan
            .providers
            .push(Provider::of_builder(self.module, self.index, builder));
    }

    /// Provides a service that is finished already.
    pub fn provide_value<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.plan
            .providers
            .push(Provider::of_value(self.module, self.index, value));
    }

    /// Provides a service that is made of the services of others, and to which nobody contributes.
    ///
    /// ```
    /// use app_host::{BoxError, ConfigureContext};
    ///
    /// #[derive(Clone)]
    /// struct Database;
    ///
    /// #[derive(Clone)]
    /// struct Invoices(Database);
    ///
    /// fn configure(cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
    ///     cx.provide_with(|services| Ok(Invoices(services.get()?)));
    ///     Ok(())
    /// }
    /// ```
    pub fn provide_with<T: Clone + Send + Sync + 'static>(
        &mut self,
        make: impl FnOnce(&Services) -> Result<T, BoxError> + Send + 'static,
    ) {
        self.provide(Made::by(make));
    }

    /// Changes the builder `B` that another module provides (or this one), before it is built.
    ///
    /// Contributions are folded in the order of the modules. That nobody provides `B` is a build error;
    /// ask [`is_enabled`](Self::is_enabled) where that is fine.
    pub fn contribute<B: ServiceBuilder>(
        &mut self,
        change: impl FnOnce(B) -> Result<B, BoxError> + Send + 'static,
    ) {
        self.plan
            .contributions
            .push(Contribution::new(self.module, self.index, change));
    }

    /// Looks at the finished services; an error becomes a build error, together with all others.
    pub fn check(
        &mut self,
        check: impl FnOnce(&Services) -> Result<(), BoxError> + Send + 'static,
    ) {
        let check: Check = Box::new(check);
        self.plan.checks.push(self.owned(check));
    }

    /// Adds a part to readiness: `check` is asked at each request for it, bounded by
    /// `server.health_check_timeout`; a panic or no answer counts as [`Health::Down`].
    ///
    /// ```
    /// use app_host::{BoxError, ConfigureContext, Health};
    ///
    /// fn configure(cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
    ///     cx.health_check("queue", |_services| async { Health::degraded("42 items wait") });
    ///     Ok(())
    /// }
    /// ```
    pub fn health_check<F, Fut>(&mut self, name: impl Into<String>, check: F)
    where
        F: Fn(Services) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Health> + Send + 'static,
    {
        self.plan.health.push(HealthCheck {
            name: name.into(),
            module: self.module,
            ask: Arc::new(move |services| Box::pin(check(services))),
        });
    }

    fn owned<T>(&self, value: T) -> Owned<T> {
        Owned {
            module: self.module,
            index: self.index,
            value,
        }
    }
}

#[cfg(feature = "http")]
impl ConfigureContext<'_> {
    /// Adds routes that every [`layer`](Self::layer) of the application wraps.
    ///
    /// They answer 503 until the application has started. `make` runs once, after assembly.
    pub fn routes(
        &mut self,
        make: impl FnOnce(&Services) -> Result<axum::Router, BoxError> + Send + 'static,
    ) {
        let routes = self.owned(Box::new(make) as _);
        self.plan.http.routes.push(routes);
    }

    /// Adds routes that no layer wraps and that answer at any time: metrics, documentation.
    pub fn open_routes(
        &mut self,
        make: impl FnOnce(&Services) -> Result<axum::Router, BoxError> + Send + 'static,
    ) {
        let routes = self.owned(Box::new(make) as _);
        self.plan.http.open_routes.push(routes);
    }

    /// Puts a layer around all [`routes`](Self::routes) of all modules: the first module's is outermost.
    ///
    /// ```
    /// use app_host::{BoxError, ConfigureContext};
    /// use axum::middleware::{Next, from_fn};
    ///
    /// fn configure(cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
    ///     cx.layer(|_services, router| {
    ///         Ok(router.layer(from_fn(|request, next: Next| next.run(request))))
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn layer(
        &mut self,
        wrap: impl FnOnce(&Services, axum::Router) -> Result<axum::Router, BoxError> + Send + 'static,
    ) {
        let layer = self.owned(Box::new(wrap) as _);
        self.plan.http.layers.push(layer);
    }
}

impl fmt::Debug for ConfigureContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigureContext")
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}
