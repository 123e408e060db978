//! The services that handlers are given, found by their type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::handler_error::HandlerError;

/// The services that handlers are given, found by their type. Cheap to clone.
///
/// In an app host these are the services of the application; elsewhere those that
/// [`EventBusBuilder::service`](crate::EventBusBuilder::service) was given. The builder's win.
#[derive(Clone, Default)]
pub struct HandlerServices {
    own: Arc<OwnServices>,
    #[cfg(feature = "host")]
    host: Option<crate::module::HostServices>,
}

pub(crate) type OwnServices = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

impl HandlerServices {
    pub(crate) fn with_own(mut self, own: OwnServices) -> Self {
        self.own = Arc::new(own);
        self
    }

    #[cfg(feature = "host")]
    pub(crate) fn with_host(mut self, host: crate::module::HostServices) -> Self {
        self.host = Some(host);
        self
    }

    /// The service of type `T`.
    ///
    /// # Errors
    ///
    /// A permanent one, where there is no such service or the application is gone.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Result<T, HandlerError> {
        self.find::<T>().map_err(HandlerError::permanent)
    }

    fn find<T: Clone + Send + Sync + 'static>(&self) -> Result<T, String> {
        let own = self.own.get(&TypeId::of::<T>());
        if let Some(service) = own.and_then(|service| service.downcast_ref::<T>()) {
            return Ok(service.clone());
        }
        #[cfg(feature = "host")]
        if let Some(host) = &self.host {
            return host.find::<T>();
        }
        Err(format!(
            "there is no `{}`; give it to the builder with `.service(…)`",
            type_name::<T>()
        ))
    }
}

impl fmt::Debug for HandlerServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerServices")
            .field("own", &self.own.len())
            .finish_non_exhaustive()
    }
}

/// A parameter of a handler: a service that it is given, by its type.
#[derive(Clone, Copy)]
pub struct Parameter {
    type_name: fn() -> &'static str,
    check: fn(&HandlerServices) -> Result<(), String>,
}

impl Parameter {
    /// A parameter of type `T`.
    #[must_use]
    pub const fn of<T: Clone + Send + Sync + 'static>() -> Self {
        Self {
            type_name: type_name::<T>,
            check: |services| services.find::<T>().map(drop),
        }
    }

    /// The name of its type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    /// Why the service is not there, if it is not.
    pub(crate) fn check(&self, services: &HandlerServices) -> Result<(), String> {
        (self.check)(services)
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({})", self.type_name())
    }
}
