//! A part of an application, from its configuration to its end.

use std::any::TypeId;

use async_trait::async_trait;

use crate::{AppContext, BoxError, Config, ConfigureContext, Dependencies, Enablement};

/// A part of an application.
///
/// Only [`name`](Module::name) is required. The host calls the steps in this order:
///
/// 1. [`depends_on`](Module::depends_on): which modules come before this one. Required modules are
///    pulled in without naming them at the builder.
/// 2. [`enablement`](Module::enablement): whether this module takes part. Asked once, in dependency
///    order; the answer shows in the report. A disabled module is in none of the steps below.
/// 3. [`configure`](Module::configure): reads its section, provides services and contributes to those of
///    others, adds routes, checks and health checks. Opens nothing.
/// 4. *Assembly*, by the host: contributions are folded over each builder, then each service is built
///    once, in the order of the modules that provide them; then checks run and routes are made.
/// 5. [`start`](Module::start): opens what the module owns; dependencies have started before. When it
///    fails, what had started is stopped in reverse.
/// 6. [`stop`](Module::stop): drains and closes; dependents have stopped before. Bounded in time.
///
/// ```
/// use app_host::{AppContext, BoxError, Dependencies, Module, async_trait};
///
/// #[derive(Default)]
/// struct Database;
///
/// impl Module for Database {
///     fn name(&self) -> &'static str {
///         "database"
///     }
/// }
///
/// #[derive(Default)]
/// struct Invoices;
///
/// #[async_trait]
/// impl Module for Invoices {
///     fn name(&self) -> &'static str {
///         "invoices"
///     }
///
///     fn depends_on(&self) -> Dependencies {
///         Dependencies::none().requires::<Database>()
///     }
///
///     async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
///         let shutdown = cx.shutdown().clone();
///         cx.spawn(async move { shutdown.cancelled().await });
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Module: Send + Sync + 'static {
    /// The name that people read in logs, reports and errors, such as `"caching-redis"`.
    ///
    /// The identity of a module is its type, not its name.
    fn name(&self) -> &'static str;

    /// The modules that come before this one.
    fn depends_on(&self) -> Dependencies {
        Dependencies::none()
    }

    /// The sections of the configuration that belong to this module, such as `["cache.redis"]`.
    ///
    /// Needed in two cases only; a section that is read in [`configure`](Module::configure) belongs to the
    /// module anyway.
    ///
    /// - The section stands inside another module's: `cache.redis` inside `cache`. It is then left out of
    ///   what the other module reads, so that its `deny_unknown_fields` does not refuse it.
    /// - The module may be disabled while its section is present: without a reader the section would be
    ///   reported as a typing error.
    fn sections(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether this module takes part; asked once, before any module is configured.
    ///
    /// Pure: it looks at the configuration and at nothing else. A setting that cannot be read is best
    /// answered with [`Enablement::Enabled`]; `configure` then reports what is wrong with it.
    fn enablement(&self, config: &Config) -> Enablement {
        let _ = config;
        Enablement::Enabled
    }

    /// Reads the module's section and says what it brings. Opens nothing.
    ///
    /// # Errors
    ///
    /// Whatever makes this module unable to take part. The host goes on with the other modules and
    /// reports all errors together.
    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let _ = cx;
        Ok(())
    }

    /// Opens what the module owns: connections, subscriptions, tasks (by [`AppContext::spawn`]).
    ///
    /// # Errors
    ///
    /// Whatever keeps the module from working at all; the modules that have started are then stopped in
    /// reverse. A dependency that may be away for a while (a cache server) is better reported by a
    /// health check than by an error here.
    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        let _ = cx;
        Ok(())
    }

    /// Drains and closes what the module owns. Called only when its `start` succeeded.
    ///
    /// [`AppContext::shutdown`] has been cancelled by then; tasks spawned by [`AppContext::spawn`] are
    /// waited for after `stop` has returned. Both share the time that is left of
    /// `server.shutdown_deadline`; a module that is late is reported.
    ///
    /// # Errors
    ///
    /// Whatever could not be closed cleanly; it is reported, and the other modules stop nevertheless.
    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        let _ = cx;
        Ok(())
    }
}

/// The identity of a module: its type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModuleId(TypeId);

impl ModuleId {
    /// The identity of the module type `M`.
    pub const fn of<M: 'static>() -> Self {
        Self(TypeId::of::<M>())
    }

    /// The identity of the module whose type has this id.
    pub const fn from_type_id(id: TypeId) -> Self {
        Self(id)
    }
}
